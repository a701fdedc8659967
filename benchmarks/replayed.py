"""A replay of made-up people: a patient beside a hook call, two workers beside one, memory."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.table import Row
from cds_service.authoring.replay.run import Options, replay
from cds_service.authoring.replay.runners import InProcess, Processes, Runner
from cds_service.content import Content, find_root
from demo.population.export import write_export

PEOPLE = (2_000, 20_000)
SEED = 5
NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
COMMAND = Path(sys.executable).with_name("cds-service")
MEBIBYTE = 1 << 20


class Timed:
    """A runner that keeps how long each of its functions took, in seconds of ``clock``."""

    def __init__(self, runner: Runner, clock: Callable[[], float]) -> None:
        self.runner, self.workers, self._clock = runner, runner.workers, clock
        self.seconds = Counter[str]()

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Yields what the runner yields."""
        began = self._clock()
        yield from self.runner.map(function, items)
        self.seconds[function.func.__name__] += self._clock() - began  # type: ignore[attr-defined]


def replayed(content: Content, call_ms: float) -> list[Row]:
    """``call_ms`` is what a hook call costs inside the process in the same run."""
    with tempfile.TemporaryDirectory(prefix="replayed-") as name:
        folder = Path(name)
        small, large = (folder / str(people) for people in PEOPLE)
        for export, people in zip((small, large), PEOPLE, strict=True):
            write_export(content, export, people, SEED, NOW)
        size = sum(path.stat().st_size for path in small.iterdir())
        cpu = _timed(small, folder / "cpu", InProcess(), time.process_time)
        one = _timed(small, folder / "one", Processes(1), time.perf_counter)
        two = _timed(small, folder / "two", Processes(2), time.perf_counter)
        memory = [_resident_mib(export, folder / f"of-{export.name}") for export in (small, large)]
    patient_ms = cpu["evaluate_partition"] / PEOPLE[0] * 1000
    spread = one["evaluate_partition"] / two["evaluate_partition"]
    return [
        Row("a replayed patient", patient_ms, "ms", note=f"{1000 / patient_ms:.0f} a second"),
        Row("a replayed patient / a hook call", patient_ms / call_ms, "x", 0.5),
        Row("shuffle", size / 1e6 / cpu["shuffle_piece"], "MB/s", 60, at_least=True),
        Row("two workers / one", spread, "x", 1.8, at_least=True),
        Row(f"memory, {PEOPLE[1]} people", memory[1], "MiB"),
        Row(f"memory, {PEOPLE[1]} / {PEOPLE[0]} people", memory[1] / memory[0], "x", 1.2),
    ]


def _timed(export: Path, out: Path, runner: Runner, clock: Callable[[], float]) -> Counter[str]:
    timed = Timed(runner, clock)
    replay(Options((export,), out, find_root(), now=NOW, html=False), lambda: NOW, timed)
    return timed.seconds


def _resident_mib(export: Path, out: Path) -> float:
    """The most memory a replay in one process held, as the system tells at its end."""
    command = [COMMAND, "replay", export, "--out", out, "--workers", "1", "--now", NOW.isoformat()]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"a replay of {export.name} people ended with status {status}")
    json.loads((out / "report.json").read_bytes())  # it is whole
    return usage.ru_maxrss * 1024 / MEBIBYTE
