"""One digest, whatever the order, the files, the form of the export and the number of processes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import orjson
import pytest

from cds_service.authoring.replay.job import make_plan
from cds_service.authoring.replay.runners import Processes
from cds_service.authoring.replay.sources import find_sources

from .conftest import PEOPLE
from .exports import replayed, resources

SMALL = 256 << 10  # bytes of a partition, so that there are many


@pytest.fixture(scope="module")
def digest(run: Path) -> str:
    return json.loads((run / "report.json").read_text(encoding="utf-8"))["digest"]


def all_resources(export: Path) -> list[dict]:
    return [r for path in sorted(export.glob("*.ndjson")) for r in resources(path)]


def owner(resource: dict) -> str:
    subject = resource.get("subject", {"reference": f"Patient/{resource['id']}"})
    return subject["reference"]


def shuffled(export: Path, folder: Path) -> None:
    lines = [orjson.dumps(r) for r in all_resources(export)]
    Random(3).shuffle(lines)
    (folder / "one.ndjson").write_bytes(b"\n".join(lines[: len(lines) // 2]))
    (folder / "two.ndjson").write_bytes(b"\r\n\n".join(lines[len(lines) // 2 :]) + b"\n\n")


def gzipped(export: Path, folder: Path) -> None:
    for path in export.glob("*.ndjson"):
        (folder / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))


def bundles(export: Path, folder: Path) -> None:
    """One Bundle a patient, entries named by urn, but for the last, who come together."""
    people: dict[str, list[dict]] = {}
    for resource in all_resources(export):
        people.setdefault(owner(resource), []).append(resource)
    names = sorted(people)
    groups = [[name] for name in names[:-20]] + [names[-20:]]
    for place, group in enumerate(groups):
        entries = [
            {"fullUrl": f"urn:uuid:{r['id']}", "resource": r} for n in group for r in people[n]
        ]
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
        (folder / f"{place}.json").write_bytes(orjson.dumps(bundle, option=orjson.OPT_INDENT_2))


def other_references(export: Path, folder: Path) -> None:
    """The same export with every form of a reference, and members in another order."""
    forms = ("Patient/{}", "https://ehr.example/fhir/Patient/{}", "Patient/{}/_history/3")
    forms += ("urn:uuid:{}",)
    lines = []
    for place, resource in enumerate(all_resources(export)):
        if "subject" in resource:
            name = owner(resource).removeprefix("Patient/")
            reference = forms[place % len(forms)].format(name)
            resource["subject"] = {"display": "x", "reference": reference}
        lines.append(orjson.dumps(resource, option=orjson.OPT_SORT_KEYS) + b"\n")
    (folder / "all.ndjson").write_bytes(b"".join(lines))


@pytest.mark.parametrize("write", [shuffled, gzipped, bundles, other_references])
def test_the_form_of_the_export_changes_nothing(
    write: Callable[[Path, Path], None], export: Path, digest: str, tmp_path: Path
) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    write(export, folder)

    report = replayed(tmp_path / "run", folder, partition_bytes=SMALL)

    assert report["unreadable"] == {}
    assert report["digest"] == digest


def test_processes_change_nothing(export: Path, digest: str, tmp_path: Path) -> None:
    report = replayed(tmp_path / "run", export, runner=Processes(3), partition_bytes=SMALL)

    assert report["workers"] == 3
    assert report["digest"] == digest


def test_two_levels_of_the_shuffle_change_nothing(
    export: Path, digest: str, tmp_path: Path
) -> None:
    plan = make_plan(tuple(find_sources([export])), 1, SMALL, most=10)
    assert plan.two_levels

    report = replayed(tmp_path / "run", export, partition_bytes=SMALL, max_partitions=10)

    assert report["digest"] == digest


def test_another_hook_happens_in_the_newest_encounter(export: Path, tmp_path: Path) -> None:
    report = replayed(tmp_path / "run", export, hook="encounter-start")

    assert report["patients"] == PEOPLE
    assert report["hook"] == "encounter-start"


def test_responses_may_be_kept_elsewhere(export: Path, digest: str, tmp_path: Path) -> None:
    apart, rest = tmp_path / "responses", tmp_path / "rest"
    apart.mkdir()
    rest.mkdir()
    for path in export.glob("*.ndjson"):
        there = apart if path.stem == "QuestionnaireResponse" else rest
        (there / path.name).write_bytes(path.read_bytes())
    (apart / "Condition.ndjson").write_bytes((export / "Condition.ndjson").read_bytes())

    report = replayed(tmp_path / "run", rest, questionnaires=apart)

    assert report["digest"] == digest
