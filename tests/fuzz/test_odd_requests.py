"""Odd but possible requests: none is answered silently, or with somebody else's data."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from cds_service.cli import main
from cds_service.content import ContentError, load_content
from cds_service.content.reader import FOLDERS
from cds_service.decision.answers import read_answers
from tests.support.clinic import (
    ABSENT,
    NOW,
    QUIET,
    ROOT,
    Clinic,
    active,
    ago,
    changed,
    concept,
    observation,
    topics,
    walk,
)

UCUM = "http://unitsofmeasure.org"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FOLDERS:
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(("item", "one", "other"), [("preg", "yes", "no"), ("sev", 2, 9)])
def test_a_single_answer_sent_as_two_items_is_unknown(
    clinic: Clinic, item: str, one: Any, other: Any
) -> None:
    items = [*clinic.items({item: one}), *clinic.items({item: other})]

    sheet = read_answers(clinic.form, {"item": items}, NOW, NOW)

    assert item not in sheet.view
    assert item in sheet.unusable


@pytest.mark.requirement("1.27")
@pytest.mark.parametrize(
    ("about", "status"),
    [
        ({"subject": {"reference": "Patient/person/_history/2"}}, 200),
        ({"subject": {"reference": "https://ehr.example/fhir/Patient/person/_history/1"}}, 200),
        ({"subject": {"reference": "Group/person"}}, 412),
        ({"subject": {"reference": "RelatedPerson/person"}}, 412),
        ({"subject": {"reference": "Patient/other/_history/person"}}, 412),
        ({"subject": None, "patient": {"reference": "Patient/other"}}, 412),
        ({"subject": "Patient/other", "patient": {"reference": "Patient/other"}}, 412),
    ],
)
def test_whose_data_it_is_is_read_from_the_whole_reference(
    clinic: Clinic, about: dict[str, Any], status: int
) -> None:
    problem = active(code=concept(clinic.content, "endometriosis")) | about

    assert clinic.post(clinic.request(QUIET, [problem])).status_code == status


@pytest.mark.requirement("3.4")
@pytest.mark.parametrize("authored", [None, "soon", "2099-01-01"])
def test_a_finished_response_without_a_usable_date_is_never_silent(
    clinic: Clinic, authored: Any
) -> None:
    response = clinic.response({**QUIET, "rfgen": ["severe"]}, authored=authored)

    answer = clinic.post(clinic.request(responses=[response]))

    assert answer.status_code == 200
    cards = answer.get_json()["cards"]
    assert cards[0]["indicator"] == "critical"
    assert "Date of the answers unknown" in cards[0]["detail"]


def test_every_detail_has_the_five_parts(clinic: Clinic) -> None:
    for card in clinic.found({**QUIET, "urine": ["burn"], "dur": "once"}).cards:
        for part in ("Do now", "Basis"):
            assert f"**{part}" in card["detail"]


def test_an_encounter_nobody_asked_for_is_not_missed(clinic: Clinic) -> None:
    body = clinic.request(QUIET)
    body["context"]["encounterId"] = "visit"

    assert "could not be read" not in str(clinic.cards(body))


@pytest.mark.parametrize("system", [ABSENT, f"{UCUM}/", "urn:oid:2.16.840.1.113883.6.8"])
def test_a_temperature_in_an_odd_system_sinks_no_rule(clinic: Clinic, system: Any) -> None:
    heat = changed({"value": 36.8, "code": "Cel", "system": UCUM}, ("system",), system)
    reading = observation(
        code=concept(clinic.content, "body-temperature"),
        effectiveDateTime=ago(hours=1),
        valueQuantity=heat,
    )

    result = clinic.found({**QUIET, "rfgen": ["fever"], "urine": ["burn"]}, [reading])

    assert result.evaluation.errors == {}
    assert topics(result.cards)[0] == "emergency-assessment"


def test_a_date_at_the_edge_of_the_calendar_sinks_no_call(clinic: Clinic) -> None:
    entry = observation(
        code=concept(clinic.content, "urinalysis"), effectiveDateTime="0001-01-01T00:00:00+14:00"
    )

    assert clinic.post(clinic.request(QUIET, [entry])).status_code == 200


@pytest.mark.parametrize("command", ["explain", "check", "review"])
def test_commands_say_what_is_wrong_with_content(
    command: str, folder: Path, clinic: Clinic, capsys: pytest.CaptureFixture[str]
) -> None:
    cause = folder / "plan_definitions" / "causes" / "vaginal-dryness.json"
    plan = json.loads(cause.read_text(encoding="utf-8"))
    plan.pop("usage")
    cause.write_text(json.dumps(plan), encoding="utf-8")
    request = folder / "request.json"
    request.write_text(json.dumps(clinic.request(QUIET)), encoding="utf-8")
    arguments = [command, "--content", str(folder)]

    status = main([*arguments, str(request)] if command == "explain" else arguments)

    assert status == 1
    assert "vaginal-dryness.json: usage:" in capsys.readouterr().out


def places(document: Any) -> list[tuple[Any, ...]]:
    """One path for each kind of place: entries of a list count as one."""
    kinds: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for path, _ in walk(document):
        if path and not isinstance(path[-1], int):
            kinds.setdefault(tuple("*" if isinstance(s, int) else s for s in path), path)
    return list(kinds.values())


@pytest.mark.parametrize(
    "file",
    [
        "plan_definitions/causes/vaginal-dryness.json",
        "plan_definitions/cards/urine-testing.json",
        "plan_definitions/dyspareunia-workup.json",
        "activity_definitions/urine-culture.json",
        "value_sets/endometriosis.json",
        "code_systems/override-reasons.json",
        "questionnaires/dyspareunia-intake.json",
        "libraries/dyspareunia-facts.json",
    ],
)
def test_taking_out_any_element_is_a_finding_or_nothing(
    file: str, folder: Path, request: pytest.FixtureRequest
) -> None:
    path = folder / file
    document = json.loads(path.read_text(encoding="utf-8"))
    step = 1 if request.config.getoption("--sweep") else 6

    for place in places(document)[::step]:
        path.write_text(json.dumps(changed(document, place, ABSENT)), encoding="utf-8")
        try:
            load_content(folder)
        except ContentError as error:
            assert error.findings
