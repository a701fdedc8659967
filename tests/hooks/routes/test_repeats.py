"""What was settled is not said again, and what changed is."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cds_service.content import Content
from tests.support.clinic import NOW, QUIET, ago, card_about, topics
from tests.support.ward import (
    MANY,
    URINARY,
    Make,
    Ward,
    accepted,
    again,
    of_patient,
    overridden,
    visit,
)


def shown_after(
    ward: Ward, first: dict[str, Any], topic: str, react: Callable[..., dict[str, Any]], *more: Any
) -> list[str]:
    """The topics of a call made again after a reaction to one of its cards."""
    card = card_about(ward.cards(first), topic)
    assert ward.feedback(react(card, *more)).status_code == 200
    return topics(ward.cards(again(first)))


def test_an_accepted_card_is_not_shown_again(ward: Ward) -> None:
    first = visit(ward)

    assert shown_after(ward, first, "urine-testing", accepted) == ["self-care"]
    assert topics(ward.cards(first)) == ["self-care"]  # the very same call too


def test_a_card_comes_again_with_the_suggestions_that_were_not_accepted(ward: Ward) -> None:
    """Until none is left; its words and its place stay (cards.md, 5.6)."""
    first = visit(ward, MANY)
    before = ward.cards(first)
    place, shown = next((n, c) for n, c in enumerate(before) if len(c.get("suggestions", ())) > 1)
    labels = [one["label"] for one in shown["suggestions"]]

    for taken in range(1, len(labels)):
        chosen = [{"id": shown["suggestions"][0]["uuid"]}]
        ward.feedback(accepted(shown, acceptedSuggestions=chosen))
        shown = ward.cards(again(first))[place]

        assert [one["label"] for one in shown["suggestions"]] == labels[taken:]
        assert (shown["summary"], shown["detail"]) == (
            before[place]["summary"],
            before[place]["detail"],
        )
    ward.feedback(accepted(shown))
    left = [card["summary"] for card in ward.cards(again(first))]
    assert before[place]["summary"] not in left


def test_an_acceptance_of_what_the_card_did_not_offer_settles_nothing(ward: Ward) -> None:
    first = visit(ward, MANY)
    before = ward.cards(first)
    strange = [{"id": "0b9d8d3e-0000-4000-8000-000000000000"}]
    ward.feedback(accepted(before[0], acceptedSuggestions=strange))

    assert topics(ward.cards(again(first))) == topics(before)


def test_a_card_nobody_acted_on_comes_again(ward: Ward) -> None:
    first = visit(ward)

    assert topics(ward.cards(first)) == topics(ward.cards(again(first)))


@pytest.mark.parametrize(
    ("reason", "shown"),
    [("deferred", True), ("Deferred", True), (None, True), ("not-indicated", False)],
)
def test_an_override_counts_by_its_reason(reason: str | None, shown: bool, ward: Ward) -> None:
    found = shown_after(ward, visit(ward), "urine-testing", overridden, reason)

    assert ("urine-testing" in found) is shown


@pytest.mark.parametrize(
    "answers", [{**URINARY, "urine": ["burn", "freq"]}, {**URINARY, "sev": 3}, {"urine": ["burn"]}]
)
def test_other_answers_show_the_card_again(answers: dict[str, Any], ward: Ward) -> None:
    first = visit(ward)
    shown_after(ward, first, "urine-testing", accepted)
    patient = first["context"]["patientId"]

    later = of_patient(again(ward.request(answers)), patient)

    assert "urine-testing" in topics(ward.cards(later))


def test_the_same_answers_written_anew_are_no_other_answers(ward: Ward) -> None:
    first = visit(ward)
    shown_after(ward, first, "urine-testing", accepted)
    response = ward.response(dict(reversed(URINARY.items())), id="another", authored=ago(hours=2))

    later = of_patient(again(ward.request(responses=[response])), first["context"]["patientId"])

    assert "urine-testing" not in topics(ward.cards(later))


def test_another_patient_is_shown_the_card(ward: Ward) -> None:
    shown_after(ward, visit(ward), "urine-testing", accepted)

    assert "urine-testing" in topics(ward.cards(visit(ward)))


def test_a_settled_card_comes_again_after_its_days(content: Content, tmp_path: Path) -> None:
    ward = Ward(content, tmp_path)
    days = timedelta(days=content.strategy.repeat_days)
    settled, bound = visit(ward), visit(ward)
    bound["context"]["encounterId"] = "long-stay"
    for first in (settled, bound):
        assert shown_after(ward, first, "urine-testing", accepted) == ["self-care"]

    ward.clock.now = NOW + days - timedelta(seconds=1)
    for body in (settled, bound):
        authored = fresh(body, ward.clock.now)
        assert "urine-testing" not in topics(ward.cards(again(authored)))
    ward.clock.now = NOW + days + timedelta(minutes=1)

    assert "urine-testing" in topics(ward.cards(again(fresh(settled, ward.clock.now))))
    assert "urine-testing" not in topics(ward.cards(again(fresh(bound, ward.clock.now))))


def fresh(body: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The same answers, given an hour before ``now``."""
    body = deepcopy(body)
    for entry in body["prefetch"]["questionnaireResponses"]["entry"]:
        entry["resource"]["authored"] = (now - timedelta(hours=1)).isoformat()
    return body


@pytest.mark.parametrize(
    ("answers", "topic"),
    [
        ({"rfgen": ["severe"], "sev": 9}, "emergency-assessment"),
        ({"safe": "no"}, "private-conversation"),
        ({"unwanted": "past5d"}, "private-conversation"),
    ],
    ids=["emergency", "unsafe", "assault"],
)
@pytest.mark.parametrize("reason", ["accepted", "not-indicated"])
def test_a_critical_card_is_shown_again(
    answers: dict[str, Any], topic: str, reason: str, ward: Ward
) -> None:
    first = visit(ward, {**QUIET, **answers})
    assert card_about(ward.cards(first), topic)["indicator"] == "critical"

    if reason == "accepted":
        found = shown_after(ward, first, topic, accepted)
    else:
        found = shown_after(ward, first, topic, overridden, reason)

    assert topic in found


@pytest.mark.parametrize(
    "answers", [{"safe": "unsure"}, {"unwanted": "past12m"}, {"safe": "inperson"}], ids=str
)
def test_the_private_conversation_is_shown_again_however_pressing(
    answers: dict[str, Any], ward: Ward
) -> None:
    first = visit(ward, {**QUIET, **answers})
    card = card_about(ward.cards(first), "private-conversation")
    assert card["indicator"] != "critical"

    assert "private-conversation" in shown_after(ward, first, "private-conversation", accepted)


def test_without_suppression_every_card_is_shown_again(make: Make) -> None:
    ward = make(suppress_repeats=False)

    assert "urine-testing" in shown_after(ward, visit(ward), "urine-testing", accepted)


def test_suppressed_cards_are_counted_apart(make: Make) -> None:
    ward = make(report_token="open")
    shown_after(ward, visit(ward), "urine-testing", accepted)

    ward.clock.now += timedelta(minutes=1)

    rows = ward.rows()
    assert rows["shown", "REC-UA"]["fired"] == 1
    assert rows["suppressed", "REC-UA"]["fired"] == 1
