"""Every modifier element of R4 in the types that are read has a decision, and it is kept."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from cds_service.content.model import DATES
from cds_service.decision.belief import MODIFIERS
from cds_service.fhir.statuses import BINDINGS
from tests.support.clinic import PERSON, QUIET, Clinic, active, concept

# Names of elements that are modifiers in some R4 type that is read (resource pages, "?!").
NAMES = {
    "active",
    "clinicalStatus",
    "comparator",
    "deceased",
    "doNotPerform",
    "intent",
    "link",
    "status",
    "verificationStatus",
}
READ = {*DATES, "Patient", "Medication", "ServiceRequest", "QuestionnaireResponse", "Quantity"}


def elements(name: str) -> set[str]:
    """The elements of an R4B type, choice types by their stem."""
    model = getattr(import_module(f"fhir.resources.R4B.{name.lower()}"), name)
    found = set(model.elements_sequence())
    return found | {"deceased" for e in found if e.startswith("deceased")}


@pytest.mark.parametrize("name", sorted(READ))
def test_the_list_holds_every_modifier_of_a_type_that_is_read(name: str) -> None:
    assert set(MODIFIERS[name]) == elements(name) & NAMES


def test_the_list_holds_no_other_type() -> None:
    assert MODIFIERS.keys() == READ


@pytest.mark.parametrize(("name", "element"), sorted(BINDINGS))
def test_bound_elements_are_modifiers_or_known_elements(name: str, element: str) -> None:
    assert element in MODIFIERS[name]
    assert element in elements(name)


@pytest.mark.parametrize(
    "modifier",
    [
        {"modifierExtension": [{"url": "urn:negated", "valueBoolean": True}]},
        {"implicitRules": "urn:rules"},
        {"verificationStatus": {"coding": [{"code": "perhaps"}]}},
        {"clinicalStatus": {"coding": [{"code": "dormant"}]}},
        {"clinicalStatus": 5},
        {"evidence": [{"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}]},
    ],
    ids=str,
)
def test_an_entry_that_may_mean_something_else_is_left_out_and_said(
    modifier: dict[str, Any], clinic: Clinic
) -> None:
    known = {**active(code=concept(clinic.content, "endometriosis")), **modifier}

    result = clinic.found(QUIET, [known])

    assert "endometriosis" not in result.evaluation.facts.entries
    assert "1 of the conditions could not be read." in result.cards[0]["detail"]


@pytest.mark.parametrize(
    ("elements", "is_active"),
    [
        ({"abatementDateTime": "2020"}, False),
        ({"abatementPeriod": {"end": "2025-01-01"}}, False),
        ({"abatementAge": {"value": 30}}, False),
        ({"abatementString": "as a child"}, False),
        ({"abatementBoolean": True}, False),
        ({"abatementBoolean": False}, True),
        ({"abatementDateTime": "2027-01-01"}, True),
    ],
    ids=str,
)
def test_a_condition_that_has_abated_is_not_active(
    elements: dict[str, Any], is_active: bool, clinic: Clinic
) -> None:
    known = {**active(code=concept(clinic.content, "endometriosis")), **elements}

    assert ("endometriosis" in clinic.found(QUIET, [known]).evaluation.facts.entries) is is_active


@pytest.mark.parametrize(
    "modifier",
    [
        {"modifierExtension": [{"url": "urn:negated", "valueBoolean": True}]},
        {"implicitRules": "urn:rules"},
        {"name": [{"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}]},
    ],
    ids=str,
)
def test_a_patient_that_may_mean_something_else_leaves_the_age_unknown_and_is_said(
    modifier: dict[str, Any], clinic: Clinic
) -> None:
    body = clinic.request(QUIET, patient={"birthDate": "1990-01-01", **modifier})

    result = clinic.result(body)

    assert result.evaluation.facts.variables["age"] is None
    assert "1 of the patient records could not be read." in result.cards[0]["detail"]


def test_a_visit_that_may_mean_something_else_is_left_out_and_said(clinic: Clinic) -> None:
    visit = {"resourceType": "Encounter", "id": "v", "status": "in-progress"}
    visit |= {"class": {"code": "AMB"}, "subject": {"reference": f"Patient/{PERSON}"}}
    body = clinic.request(QUIET)
    body["context"]["encounterId"] = "v"
    body["prefetch"]["encounter"] = {**visit, "implicitRules": "urn:rules"}

    result = clinic.result(body)

    assert result.evaluation.facts.variables["encounter"] is None
    assert "1 of the visits could not be read." in result.cards[0]["detail"]
