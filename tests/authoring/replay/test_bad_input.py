"""Bad exports are counted or refused in one sentence, and nothing half-written is left."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from cds_service.authoring.replay import partition, reading, runners
from cds_service.authoring.replay.lines import Reason
from cds_service.cli import main

from .exports import about, patient, replayed, rows, write_ndjson

FINE = patient("fine")
CONDITION = {
    "resourceType": "Condition",
    "id": "c",
    "subject": {"reference": "Patient/fine"},
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "71315007"}]},
}


def written(folder: Path, *lines: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "all.ndjson").write_bytes(b"\n".join([orjson.dumps(FINE), *lines, b""]))
    return folder


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"resourceType":"Condition"', Reason.JSON),
        (b'{"resourceType":"Condition","subject":{"reference":"Patient/fine"},}', Reason.JSON),
        (b"\xff\xfe", Reason.JSON),
        (b"null", Reason.RESOURCE),
        (b'["Condition"]', Reason.RESOURCE),
        (b'{"resourceType":7}', Reason.RESOURCE),
        (b'{"id":"x"}', Reason.RESOURCE),
        (b'{"resourceType":"Condition","id":"x"}', Reason.NO_PATIENT),
        (b'{"resourceType":"Condition","subject":"Patient/fine x"}', Reason.NO_PATIENT),
        (b'{"resourceType":"Condition","subject":{"reference":"Group/fine"}}', Reason.NO_PATIENT),
        (b'{"resourceType":"Condition","subject":{"reference":"Patient/a b"}}', Reason.NO_PATIENT),
        (b'{"resourceType":"Patient","id":"not an id"}', Reason.NO_PATIENT),
        (
            b'{"resourceType":"Condition","subject":{"reference":"Patient/fine"},'
            b'"patient":{"reference":"Patient/other"}}',
            Reason.TWO_PATIENTS,
        ),
        (b'{"resourceType":"Condition","subject":{"reference":"Patient/gone"}}', Reason.ORPHAN),
    ],
)
def test_a_line_that_cannot_be_used_is_counted_by_reason_and_file(
    line: bytes, reason: Reason, tmp_path: Path
) -> None:
    report = replayed(tmp_path / "run", written(tmp_path / "export", line))

    assert report["patients"] == 1
    assert report["unreadable"] == {reason: 1}
    assert report["unreadableByFile"] == [{"file": "all.ndjson", "reason": reason, "count": 1}]


@pytest.mark.parametrize(
    "changes",
    [
        {"code": "a text"},
        {"code": {"coding": "a text"}},
        {"code": {"coding": [7, None, {"system": 7, "code": []}]}},
        {"clinicalStatus": 7, "onsetDateTime": ["x"]},
        {"code": None},
    ],
)
def test_an_entry_of_a_wrong_shape_costs_nobody_the_evaluation(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    entry = orjson.dumps(CONDITION | changes)
    report = replayed(tmp_path / "run", written(tmp_path / "export", entry))

    assert report["patients"] == 1
    assert report["notAnswered"] == {}
    assert [row["type"] for row in report["notUnderstood"]] == ["Condition"]


def test_a_type_the_content_does_not_read_is_counted(tmp_path: Path) -> None:
    claim = b'{"resourceType":"Claim","patient":{"reference":"Patient/fine"}}'
    report = replayed(tmp_path / "run", written(tmp_path / "export", claim, claim))

    assert report["unreadable"] == {}
    assert report["notRead"] == {"Claim": 2}


def test_a_patient_in_two_files_is_one_and_the_newest_copy_counts(tmp_path: Path) -> None:
    old = patient("fine", meta={"lastUpdated": "2020-01-01T00:00:00Z"}, birthDate="1950-01-01")
    new = patient("fine", meta={"lastUpdated": "2026-01-01T00:00:00Z"})
    write_ndjson(tmp_path / "a", [new, CONDITION])
    write_ndjson(tmp_path / "b", [old, CONDITION])

    report = replayed(tmp_path / "run", tmp_path / "a", tmp_path / "b", tmp_path / "a")

    assert report["patients"] == 1
    assert report["unreadable"] == {Reason.TWICE: 1}
    assert [row["ageBand"] for row in rows(tmp_path / "run" / "evaluations")] == ["35-44"]


def test_a_gzip_file_cut_in_half_gives_what_can_be_read(tmp_path: Path) -> None:
    people = [orjson.dumps(patient(f"p{n}", text="x" * (n % 97))) for n in range(2000)]
    whole = gzip.compress(b"\n".join(people), 1)
    export = tmp_path / "Patient.ndjson.gz"
    export.write_bytes(whole[: len(whole) // 2])

    report = replayed(tmp_path / "run", export)

    assert report["unreadable"] == {Reason.GZIP: 1}
    assert 0 < report["patients"] < 2000


def test_a_file_that_is_no_gzip_is_counted(tmp_path: Path) -> None:
    export = written(tmp_path / "export")
    (export / "Condition.ndjson.gz").write_bytes(b"this is no gzip")

    assert replayed(tmp_path / "run", export)["unreadable"] == {Reason.GZIP: 1}


def test_json_files_that_are_no_bundle_are_counted(tmp_path: Path) -> None:
    export = written(tmp_path / "export")
    (export / "broken.json").write_bytes(b'{"resourceType":"Bundle",')
    (export / "list.json").write_bytes(b'[7,{"resourceType":"Bundle","entry":[{"resource":1}]}]')
    (export / "one.json").write_bytes(orjson.dumps(CONDITION))
    (export / "readme.txt").write_text("not read", encoding="utf-8")

    report = replayed(tmp_path / "run", export)

    assert report["unreadable"] == {Reason.JSON: 1, Reason.RESOURCE: 2}


def test_what_is_too_large_is_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(reading, "MAX_LINE", 5000)
    monkeypatch.setattr(reading, "MAX_BUNDLE", 5000)
    monkeypatch.setattr(reading, "BLOCK", 1000)
    long = orjson.dumps(CONDITION | {"text": "x" * 20_000})
    export = written(tmp_path / "export", long, orjson.dumps(CONDITION))
    (export / "large.json").write_bytes(long)
    (export / "long.ndjson.gz").write_bytes(gzip.compress(long + b"\n" + orjson.dumps(CONDITION)))

    report = replayed(tmp_path / "run", export)

    assert report["patients"] == 1
    assert report["unreadable"] == {Reason.BUNDLE: 1, Reason.LONG: 2}


def test_one_patient_too_large_for_memory_is_counted_and_the_others_are_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(partition, "MAX_BYTES", 20_000)
    people = [patient(f"p{n}", text="x" * 3000) for n in range(40)]
    heavy = [about("p7", CONDITION | {"id": f"c{n}", "text": "x" * 1000}) for n in range(30)]
    for entry in heavy:
        entry["subject"] = {"reference": "Patient/p7"}
    report = replayed(tmp_path / "run", write_ndjson(tmp_path / "export", [*people, *heavy]))

    assert report["patients"] == 39
    assert report["unreadable"] == {Reason.LARGE_PATIENT: 31}


def test_medicines_are_found_apart_from_their_patients(tmp_path: Path) -> None:
    medicine = {
        "resourceType": "Medication",
        "id": "m1",
        "code": {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm"}]},
    }
    medicine["code"]["coding"][0]["code"] = "4493"
    order = {
        "resourceType": "MedicationRequest",
        "id": "o",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/fine"},
        "authoredOn": "2026-11-01",
        "medicationReference": {"reference": "Medication/m1"},
    }
    lines = [orjson.dumps(order), orjson.dumps(medicine), b'{"resourceType":"Medication"}']
    report = replayed(tmp_path / "run", written(tmp_path / "export", *lines))

    assert report["codes"]["RxNorm"] == {"recognised": 1, "unrecognised": 0}
    assert report["notUnderstood"] == []
    assert report["unreadable"] == {Reason.RESOURCE: 1}


def refused(*arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence of a command that is not possible."""
    assert main(["replay", *arguments]) == 2
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    return said


def test_what_is_not_possible_is_refused_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runners, "CONNECT_SECONDS", 0.5)
    empty, out = tmp_path / "empty", str(tmp_path / "run")
    empty.mkdir()
    export = str(written(tmp_path / "export"))
    odd = tmp_path / "export.csv"
    odd.touch()

    assert "empty holds no file that can be read" in refused(
        str(empty), "--out", out, capsys=capsys
    )
    assert "gone is not there" in refused(str(tmp_path / "gone"), "--out", out, capsys=capsys)
    assert "export.csv cannot be read" in refused(str(odd), "--out", out, capsys=capsys)
    assert "holds nothing for the hook 'order-sign'" in refused(
        export, "--out", out, "--hook", "order-sign", capsys=capsys
    )
    assert "export is not empty: add --resume" in refused(export, "--out", export, capsys=capsys)
    assert "holds no replay that could be resumed" in refused(
        export, "--out", out, "--resume", capsys=capsys
    )
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in refused(
        export, "--out", out, "--dask", "tcp://127.0.0.1:9", capsys=capsys
    )
    assert not Path(out).exists()


def test_a_command_that_runs_says_what_it_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export = written(tmp_path / "export", b"broken")
    arguments = ["replay", str(export), "--out", str(tmp_path / "run"), "--workers", "1"]

    assert main([*arguments, "--now", "2026-11-01", "--case-ids"]) == 1
    said = capsys.readouterr()

    assert re.match(r"1 patients in [\d.]+ s, \d+ a second and core\. See .*report\.html", said.out)
    assert "Not read: 1 not JSON" in said.err
    assert "names patients by their ids" in said.err
    assert (tmp_path / "run" / "report.html").exists()


@pytest.mark.parametrize(
    ("limit", "whole"),
    [
        (60_000, []),
        (150_000, ["cards.parquet", "codes.parquet", "evaluations", "rules.parquet"]),
    ],
)
def test_a_full_disk_leaves_nothing_half_written_and_can_be_resumed(
    limit: int, whole: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people = [patient(f"p{n}", text="x" * 150) for n in range(400)]
    export = write_ndjson(tmp_path / "export", people)
    out = tmp_path / "run"
    command = ["replay", str(export), "--out", str(out), "--workers", "1"]

    full = subprocess.run(
        [sys.executable, "-c", FULL, str(limit), *command],
        capture_output=True,
        text=True,
        check=False,
    )

    assert full.returncode == 2, full.stderr
    assert "File too large" in full.stderr
    assert "Traceback" not in full.stderr
    assert sorted(p.name for p in out.iterdir()) == sorted([*whole, "manifest.json", "work"])
    assert not [p for p in out.rglob("*") if p.name.endswith(".part")]
    assert main([*command, "--resume"]) == 0, capsys.readouterr().err
    assert json.loads((out / "report.json").read_text(encoding="utf-8"))["patients"] == 400


# A limit on the size of files stands for a disk that is full: the write fails in the same place.
FULL = """
import resource, sys
from cds_service.cli import main
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
sys.exit(main(sys.argv[2:]))
"""
