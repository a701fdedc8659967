"""References in the parameters of operations: the person they name, or 400; never another."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.content import Content
from tests.fhir_api.test_apply_route import APPLY, sent
from tests.fhir_api.test_populate_route import POPULATE, context, parameters
from tests.support.clinic import PERSON, Clinic

URN = "urn:uuid:3f0e4a52-4b0e-4a59-9d36-0a3f0d4c9f01"
PATIENT = {"resourceType": "Patient", "id": PERSON}
BUNDLE = {
    "resourceType": "Bundle",
    "type": "collection",
    "entry": [{"fullUrl": URN, "resource": PATIENT}],
}
NAMES_PERSON = [
    f"Patient/{PERSON}",
    f"Patient/{PERSON}/_history/2",
    f"https://ehr.example.org/r4/Patient/{PERSON}/_history/7",
    PERSON,
    URN,
]
NAMES_NOBODY = [
    "Group/ward7",
    "Practitioner/d1",
    f"https://ehr.example.org/r4/RelatedPerson/{PERSON}",
    "urn:uuid:00000000-0000-4000-8000-000000000000",
    "#p",
    "Patient/",
]


def reference(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "valueReference": {"reference": value}}


@pytest.mark.parametrize("value", NAMES_PERSON)
def test_populate_names_the_person(value: str, clinic: Clinic) -> None:
    body = parameters(reference("subject", value), context("patient", BUNDLE))

    answer = clinic.client.post(POPULATE, json=body)

    assert answer.status_code == 200, answer.text
    response = answer.get_json()["parameter"][0]["resource"]
    assert response["subject"] == {"reference": f"Patient/{PERSON}"}


@pytest.mark.parametrize("value", NAMES_NOBODY)
def test_populate_refuses_what_names_no_patient(value: str, clinic: Clinic) -> None:
    answer = clinic.client.post(POPULATE, json=parameters(reference("subject", value)))

    assert answer.status_code == 400
    assert answer.get_json()["issue"][0]["expression"] == ["subject"]
    assert "ward7" not in answer.text


def applied(clinic: Clinic, *changes: dict[str, Any]) -> Any:
    body = sent(clinic)
    names = {change["name"] for change in changes}
    kept = [p for p in body["parameter"] if p["name"] not in names or p["name"] == "prefetchData"]
    return clinic.client.post(APPLY, json={**body, "parameter": [*kept, *changes]})


@pytest.mark.parametrize("value", NAMES_PERSON[:-1])
def test_apply_names_the_person(value: str, clinic: Clinic) -> None:
    plan = applied(clinic, reference("subject", value)).get_json()

    assert plan["subject"] == {"reference": f"Patient/{PERSON}"}


@pytest.mark.parametrize("value", NAMES_NOBODY)
def test_apply_refuses_what_names_no_patient(value: str, clinic: Clinic) -> None:
    assert applied(clinic, reference("subject", value)).status_code == 400


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("Encounter/visit1", "Encounter/visit1"),
        ("Encounter/visit1/_history/3", "Encounter/visit1"),
        ("https://ehr.example.org/Encounter/visit1", "Encounter/visit1"),
        ("visit1", "Encounter/visit1"),
        ("Patient/visit1", None),
        (URN, None),
    ],
)
def test_an_encounter_keeps_its_id_and_loses_its_version(
    value: str, named: str | None, clinic: Clinic
) -> None:
    answer = applied(clinic, {"name": "encounter", "valueString": value})

    assert answer.status_code == (200 if named else 400)
    if named:
        assert answer.get_json()["encounter"] == {"reference": named}


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("Practitioner/example/_history/1", 200),
        ("https://ehr.example.org/PractitionerRole/role", 200),
        ("example", 200),
        ("Patient/example", 400),
        (URN, 400),
    ],
)
def test_a_practitioner_is_one_by_type(value: str, status: int, clinic: Clinic) -> None:
    answer = applied(clinic, {"name": "practitioner", "valueString": value})

    assert answer.status_code == status, answer.text


def test_a_urn_of_the_data_is_matched_against_its_full_url(
    clinic: Clinic, content: Content
) -> None:
    response = clinic.request({})["prefetch"]["questionnaireResponses"]
    bundle = {**BUNDLE, "entry": [*BUNDLE["entry"], *response["entry"]]}
    body = parameters(reference("subject", URN), {"name": "data", "resource": bundle})

    answer = clinic.client.post(APPLY, json=body)

    assert answer.status_code == 200, answer.text
    assert answer.get_json()["subject"] == {"reference": f"Patient/{PERSON}"}
