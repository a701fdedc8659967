"""What the rules may look at in one call: the newest usable response, the person, the chart."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.clinic import (
    PERSON,
    QUIET,
    Clinic,
    active,
    ago,
    bundle,
    chart_entry,
    concept,
    topics,
)


def facts(clinic: Clinic, *responses: dict[str, Any]) -> Any:
    return clinic.found(responses=responses).evaluation.facts


def answered(clinic: Clinic, hours: float, **elements: Any) -> dict[str, Any]:
    return clinic.response(QUIET, authored=ago(hours=hours), **elements)


def test_the_newest_response_is_used_whatever_the_order(clinic: Clinic) -> None:
    old, new = answered(clinic, 50, id="old"), answered(clinic, 2, id="new")

    assert facts(clinic, old, new).response == new
    assert facts(clinic, new, old).response == new


@pytest.mark.parametrize(
    ("status", "used"),
    [
        ("completed", True),
        ("amended", True),
        ("in-progress", False),
        ("stopped", False),
        ("entered-in-error", False),
    ],
)
def test_only_a_finished_response_is_used(status: str | None, used: bool, clinic: Clinic) -> None:
    response = answered(clinic, 1, status=status)

    assert (facts(clinic, response).response is not None) is used


def test_an_unfinished_newer_response_leaves_the_finished_one(clinic: Clinic) -> None:
    done, begun = answered(clinic, 5), answered(clinic, 1, status="in-progress")

    assert facts(clinic, begun, done).response == done


@pytest.mark.parametrize(("hours", "usable"), [(30 * 24, True), (30 * 24 + 1, False)])
def test_answers_hold_for_30_days(hours: int, usable: bool, clinic: Clinic) -> None:
    found = facts(clinic, answered(clinic, hours))

    assert (found.response is not None, found.expired is not None) == (usable, not usable)
    assert bool(found.answers.view) is usable


def test_an_expired_response_never_speaks(clinic: Clinic) -> None:
    old = clinic.response({**QUIET, "rfgen": ["severe"]}, authored=ago(days=31))

    assert "emergency-assessment" not in topics(clinic.found(responses=[old]).cards)


def test_a_clock_a_little_ahead_is_tolerated(clinic: Clinic) -> None:
    response = clinic.response(QUIET, authored=ago(hours=-23))

    assert facts(clinic, response).response == response


@pytest.mark.parametrize(
    ("patient", "age"),
    [
        ({"birthDate": "1990-11-22"}, 36),
        ({"birthDate": "1990-11-23"}, 35),
        ({"birthDate": "1990"}, None),
        ({"birthDate": None}, None),
        ({"birthDate": 1990}, None),
    ],
    ids=str,
)
def test_age_is_known_only_when_the_birth_date_tells(
    patient: dict[str, Any], age: int | None, clinic: Clinic
) -> None:
    assert clinic.found(QUIET, patient=patient).evaluation.facts.variables["age"] == age


def test_the_user_is_known_by_type_and_id(clinic: Clinic) -> None:
    variables = clinic.found(QUIET).evaluation.facts.variables

    assert variables["user"] == {"type": "Practitioner", "id": "example"}
    assert variables["patient"]["id"] == PERSON
    assert variables["draftOrders"] == []


def test_every_chart_key_is_a_list_even_when_the_chart_is_empty(clinic: Clinic) -> None:
    variables = clinic.found(QUIET).evaluation.facts.variables

    assert all(variables[name] == [] for name in clinic.content.requirements)


def test_no_answers_and_no_reason_is_nothing_to_say(clinic: Clinic) -> None:
    assert clinic.found().cards == []


@pytest.mark.parametrize("kind", ["Condition", "Encounter"])
def test_a_reason_in_the_chart_offers_the_form(kind: str, clinic: Clinic) -> None:
    code = concept(clinic.content, "dyspareunia-reason")
    entry = (
        active(code=code)
        if kind == "Condition"
        else chart_entry("Encounter", status="arrived", reasonCode=[code])
    )

    assert topics(clinic.found(chart=[entry]).cards) == ["offer-intake"]


def test_the_same_person_by_full_partial_or_no_chart_gets_the_same_answers(clinic: Clinic) -> None:
    body = clinic.request({**QUIET, "urine": ["burn"]})
    required = {k: body["prefetch"][k] for k in ("patient", "questionnaireResponses")}

    full = clinic.result(body)
    bare = clinic.result({**body, "prefetch": required})

    assert bare.evaluation.rules == full.evaluation.rules
    assert topics(bare.cards) == topics(full.cards)


def test_facts_tell_what_did_not_come_and_why(clinic: Clinic) -> None:
    body = clinic.request(QUIET)
    body["prefetch"]["conditions"] = {"resourceType": "OperationOutcome"}
    body["prefetch"]["observations"] = {
        **bundle([]),
        "link": [{"relation": "next", "url": "https://ehr.example?page=2"}],
    }
    del body["prefetch"]["procedures"]

    found = clinic.result(body).evaluation.facts

    assert found.unavailable == {
        "conditions": "failed at the client (OperationOutcome)",
        "procedures": "was not sent",
    }
    assert found.incomplete == {"observations"}
