"""Prefetch of another patient, or of nobody can tell whom: never used, and said."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.clinic import (
    QUIET,
    URINARY,
    Clinic,
    active,
    bundle,
    concept,
    key_of,
    sent,
    topics,
)

OTHERS = [
    {"reference": "Patient/Quetzal-Canary"},
    {"reference": "https://ehr.example/fhir/Patient/Quetzal-Canary"},
    {"reference": "Patient/Quetzal-Canary/_history/2"},
    {"reference": "Patient/person2"},
    {"reference": "Group/person"},
]
NUMBERED = {"identifier": [{"system": "urn:mrn", "value": "1"}]}
UNTOLD = [
    {"reference": "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"},
    {"reference": "Quetzal-Canary"},
    {"reference": "#person"},
    {"reference": "https://ehr.example/fhir/people?name=person"},
    {"identifier": {"system": "urn:mrn", "value": "2"}},
]
KINDS = (
    "Condition",
    "DiagnosticReport",
    "Encounter",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "Procedure",
    "QuestionnaireResponse",
)


@pytest.mark.requirement("1.27")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("element", ["subject", "patient"])
@pytest.mark.parametrize("reference", OTHERS, ids=[o["reference"] for o in OTHERS])
def test_data_about_somebody_else_is_never_looked_at(
    kind: str, element: str, reference: dict[str, str], clinic: Clinic
) -> None:
    foreign = {"resourceType": kind, "id": "x", element: reference, "code": {"text": "Quetzal"}}
    key = key_of(kind)
    whole = clinic.request(URINARY)
    mine = [e["resource"] for e in whole["prefetch"][key].get("entry", ())]

    answer = clinic.post(sent(whole, **{key: bundle([*mine, foreign])}))

    assert answer.status_code == 412
    (issue,) = answer.get_json()["issue"]
    assert (issue["code"], issue["expression"]) == ("conflict", [f"prefetch.{key}"])
    assert "a patient other than context.patientId" in issue["diagnostics"]
    assert "Quetzal" not in answer.text


@pytest.mark.requirement("1.27")
@pytest.mark.parametrize("kind", [k for k in KINDS if k != "QuestionnaireResponse"])
@pytest.mark.parametrize("subject", UNTOLD, ids=str)
def test_an_entry_of_which_nobody_can_tell_whose_it_is_is_left_out_and_said(
    kind: str, subject: dict[str, Any], clinic: Clinic
) -> None:
    whole = clinic.request(
        {**URINARY, "rfgen": ["severe"]},
        patient={"identifier": [{"system": "urn:mrn", "value": "1"}]},
    )
    untold = {"resourceType": kind, "id": "x", "subject": subject}

    result = clinic.result(sent(whole, **{key_of(kind): bundle([untold])}))

    assert topics(result.cards)[0] == "emergency-assessment"
    assert "could not be read" in result.cards[0]["detail"]
    assert result.evaluation.facts.unusable == {kind: 1}


@pytest.mark.parametrize("subject", UNTOLD[:3], ids=str)
def test_only_a_response_of_which_nobody_can_tell_whose_it_is_is_412(
    subject: dict[str, Any], clinic: Clinic
) -> None:
    body = clinic.request(responses=[clinic.response(URINARY, subject=subject)])

    assert clinic.post(body).status_code == 412


@pytest.mark.parametrize(
    ("subject", "contained"),
    [
        (
            "#p",
            {"resourceType": "Patient", "id": "p", "identifier": [{"system": "m", "value": "1"}]},
        ),
        ("urn:uuid:8a7c1e52-0b1f-4d51-8a50-2f7f4c6f7d11", None),
    ],
    ids=["contained", "full-url"],
)
def test_a_patient_behind_a_reference_is_known_by_what_it_is(
    subject: str, contained: dict[str, Any] | None, clinic: Clinic
) -> None:
    known = active(code=concept(clinic.content, "endometriosis"), subject={"reference": subject})
    known |= {"contained": [contained]} if contained else {}
    whole = clinic.request(QUIET, [known], patient=NUMBERED)
    entry = {"fullUrl": "urn:uuid:8a7c1e52-0b1f-4d51-8a50-2f7f4c6f7d11"}
    person = {
        "resourceType": "Bundle",
        "entry": [{**entry, "resource": whole["prefetch"]["patient"]}],
    }

    facts = clinic.result(sent(whole, patient=person)).evaluation.facts

    assert [e.resource for e in facts.entries["endometriosis"]] == [known]
    assert facts.unread == ()


@pytest.mark.requirement("1.27")
def test_another_patient_is_412(clinic: Clinic) -> None:
    answer = clinic.post(clinic.request(URINARY, patient={"id": "somebody-else"}))

    assert answer.status_code == 412
    assert answer.get_json()["issue"][0]["expression"] == ["prefetch.patient"]
    assert "somebody-else" not in answer.text


@pytest.mark.requirement("1.27")
def test_a_second_patient_beside_the_right_one_is_412(clinic: Clinic) -> None:
    whole = clinic.request(URINARY)
    right = whole["prefetch"]["patient"]

    answer = clinic.post(sent(whole, patient=bundle([right, {**right, "id": "somebody-else"}])))

    assert answer.status_code == 412


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/person",
        "Patient/person/_history/4",
        "https://ehr.example/fhir/Patient/person",
        "urn:uuid:person",
        "person",
    ],
)
def test_every_way_to_refer_to_the_same_patient_is_understood(
    reference: str, clinic: Clinic
) -> None:
    known = active(code=concept(clinic.content, "endometriosis"), subject={"reference": reference})

    result = clinic.found(QUIET, [known])

    assert [e.resource for e in result.evaluation.facts.entries["endometriosis"]] == [known]
