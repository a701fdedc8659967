"""``$populate`` over HTTP: SDC's parameters in, a response and its issues out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from fhir.resources.R4B.parameters import Parameters
from werkzeug.test import TestResponse

from cds_service.content import Content
from tests.support.clinic import PERSON, Clinic, ago, bundle, meeting
from tests.support.ward import CANARY, Make, Trusted, stored

POPULATE = "/fhir/Questionnaire/dyspareunia-intake/$populate"
PATIENT = {"resourceType": "Patient", "id": PERSON}
SUBJECT = {"name": "subject", "valueReference": {"reference": f"Patient/{PERSON}"}}


def context(name: str, *content: Any) -> dict[str, Any]:
    parts = [{"name": "content", "resource": resource} for resource in content]
    return {"name": "context", "part": [{"name": "name", "valueString": name}, *parts]}


def parameters(*sent: Any) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": list(sent)}


def asked(clinic: Clinic, *sent: Any) -> TestResponse:
    return clinic.client.post(POPULATE, json=parameters(*sent))


def populated(answer: TestResponse) -> dict[str, Any]:
    """The resources of the answer by name, checked as FHIR."""
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "application/fhir+json"
    assert answer.headers["Cache-Control"] == "no-store"
    Parameters.model_validate_json(answer.data)
    return {p["name"]: p["resource"] for p in answer.get_json()["parameter"]}


def medicine(content: Content) -> dict[str, Any]:
    return meeting(content.requirements["antidepressantRequest"], ago(days=30))


def test_a_chart_in_the_context_answers_the_form(clinic: Clinic, content: Content) -> None:
    chart = context("chart", bundle([medicine(content)]))

    found = populated(asked(clinic, SUBJECT, context("patient", PATIENT), chart))

    assert found.keys() == {"response"}
    (item,) = found["response"]["item"]
    assert item["linkId"] == "meds"
    assert found["response"]["subject"] == {"reference": f"Patient/{PERSON}"}


@pytest.mark.parametrize("subject", ["valueReference", "valueString"])
def test_a_subject_is_enough(subject: str, clinic: Clinic, content: Content) -> None:
    person = f"Patient/{PERSON}"
    value = {"reference": person} if subject == "valueReference" else person

    found = populated(
        asked(clinic, {"name": "subject", subject: value}, context("chart", medicine(content)))
    )

    assert [i["linkId"] for i in found["response"]["item"]] == ["meds"]


def test_get_with_a_subject_begins_an_empty_response(clinic: Clinic) -> None:
    found = populated(clinic.client.get(f"{POPULATE}?subject=Patient/{PERSON}"))

    assert "item" not in found["response"]


def test_what_is_only_referred_to_is_said_to_be_missing(clinic: Clinic) -> None:
    reference = {"name": "content", "valueReference": {"reference": "Bundle/1"}}
    chart = {"name": "context", "part": [{"name": "name", "valueString": "chart"}, reference]}

    found = populated(asked(clinic, SUBJECT, chart))

    (issue,) = found["issues"]["issue"]
    assert (issue["severity"], issue["expression"]) == ("warning", ["chart"])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ([], 400),
        (PATIENT, 400),
        (parameters(), 400),
        (parameters(context("encounter", {"resourceType": "Encounter"})), 400),
        (parameters({"name": "subject", "valueReference": None}), 400),
        (parameters(SUBJECT, context("patient", {**PATIENT, "id": "other"})), 400),
        (parameters(SUBJECT, context("x", {**PATIENT, "id": "other"})), 412),
        ({"resourceType": "Parameters", "parameter": [None, 5, {"name": 5}]}, 400),
    ],
    ids=[
        "nothing",
        "a-list",
        "another-resource",
        "no-parameters",
        "nobody",
        "an-empty-subject",
        "two-people",
        "another-person-in-the-chart",
        "odd-parts",
    ],
)
def test_what_cannot_be_used_is_refused(body: Any, status: int, clinic: Clinic) -> None:
    answer = clinic.client.post(POPULATE, json=body)

    assert answer.status_code == status
    assert answer.get_json()["resourceType"] == "OperationOutcome"


def test_another_form_is_not_there(clinic: Clinic) -> None:
    answer = clinic.client.post("/fhir/Questionnaire/other/$populate", json=parameters(SUBJECT))

    assert answer.status_code == 404


def test_operations_need_the_token_that_reading_does_not(content: Content, tmp_path: Path) -> None:
    trusted = Trusted(content, tmp_path)

    reading = trusted.client.get("/fhir/Questionnaire/dyspareunia-intake")
    without = trusted.client.post(POPULATE, json=parameters(SUBJECT))
    with_one = trusted.ask(POPULATE, parameters(SUBJECT))

    assert (reading.status_code, without.status_code, with_one.status_code) == (200, 401, 200)


def test_populating_leaves_nothing_behind(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture, content: Content
) -> None:
    ward = make()
    person = {**PATIENT, "id": CANARY, "name": [{"family": CANARY}]}
    mine = orjson.loads(orjson.dumps(medicine(content)).replace(PERSON.encode(), CANARY.encode()))

    populated(asked(ward, context("patient", person), context("chart", mine)))
    asked(ward, context("patient", person), context("chart", medicine(content)))

    assert CANARY not in caplog.text
    assert CANARY.encode() not in stored(tmp_path)
