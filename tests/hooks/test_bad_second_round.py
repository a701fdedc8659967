"""Exam and follow-up forms that are not as they should be: told on a card, over HTTP.

The exam says that the belly is rigid: used, it would be an emergency.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from cds_service.authoring.given_answers import given_responses
from tests.support.clinic import NOW, PERSON, QUIET, Clinic, ago, topics

DEEP = {**QUIET, "where": ["deep"], "when": ["during"], "dur": "3m6m", "sev": 5}
RIGID = {"xdone": "full", "xacute": ["guarding"], "xtender": ["none"]}
NODULE = {"xdone": "full", "xtender": ["nodule"]}
PATIENT = {"reference": f"Patient/{PERSON}"}
NO_DATE = "An exam form could not be used: no date, or a date in the future."
NOT_BY = "An exam form was not recorded by a health professional: not used."
DIFFER = "The form and the exam differ about body parts: treated as possibly present; ask."
OTHER_VISIT = "An exam form of another visit, more than 30 days old: not used."
OLDER = "is more than 7 days older than the answers: it holds nothing back."


def called(
    clinic: Clinic, told: Mapping[str, Any], view: str, **elements: Any
) -> list[dict[str, Any]]:
    """The cards for responses to the forms, with other elements in the one of a view."""
    form = next(form for form in clinic.content.forms if form.view == view)
    responses = [
        {k: v for k, v in {**response, **elements}.items() if v is not None}
        if response["questionnaire"].startswith(form.url)
        else response
        for response in given_responses(told, {}, clinic.content, NOW)
    ]
    return clinic.cards(clinic.request(responses=responses))


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"author": PATIENT}, NOT_BY),
        ({"source": PATIENT}, NOT_BY),
        ({"author": {"reference": "RelatedPerson/x"}}, NOT_BY),
        ({"author": {"type": "Patient", "display": "somebody"}}, NOT_BY),
        ({"authored": ago(hours=-25)}, NO_DATE),
        ({"authored": None}, NO_DATE),
        ({"authored": "yesterday"}, NO_DATE),
        ({"authored": ago(days=31), "encounter": {"reference": "Encounter/other"}}, OTHER_VISIT),
        ({"authored": ago(days=31)}, OTHER_VISIT),
    ],
)
def test_an_exam_that_is_not_used_is_told(
    elements: dict[str, Any], words: str, clinic: Clinic
) -> None:
    alone = called(clinic, {"answers": DEEP}, "answers")

    cards = called(clinic, {"answers": DEEP, "findings": RIGID}, "findings", **elements)

    assert topics(cards) == topics(alone)
    assert "emergency-assessment" not in topics(cards)
    assert words in cards[0]["detail"]
    assert not any("could not be read" in card["detail"] for card in cards)  # never said twice


def test_an_exam_older_than_the_answers_is_shown_and_holds_nothing_back(clinic: Clinic) -> None:
    told = {"answers": DEEP, "findings": {"xdone": "full", "xtender": ["none"]}}
    current = called(clinic, told, "findings", authored=ago(days=7))
    before = called(clinic, told, "findings", authored=ago(days=9))
    found = called(clinic, {**told, "findings": NODULE}, "findings", authored=ago(days=9))

    assert "pelvic-exam" not in topics(current)
    assert "pelvic-exam" in topics(before)
    assert OLDER in before[0]["detail"]
    assert OLDER in found[0]["detail"]
    assert any("Nodule or fixed uterus felt" in card["summary"] for card in found)


@pytest.mark.parametrize(
    "findings",
    [
        {**NODULE, "xorgans": ["penis", "testis"]},
        {**NODULE, "xuterus": ["absent"]},
        {**NODULE, "xcervix": ["absent"]},
    ],
)
def test_body_parts_that_contradict_are_told_on_every_card(
    findings: dict[str, Any], clinic: Clinic
) -> None:
    cards = called(clinic, {"answers": DEEP, "findings": findings}, "findings")

    assert len(cards) > 1
    assert all(DIFFER in card["detail"] for card in cards)


def test_an_exam_that_is_not_understood_is_told(clinic: Clinic) -> None:
    cards = called(clinic, {"answers": DEEP, "findings": RIGID}, "findings", status=None)

    assert all("1 of the forms filled in could not be read." in card["detail"] for card in cards)


@pytest.mark.parametrize("authored", [ago(hours=-25), None, "soon"])
def test_a_follow_up_without_a_usable_date_is_told(authored: str | None, clinic: Clinic) -> None:
    told = {"answers": DEEP, "followup": {"frf": ["severe"], "sev": 9}}

    cards = called(clinic, told, "followup", authored=authored)

    assert topics(cards) == topics(called(clinic, {"answers": DEEP}, "answers"))
    assert "A follow-up form could not be used" in cards[0]["detail"]
