"""``cds-service chart-coverage`` gives the figures of a replay without one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cds_service.cli import main

from .exports import patient, replayed, write_ndjson

PARTS = ("unreadable", "codes", "coverage", "lookAlikes")
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_its_figures_are_those_of_a_replay(
    workers: str, run: Path, export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))

    assert main(["chart-coverage", str(export), "--json", "--workers", workers]) == 0
    assert json.loads(capsys.readouterr().out) == {part: report[part] for part in PARTS}


def test_medicines_count_where_entries_refer_to_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    coding = {"system": RXNORM, "code": "0000", "display": "Sertraline, a local pack"}
    medicines = [{"resourceType": "Medication", "id": "m", "code": {"coding": [coding]}}]
    orders = [
        {
            "resourceType": "MedicationRequest",
            "id": f"o{n}",
            "status": "active",
            "intent": "order",
            "subject": {"reference": f"Patient/p{n}"},
            "medicationReference": {"reference": "Medication/m"},
        }
        for n in range(6)
    ]
    people = [patient(f"p{n}") for n in range(6)]
    export = write_ndjson(tmp_path / "export", [*people, *orders, *medicines])

    assert main(["chart-coverage", str(export), "--json", "--workers", "1"]) == 0
    coverage = json.loads(capsys.readouterr().out)

    report = replayed(tmp_path / "run", export)
    assert coverage == {part: report[part] for part in PARTS}
    assert [(row["code"], row["count"]) for row in coverage["lookAlikes"]] == [("0000", 6)]


def test_a_code_of_few_people_is_not_told_and_broken_lines_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    coding = {"system": "https://hospital.example.org/codes", "code": "rare-1", "display": "Rare"}
    conditions = [
        {
            "resourceType": "Condition",
            "id": f"c{n}",
            "subject": {"reference": f"Patient/p{n % 4}"},
            "code": {"coding": [coding]},
        }
        for n in range(9)
    ]
    export = write_ndjson(tmp_path / "export", conditions)
    (export / "broken.ndjson").write_text("{\n", encoding="utf-8")

    assert main(["chart-coverage", str(export), "--workers", "1"]) == 1
    said = capsys.readouterr()

    assert "rare-1" not in said.out
    assert "https://hospital.example.org/codes" in said.out
    assert "Not read: 1 not JSON" in said.err
    assert main(["chart-coverage", str(tmp_path / "gone")]) == 2
    assert "gone is not there" in capsys.readouterr().err
