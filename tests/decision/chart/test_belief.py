"""Which entries are believed, whatever their codes: status, filters, medicines however written."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.content import Content
from cds_service.content.codes import CodeSet
from cds_service.content.model import CodeFilter
from tests.support.clinic import CLINICAL_STATUS, QUIET, Clinic, chart_entry, observation

from .reading import CODE, matched, requirement, seen


@pytest.mark.parametrize(
    "elements",
    [
        {"status": "entered-in-error"},
        {"verificationStatus": {"coding": [{"code": "entered-in-error"}]}},
        {"verificationStatus": {"coding": [{"code": "x"}, {"code": "refuted"}]}},
        {"verificationStatus": "refuted"},
        {"doNotPerform": True},
    ],
    ids=["entered-in-error", "verification", "refuted", "as-text", "do-not-perform"],
)
@pytest.mark.parametrize("kind", ["Condition", "Observation", "Procedure"])
def test_what_is_not_believed_is_not_seen(kind: str, elements: dict[str, Any]) -> None:
    assert matched(requirement(kind), chart_entry(kind, code=CODE, **elements)) == []


@pytest.mark.parametrize(
    "elements",
    [
        {"verificationStatus": {"coding": [{"code": "unconfirmed"}]}},
        {"verificationStatus": {"text": "refuted"}},
        {"verificationStatus": {}},
        {"doNotPerform": False},
        {"verificationStatus": "confirmed"},
    ],
    ids=str,
)
def test_what_is_merely_unsure_is_seen(elements: dict[str, Any]) -> None:
    assert seen(requirement("Condition"), chart_entry("Condition", code=CODE, **elements))


def clinical_status(*codes: str) -> dict[str, Any]:
    return {"clinicalStatus": {"coding": [{"system": CLINICAL_STATUS, "code": c} for c in codes]}}


@pytest.mark.parametrize(
    ("elements", "counts"),
    [
        (clinical_status("active"), True),
        (clinical_status("recurrence"), True),
        (clinical_status("relapse"), True),
        (clinical_status("inactive"), False),
        (clinical_status("resolved"), False),
        (clinical_status("remission"), False),
        ({}, True),
        ({"clinicalStatus": {"text": "Active"}}, True),  # no code: as if it were not there
    ],
    ids=lambda value: str(value)[-30:],
)
def test_a_condition_counts_while_active_or_without_a_status(
    elements: dict[str, Any], counts: bool, content: Content, clinic: Clinic
) -> None:
    code = next(iter(content.requirements["endometriosis"].main.codes))
    entry = chart_entry(
        "Condition", code={"coding": [{"system": code[0], "code": code[1]}]}, **elements
    )

    facts = clinic.found(QUIET, [entry]).evaluation.facts

    assert bool(facts.variables["endometriosis"]) is counts


STATUS = CodeFilter("status", CodeSet({("", "final")}), None, allows_absent=False)

LENIENT = CodeFilter("status", CodeSet({("", "final")}), None, allows_absent=True)


@pytest.mark.parametrize(
    ("wanted", "status", "counts"),
    [
        (STATUS, {"status": "final"}, True),
        (STATUS, {"status": "preliminary"}, False),
        (STATUS, {"status": None}, False),
        (LENIENT, {"status": "preliminary"}, False),
        (LENIENT, {"status": None}, True),
    ],
)
def test_a_filter_says_whether_absence_passes(
    wanted: CodeFilter, status: dict[str, Any], counts: bool
) -> None:
    assert seen(requirement(filters=(wanted,)), observation(code=CODE, **status)) is counts


MEDICATION = {"resourceType": "Medication", "id": "m1", "code": CODE}


@pytest.mark.parametrize(
    "elements",
    [
        {"medicationCodeableConcept": CODE},
        {"medicationReference": {"reference": "#m1"}, "contained": [MEDICATION]},
        {"medicationReference": {"reference": "Medication/m1"}},
        {"medicationReference": {"reference": "https://ehr.example/fhir/Medication/m1"}},
        {"medicationReference": {"reference": "urn:uuid:m1"}},
    ],
    ids=["concept", "contained", "relative", "absolute", "urn"],
)
def test_a_medicine_is_found_however_it_is_written(elements: dict[str, Any]) -> None:
    request = chart_entry("MedicationRequest", **elements)

    assert matched(requirement("MedicationRequest"), MEDICATION, request) == [request]


@pytest.mark.parametrize(
    "reference", ["Medication/other", "#m1", "#nowhere", "urn:uuid:other", "", "m2"]
)
def test_a_medicine_that_is_not_there_is_no_match(reference: str) -> None:
    request = chart_entry("MedicationRequest", medicationReference={"reference": reference})

    assert matched(requirement("MedicationRequest"), MEDICATION, request) == []


def test_an_included_medication_is_matched_through_the_service(
    content: Content, clinic: Clinic
) -> None:
    system, code = next(iter(content.requirements["testosteroneRequest"].main.codes))
    medication = {
        "resourceType": "Medication",
        "id": "m1",
        "code": {"coding": [{"system": system, "code": code}]},
    }
    request = chart_entry(
        "MedicationRequest",
        status="active",
        intent="order",
        medicationReference={"reference": "Medication/m1"},
    )
    body = clinic.request(QUIET, [request])
    body["prefetch"]["medicationRequests"]["entry"].append({"resource": medication})

    facts = clinic.result(body).evaluation.facts

    assert facts.variables["testosteroneRequest"] == [request]
