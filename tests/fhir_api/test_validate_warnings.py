"""``QuestionnaireResponse/$validate`` says beforehand what would keep a response from being used,
and the cards are as it says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.clinic import QUIET, Clinic, topics

DANGER = {**QUIET, "rfgen": ["severe"]}
CASES = {
    "begun": ({"status": "in-progress"}, "will not be used: the status is in-progress"),
    "undated": ({"authored": None}, "There is no authored"),
    "of nobody": ({"subject": None}, "There is no subject"),
    "whole": ({}, ""),
}


def warnings(clinic: Clinic, response: dict[str, Any]) -> list[str]:
    answer = clinic.client.post("/fhir/QuestionnaireResponse/$validate", json=response)
    assert answer.status_code == 200
    return [i["diagnostics"] for i in answer.get_json()["issue"] if i["severity"] == "warning"]


@pytest.mark.parametrize("case", CASES)
def test_each_reason_is_one_warning_and_an_emergency_is_still_told(
    case: str, clinic: Clinic
) -> None:
    elements, words = CASES[case]
    response = clinic.response(DANGER) | elements
    sent = {name: value for name, value in response.items() if value is not None}

    found = warnings(clinic, sent)
    cards = clinic.cards(clinic.request(responses=[sent]))

    assert [words in text for text in found] == ([True] if words else [])
    assert topics(cards)[0] == ("ask-now" if case == "begun" else "emergency-assessment")
