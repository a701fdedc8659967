"""The clinic's sample people stay true: their cards, their codes, their answers, their dates."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from cds_service.content import Content
from cds_service.fhir.questionnaire_response import validate
from demo.people import FOLDER, Person, read_people, read_person, read_staff, resolve, transaction
from tests.demo.visits import request_of
from tests.support.clinic import ROOT, Clinic, topics, walk

NOW = datetime(2028, 2, 29, 23, 30, tzinfo=UTC)  # a leap day, just before midnight
TERMINOLOGY = "http://terminology.hl7.org/"  # FHIR's own statuses, categories and classes
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
WANTED = {
    "urine-testing",
    "sti-testing",
    "pelvic-exam",
    "dryness-care",
    "genitourinary-exam",
    "pelvic-floor-care",
    "private-conversation",
    "emergency-assessment",
    "offer-intake",
    "self-care",
}


@pytest.fixture(scope="module")
def people(content: Content) -> dict[str, Person]:
    return {p.id: p for p in read_people([form.resource for form in content.forms], NOW)}


def test_there_are_people_for_every_kind_of_visit(people: dict[str, Person]) -> None:
    shown = {topic for p in people.values() for cards in p.expect.values() for topic in cards}

    assert len(people) >= 12
    assert shown >= WANTED
    assert any(p.expect["patient-view"] == [] for p in people.values())
    assert {p.response is None for p in people.values()} == {True, False}


@pytest.mark.parametrize("name", NAMES)
def test_a_person_gets_the_cards_their_file_states(
    name: str, people: dict[str, Person], clinic: Clinic
) -> None:
    person = people[name]
    assert "patient-view" in person.expect

    for hook, expected in person.expect.items():
        service = clinic.pipeline.service_for(hook)
        result = clinic.pipeline.answer(service, request_of(person, service), NOW)

        assert topics(result.cards) == expected, hook
        assert not result.evaluation.errors
        assert not result.evaluation.facts.answers.unusable


@pytest.mark.parametrize("name", NAMES)
def test_every_code_is_one_of_ours_and_every_resource_is_fhir(
    name: str, people: dict[str, Person], content: Content
) -> None:
    displays = _displays()

    for resource in people[name].resources:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        if resource["resourceType"] == "QuestionnaireResponse":
            continue
        for path, value in walk(resource):
            if isinstance(value, dict) and {"system", "code"} <= value.keys():
                system = value["system"]
                if not system.startswith((TERMINOLOGY, "http://unitsofmeasure.org")):
                    coding = (system, value["code"])
                    known = any(coding in codes for codes in content.value_sets.values())
                    assert known, (resource["id"], path)
                    assert displays.get(coding, value["display"]) == value["display"], coding


def _displays() -> dict[tuple[str, str], str]:
    """(system, code) -> display of every code that ``value_sets/`` lists by itself."""
    found = {}
    for path in (ROOT / "value_sets").glob("*.json"):
        for include in json.loads(path.read_bytes())["compose"]["include"]:
            for concept in include.get("concept", ()):
                found[include["system"], concept["code"]] = concept["display"]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_what_the_form_would_accept(
    name: str, people: dict[str, Person], clinic: Clinic
) -> None:
    forms = {form.url: form.form for form in clinic.content.forms}
    answered = [r for r in people[name].resources if r["resourceType"] == "QuestionnaireResponse"]

    for response in answered:
        form = forms[response["questionnaire"].partition("|")[0]]
        assert not list(validate(form, response, now=NOW)), response["id"]


def test_a_person_is_stored_as_one_transaction_under_their_own_ids(
    people: dict[str, Person],
) -> None:
    for person in people.values():
        about = f"Patient/{person.id}"
        for entry in transaction(person.resources)["entry"]:
            resource = entry["resource"]

            assert entry["request"]["url"] == f"{resource['resourceType']}/{resource['id']}"
            assert resource["id"].startswith(person.id)
            assert about in json.dumps(resource) or resource["id"] == person.id


def test_the_staff_are_fhir_too() -> None:
    for resource in read_staff():
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("{{now}}", "2028-02-29T23:30:00Z"),
        ("{{now-72h}}", "2028-02-26T23:30:00Z"),
        ("{{now+2d+1h}}", "2028-03-03T00:30:00Z"),
        ("{{today-30y}}", "1998-02-28"),
        ("{{today-30y-5d}}", "1998-02-23"),
        ("on {{today-1d}}, then {{today}}", "on 2028-02-28, then 2028-02-29"),
        ("{{tomorrow}}", "{{tomorrow}}"),
    ],
)
def test_moments_are_counted_from_the_start(written: str, meant: str) -> None:
    assert resolve({"a": [written]}, NOW) == {"a": [meant]}


@pytest.mark.parametrize("answers", [{"shoe-size": "yes"}, {"private": "perhaps"}])
def test_an_answer_the_form_does_not_have_is_refused(
    answers: dict[str, Any], content: Content
) -> None:
    document = {"id": "x", "title": "", "lookFor": "", "expect": {}, "chart": [], "answered": ""}

    with pytest.raises(ValueError, match="the form"):
        read_person({**document, "answers": answers}, [content.questionnaire.resource], NOW)
