"""What prefetch may look like, and what is made of odd shapes."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.content.codes import SNOMED
from tests.support.clinic import (
    QUIET,
    URINARY,
    Clinic,
    active,
    bundle,
    card_about,
    chart_entry,
    concept,
    sent,
    topics,
)


@pytest.mark.requirement("2.19")
def test_a_bundle_without_type_is_read(clinic: Clinic) -> None:
    known = active(code=concept(clinic.content, "endometriosis"))
    whole = clinic.request(QUIET, [known])
    untyped = {"resourceType": "Bundle", "entry": [{"resource": known}]}

    assert clinic.cards(sent(whole, conditions=untyped)) == clinic.cards(whole)


@pytest.mark.requirement("2.19")
def test_one_resource_instead_of_a_bundle_is_read(clinic: Clinic) -> None:
    known = active(code=concept(clinic.content, "endometriosis"))
    whole = clinic.request(QUIET, [known])

    assert clinic.cards(sent(whole, conditions=known)) == clinic.cards(whole)


@pytest.mark.requirement("2.19")
@pytest.mark.parametrize(
    "entry",
    [None, 5, "x", [], {}, {"resource": None}, {"resource": {}}, {"resource": {"resourceType": 1}}],
    ids=str,
)
def test_entries_that_are_no_resources_are_counted_and_said(entry: Any, clinic: Clinic) -> None:
    known = active(code=concept(clinic.content, "endometriosis"))
    whole = clinic.request(QUIET, [known])
    cards = clinic.cards(whole)
    whole["prefetch"]["conditions"]["entry"].insert(0, entry)

    result = clinic.result(whole)

    assert topics(result.cards) == topics(cards)
    assert "1 of the entries sent could not be read." in result.cards[0]["detail"]
    assert "Chart read in part: problem list" in result.cards[0]["detail"]
    assert result.evaluation.facts.unusable == {"not a resource": 1}


@pytest.mark.parametrize("entries", [5, "x", {"resource": 1}], ids=str)
def test_an_entry_list_that_is_none_is_not_complete(entries: Any, clinic: Clinic) -> None:
    whole = clinic.request(QUIET)

    odd = sent(whole, conditions={"resourceType": "Bundle", "entry": entries})

    assert topics(clinic.cards(odd)) == topics(clinic.cards(whole))
    assert clinic.result(odd).evaluation.facts.incomplete == {"conditions"}


@pytest.mark.requirement("2.19")
@pytest.mark.requirement("2.20")
def test_older_fhir_shapes_do_no_harm(clinic: Clinic) -> None:
    whole = clinic.request(URINARY)
    dstu2 = [
        {
            "resourceType": "Condition",
            "patient": {"reference": "Patient/person"},
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "129103003"}]},
            "clinicalStatus": "active",
            "verificationStatus": "confirmed",
        },
        {
            "resourceType": "MedicationOrder",
            "patient": {"reference": "Patient/person"},
            "medicationCodeableConcept": {"text": "x"},
        },
        {"resourceType": "Encounter", "patient": {"reference": "Patient/person"}, "status": "new"},
    ]

    odd = sent(
        whole,
        patient={**whole["prefetch"]["patient"], "name": [{"family": ["Two", "Names"]}]},
        conditions=bundle(dstu2),
    )

    assert topics(clinic.cards(odd)) == ["urine-testing", "self-care"]


def test_a_code_of_an_older_condition_still_counts(clinic: Clinic) -> None:
    older = active(code=concept(clinic.content, "endometriosis"))
    older["clinicalStatus"] = "active"
    older["patient"] = older.pop("subject")

    assert "endometriosis" in clinic.found(QUIET, [older]).evaluation.facts.entries


def test_unknown_resource_types_and_keys_change_nothing(clinic: Clinic) -> None:
    whole = clinic.request(URINARY)
    cards = clinic.cards(whole)
    stranger = {"resourceType": "Zebra", "id": "z", "subject": {"reference": "Patient/person"}}

    known = chart_entry("Condition", code={"coding": [{"system": SNOMED, "code": "1"}]})
    odd = sent(whole, conditions=bundle([known, stranger]), zebras=bundle([stranger]), x=5)

    assert clinic.cards(odd) == cards


def test_a_key_that_holds_only_other_types_could_not_be_read(clinic: Clinic) -> None:
    stranger = {"resourceType": "Zebra", "id": "z", "subject": {"reference": "Patient/person"}}
    odd = sent(clinic.request(URINARY), conditions=bundle([stranger]))

    assert "Chart not read: problem list" in clinic.cards(odd)[0]["detail"]


@pytest.mark.requirement("4.28")
def test_text_of_every_script_passes_through(clinic: Clinic) -> None:
    words = "Ça brûle 🔥 — 痛い, يؤلم, \u200bzero\u00a0width"
    cards = clinic.found(
        {**URINARY, "safe": "no", "other": words}, patient={"name": [{"text": "Ó 李 🧑‍⚕️"}]}
    ).cards

    assert "Ça brûle 🔥 — 痛い, يؤلم," in card_about(cards, "private-conversation")["detail"]


def test_fifty_thousand_entries_are_answered(clinic: Clinic) -> None:
    other = chart_entry("Condition", code={"coding": [{"system": SNOMED, "code": "1"}]})
    known = active(code=concept(clinic.content, "endometriosis"))
    whole = clinic.request(QUIET, [known])
    few = clinic.cards(whole)
    whole["prefetch"]["conditions"] = bundle([other] * 50_000 + [known])

    assert clinic.cards(whole) == few


def test_a_response_with_fifty_thousand_items_is_answered(clinic: Clinic) -> None:
    items = clinic.items(URINARY) + [{"linkId": "x"}] * 50_000
    body = clinic.request(responses=[clinic.response({}, item=items)])

    assert topics(clinic.cards(body)) == ["urine-testing", "self-care"]
