"""References in every form that R4 allows, and whom a resource is about."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.fhir.references import (
    Literal,
    Person,
    References,
    is_about,
    read_id,
    read_literal,
)

BASE = "https://ehr.example/fhir"
MEDICINE = {"resourceType": "Medication", "id": "m1"}
URN = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("Medication/m1", Literal("Medication", "m1")),
        (" Medication/m1/_history/4 ", Literal("Medication", "m1")),
        (f"{BASE}/Medication/m1", Literal("Medication", "m1", BASE)),
        (f"{BASE}/Medication/m1/_history/4", Literal("Medication", "m1", BASE)),
        ("m1", None),
        ("#m1", None),
        (URN, None),
        ("Medication/", None),
        ("Medication?name=m1", None),
        (5, None),
    ],
    ids=str,
)
def test_a_literal_reference_is_a_type_and_an_id(reference: Any, expected: Any) -> None:
    assert read_literal(reference) == expected


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("p", "p"),
        ("Patient/p", "p"),
        ("Patient/p/_history/2", "p"),
        (f"{BASE}/Patient/p", "p"),
        ("Group/p", None),
        ("Practitioner/p", None),
        (URN, None),
        ("#p", None),
        (None, None),
    ],
    ids=str,
)
def test_an_id_is_that_of_the_type_that_was_meant(reference: Any, expected: str | None) -> None:
    assert read_id(reference, "Patient") == expected


@pytest.mark.parametrize(
    ("full_url", "reference", "is_found"),
    [
        (None, "Medication/m1", True),
        (f"{BASE}/Medication/m1", "Medication/m1", True),
        (f"{BASE}/Medication/m1", f"{BASE}/Medication/m1/_history/3", True),
        (f"{BASE}/Medication/m1/_history/3", f"{BASE}/Medication/m1", True),
        (f"{BASE}/Medication/m1", "https://other.example/fhir/Medication/m1", False),
        (None, f"{BASE}/Medication/m1", True),
        (URN, URN, True),
        (URN, "Medication/m1", True),
        (None, "urn:uuid:m1", True),
        (None, URN, False),
        (None, "Medication/m2", False),
        (None, "Condition/m1", False),
        (None, "#m1", False),
        (None, "", False),
        (5, "Medication/m1", True),
    ],
    ids=str,
)
def test_what_a_reference_names_is_found(full_url: Any, reference: str, is_found: bool) -> None:
    references = References([(full_url, MEDICINE)])

    assert (references.resolve({"reference": reference}) == MEDICINE) is is_found


def test_of_two_different_resources_of_one_id_neither_is_taken() -> None:
    other = {**MEDICINE, "code": {"text": "another"}}

    assert References.of([MEDICINE, other]).resolve("Medication/m1") is None
    assert References.of([MEDICINE, dict(MEDICINE)]).resolve("Medication/m1") == MEDICINE
    at = References(
        [(f"{BASE}/Medication/m1", MEDICINE), ("https://x.example/Medication/m1", other)]
    )
    assert at.resolve(f"{BASE}/Medication/m1") == MEDICINE
    assert at.resolve("Medication/m1") is None


def test_a_contained_resource_is_found_in_its_own_container_only() -> None:
    container = {"resourceType": "MedicationRequest", "contained": [MEDICINE, "odd"]}

    assert References().resolve("#m1", container) == MEDICINE
    assert References.of([container]).resolve("#m1") is None


PATIENT = {"resourceType": "Patient", "id": "p", "identifier": [{"system": "m", "value": "1"}]}
PERSON = Person("p", PATIENT)
KNOWN = References([(URN, PATIENT), ("urn:uuid:other", {"resourceType": "Patient", "id": "q"})])


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({}, True),
        ({"subject": {"reference": "Patient/p"}}, True),
        ({"subject": {"reference": URN}}, True),
        ({"subject": {"reference": "urn:uuid:other"}}, False),
        ({"subject": {"reference": "urn:uuid:nobody"}}, None),
        ({"subject": {"reference": "Group/p"}}, False),
        ({"subject": {"display": "the person"}}, True),
        ({"subject": {"identifier": {"system": "m", "value": "1"}}}, True),
        ({"subject": {"identifier": {"system": "m", "value": "2"}}}, None),
        ({"subject": {"identifier": {"system": "other", "value": "2"}}}, True),
        ({"subject": {"reference": "Patient/p"}, "patient": {"reference": "Patient/q"}}, False),
        ({"subject": {"reference": "#a"}, "contained": [{**PATIENT, "id": "a"}]}, True),
        ({"subject": {"reference": "#p"}, "contained": [{**PATIENT, "identifier": []}]}, None),
    ],
    ids=str,
)
def test_whom_an_entry_is_about(elements: dict[str, Any], expected: bool | None) -> None:
    assert is_about({"resourceType": "Condition", **elements}, PERSON, KNOWN) is expected


@pytest.mark.parametrize(
    ("actors", "expected"),
    [
        (["Practitioner/d"], True),
        (["Practitioner/d", "Patient/p"], True),
        (["Patient/q", "Patient/p"], True),
        (["Patient/q"], False),
        (["Practitioner/d", "Patient/q"], False),
        (["urn:uuid:nobody"], None),
        (["urn:uuid:nobody", "Patient/p"], True),
    ],
    ids=str,
)
def test_an_appointment_is_about_the_patients_who_take_part(
    actors: list[str], expected: bool | None
) -> None:
    participants = [{"actor": {"reference": actor}} for actor in actors]
    visit = {"resourceType": "Appointment", "participant": [*participants, {"actor": {}}, "odd"]}

    assert is_about(visit, PERSON, KNOWN) is expected
