"""A replay that was ended half-way continues where it was, and only as what it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cds_service.cli import main
from cds_service.content import Content
from demo.population.export import write_export
from tests.support.clinic import NOW

from .exports import copied_content, replayed, rows

PEOPLE = 400
COMMAND = "import sys; from cds_service.cli import main; sys.exit(main(sys.argv[1:]))"
Ending = Callable[[int], None]


@pytest.fixture(scope="module")
def large(content: Content, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export that takes some seconds, so that a replay of it can be ended."""
    folder = tmp_path_factory.mktemp("large")
    write_export(content, folder, PEOPLE, 11, NOW)
    return folder


def kill_a_worker(process: int) -> None:
    workers = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    os.kill(int(workers[0]), signal.SIGKILL)


def press_ctrl_c(process: int) -> None:
    os.killpg(process, signal.SIGINT)


def ended(end: Ending, *arguments: object) -> tuple[int, str]:
    """Ends a command when its first partition is evaluated; returns its status and last line."""
    command = [sys.executable, "-c", COMMAND, *map(str, arguments)]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stderr
        assert any(line.startswith("evaluating") for line in process.stderr)
        end(process.pid)
        said = process.stderr.read()
    return process.returncode, said.strip().rpartition("\n")[2]


def test_what_was_ended_half_way_is_continued(
    large: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, whole = tmp_path / "run", tmp_path / "whole"
    command = ["replay", large, "--out", out, "--workers", 2, "--now", NOW.isoformat()]

    killed, why_killed = ended(kill_a_worker, *command)
    stopped, why_stopped = ended(press_ctrl_c, *command, "--resume")
    left = {path.name for path in out.iterdir()}
    parts = len(list((out / "work" / "parts").glob("*.json")))
    continued = main([*map(str, command), "--resume"])
    again = main([*map(str, command), "--resume"])

    assert (killed, stopped, continued, again) == (2, 130, 0, 0), capsys.readouterr().err
    assert "a worker process ended by itself" in why_killed
    assert why_stopped == "Stopped. The same command with --resume continues."
    assert left == {"manifest.json", "work"}
    assert 0 < parts < 8, "some of the partitions were done, not all"
    assert not (out / "work").exists()
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["digest"] == replayed(whole, large)["digest"]
    assert report["patients"] == PEOPLE == len(rows(out / "evaluations"))


def test_another_replay_is_not_continued(
    tmp_path: Path, run: Path, export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = copied_content(tmp_path / "other", "plan_definitions/red-flags.json", "40", "41")
    command = ["replay", "--out", str(run), "--resume"]
    kept = (run / "report.json").read_bytes()

    def refused(*changes: str, of: Path = export) -> str:
        assert main([*command, str(of), *changes]) == 2
        said = capsys.readouterr().err.strip()
        assert said.count("\n") == 0
        return said

    assert "begun with another content" in refused("--content", str(content))
    assert "begun with another --now" in refused("--now", "2026-11-02")
    assert "begun with another --hook" in refused("--hook", "encounter-start")
    assert "begun with another content to compare with" in refused("--against", str(content))
    assert "begun with other files, or files that have" in refused(of=export / "Patient.ndjson")
    assert (run / "report.json").read_bytes() == kept
