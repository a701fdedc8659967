"""Repeat suppression: what makes two cards the same, and what settles one."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest

from cds_service.hooks.repeats import (
    RepeatScope,
    Settled,
    answers_digest,
    may_suppress,
    repeat_key,
    settled_by,
    settled_keys,
)
from cds_service.store.pseudonyms import Pseudonyms
from cds_service.store.records import OTHER, Outcome, PastReaction, Reaction
from tests.support.made_records import DAY, KEY, NOW, WINDOW

NAMES = Pseudonyms(KEY)
TAKEN = frozenset({"dipstick"})
ACCEPTED, OVERRIDDEN = Outcome.ACCEPTED, Outcome.OVERRIDDEN


# -- what settles a card -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "reason", "expected"),
    [
        (ACCEPTED, None, False),
        (OVERRIDDEN, "patient-declined", True),
        (OVERRIDDEN, "a-code-of-the-site", True),
        (OVERRIDDEN, "deferred", False),
        (OVERRIDDEN, OTHER, False),
        (OVERRIDDEN, None, False),
    ],
)
def test_what_settles_a_card(outcome: Outcome, reason: str | None, expected: bool) -> None:
    assert settled_by(Reaction(outcome, reason, NOW, TAKEN)).whole is expected


def test_an_acceptance_settles_its_suggestions_alone() -> None:
    assert settled_by(Reaction(ACCEPTED, None, NOW, TAKEN)) == Settled(suggestions=TAKEN)
    assert settled_by(Reaction(OVERRIDDEN, None, NOW)) == Settled()


@pytest.mark.parametrize(
    ("outcome", "reason", "ago", "encounter", "quiet"),
    [
        (ACCEPTED, None, 0 * DAY, "this", True),
        (ACCEPTED, None, 29 * DAY, "other", True),
        (ACCEPTED, None, WINDOW - timedelta(microseconds=1), "other", True),
        (ACCEPTED, None, WINDOW, "other", False),
        (ACCEPTED, None, 90 * DAY, "this", True),
        (ACCEPTED, None, 90 * DAY, None, False),
        (OVERRIDDEN, "referred", 29 * DAY, None, True),
        (OVERRIDDEN, "referred", 31 * DAY, None, False),
        (OVERRIDDEN, "deferred", 0 * DAY, "this", False),
        (OVERRIDDEN, None, 0 * DAY, "this", False),
    ],
)
def test_when_a_card_stays_quiet(
    outcome: Outcome, reason: str | None, ago: timedelta, encounter: str | None, quiet: bool
) -> None:
    past = [PastReaction("key", encounter, Reaction(outcome, reason, NOW - ago, TAKEN))]
    settled = settled_keys(past, "this", NOW, WINDOW).get("key", Settled())

    assert (settled.whole, settled.suggestions == TAKEN) == (
        quiet and outcome is OVERRIDDEN,
        quiet and outcome is ACCEPTED,
    )


def test_calls_without_an_encounter_share_none() -> None:
    past = [PastReaction("key", None, Reaction(ACCEPTED, None, NOW - 90 * DAY, TAKEN))]

    assert settled_keys(past, None, NOW, WINDOW) == {}


def test_a_card_nobody_acted_on_comes_again() -> None:
    assert settled_keys([], "this", NOW, WINDOW) == {}


def test_accepting_outweighs_deferring() -> None:
    past = [
        PastReaction("key", "this", Reaction(ACCEPTED, None, NOW - DAY, TAKEN)),
        PastReaction("key", "this", Reaction(OVERRIDDEN, "deferred", NOW)),
        PastReaction("key", "this", Reaction(ACCEPTED, None, NOW, frozenset({"other"}))),
    ]

    assert settled_keys(past, "this", NOW, WINDOW) == {
        "key": Settled(suggestions=TAKEN | {"other"})
    }


@pytest.mark.parametrize(
    ("indicator", "card", "expected"),
    [
        ("info", "REC-UA", True),
        ("warning", "REC-UA", True),
        ("critical", "REC-UA", False),
        ("info", "REC-SAFETY", False),
    ],
)
def test_critical_and_safety_cards_are_never_quieted(
    indicator: str, card: str, expected: bool
) -> None:
    assert may_suppress(indicator, card, {"REC-SAFETY"}) is expected


# -- what makes two cards the same ---------------------------------------------------------

HERE = RepeatScope("person", "answers")


def test_the_order_of_causes_does_not_matter() -> None:
    one = repeat_key(NAMES, HERE, "REC-UA", ["C18", "C15", "C15"], "info")

    assert one == repeat_key(NAMES, HERE, "REC-UA", ["C15", "C18"], "info")


def test_every_part_of_the_key_matters() -> None:
    keys = [
        repeat_key(NAMES, HERE, "REC-UA", ["C15"], "info"),
        repeat_key(NAMES, RepeatScope("another", "answers"), "REC-UA", ["C15"], "info"),
        repeat_key(NAMES, RepeatScope("person", "others"), "REC-UA", ["C15"], "info"),
        repeat_key(NAMES, HERE, "REC-STI", ["C15"], "info"),
        repeat_key(NAMES, HERE, "REC-UA", ["C15", "C18"], "info"),
        repeat_key(NAMES, HERE, "REC-UA", ["C15"], "warning"),
        repeat_key(Pseudonyms(b"another key of ours"), HERE, "REC-UA", ["C15"], "info"),
    ]

    assert len(set(keys)) == len(keys)
    assert all(len(key) == 32 for key in keys)


def test_parts_do_not_run_into_each_other() -> None:
    assert NAMES.of("a", "b", "c") != NAMES.of("a", "bc")
    assert NAMES.patient("ab", "c") != NAMES.patient("a", "bc")
    assert NAMES.patient("a", "1") != NAMES.encounter("a", "1")


def test_a_uuid_may_be_kept_and_nothing_else() -> None:
    given = "4E0A3A1E-3283-4575-AB82-028D55FE2719"

    assert NAMES.safe_id(given) == given.lower()
    assert NAMES.safe_id("Jane") == NAMES.of("id", "Jane")
    assert NAMES.safe_id(given + "\n") != given.lower() + "\n"


# -- unchanged answers ---------------------------------------------------------------------


def choice(code: str, **more: str) -> dict[str, Any]:
    return {"valueCoding": {"code": code, **more}}


RESPONSE: dict[str, Any] = {
    "resourceType": "QuestionnaireResponse",
    "id": "one",
    "authored": "2026-11-22",
    "item": [
        {"linkId": "urine", "answer": [choice("burn"), choice("freq", display="Often")]},
        {"linkId": "sev", "answer": [{"valueInteger": 7}]},
        {"linkId": "group", "item": [{"linkId": "other", "answer": [{"valueString": "words"}]}]},
    ],
}


def test_the_same_answers_sent_differently_are_unchanged() -> None:
    other = copy.deepcopy(RESPONSE)
    other |= {"id": "two", "authored": "2026-11-23"}
    other["item"].reverse()
    other["item"][2]["answer"] = [choice("freq"), choice("burn", system="https://s", display="B")]
    other["item"].append({"linkId": "left-blank"})

    assert answers_digest(NAMES, other) == answers_digest(NAMES, RESPONSE)


@pytest.mark.parametrize(
    "changed",
    [
        [{"linkId": "urine", "answer": [choice("burn")]}],
        [{"linkId": "urine", "answer": [choice("burn"), choice("urge")]}],
        [{"linkId": "sev", "answer": [choice("burn"), choice("freq")]}],
        [],
    ],
    ids=str,
)
def test_another_answer_is_a_change(changed: list[Any]) -> None:
    other = RESPONSE | {"item": [*changed, *RESPONSE["item"][1:]]}

    assert answers_digest(NAMES, other) != answers_digest(NAMES, RESPONSE)


def test_odd_shapes_are_passed_over() -> None:
    odd = {"item": [7, {"linkId": "a", "answer": "x"}, {"answer": [3, {"valueCoding": 4}]}]}

    assert answers_digest(NAMES, odd) != answers_digest(NAMES, None)
    assert answers_digest(NAMES, {"item": "x"}) == answers_digest(NAMES, None)


def test_a_new_answer_to_another_form_is_a_new_answer() -> None:
    first = answers_digest(NAMES, RESPONSE, {"seen": RESPONSE})

    assert first != answers_digest(NAMES, RESPONSE)
    assert first != answers_digest(NAMES, RESPONSE, {"later": RESPONSE})
    assert first == answers_digest(NAMES, RESPONSE, {"seen": dict(RESPONSE)})
