"""Reading feedback: what is understood, and what is refused under which name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cds_service.hooks.feedback import MAX_COMMENT, MAX_ITEMS, parse_feedback, refusal
from cds_service.store.records import FeedbackItem, Outcome, Reason

CARD = "4e0a3a1e-3283-4575-ab82-028d55fe2719"
TAKEN = "e56e1945-20b3-4393-8503-a1a20fd73152"
AT = datetime(2026, 11, 22, 10, 5, 31, tzinfo=UTC)


def item(**changes: Any) -> dict[str, Any]:
    """An override, changed."""
    plain = {"card": CARD, "outcome": "overridden", "outcomeTimestamp": "2026-11-22T10:05:31Z"}
    return {name: value for name, value in (plain | changes).items() if value is not ...}


def read(**changes: Any) -> FeedbackItem:
    """The item, which must be in order."""
    feedback = parse_feedback({"feedback": [item(**changes)]})

    assert feedback.issues == ()
    return feedback.items[0]


def complaints(body: Any) -> list[tuple[str, str | None]]:
    """Code and place of each issue."""
    feedback = parse_feedback(body)

    assert not feedback.items
    return [(issue.code, issue.expression) for issue in feedback.issues]


# -- what is understood --------------------------------------------------------------------


@pytest.mark.requirement("5.4")
def test_an_accepted_card_names_its_suggestions() -> None:
    found = read(outcome="accepted", acceptedSuggestions=[{"id": TAKEN}, {"id": "b"}, {"id": "b"}])

    assert found == FeedbackItem(CARD, Outcome.ACCEPTED, AT, ("b", TAKEN))


@pytest.mark.requirement("5.5")
@pytest.mark.parametrize(
    ("sent", "reason", "comment"),
    [
        (..., None, None),
        (None, None, None),
        ({"reason": {"code": "referred"}}, Reason("referred"), None),
        (
            {"reason": {"code": "c", "system": "https://s", "display": "d", "x": 1}},
            Reason("c", "https://s"),
            None,
        ),
        ({"userComment": " was seen "}, None, "was seen"),
        ({"userComment": ""}, None, None),
        ({"reason": {"code": "c"}, "userComment": "why"}, Reason("c"), "why"),
        ({"reason": None, "userComment": "why"}, None, "why"),
    ],
    ids=str,
)
def test_an_override_may_say_why(sent: Any, reason: Reason | None, comment: str | None) -> None:
    found = read(overrideReason=sent)

    assert (found.reason, found.comment) == (reason, comment)


@pytest.mark.requirement("5.3")
@pytest.mark.parametrize(
    ("sent", "microsecond"),
    [
        ("2026-11-22T10:05:31Z", 0),
        ("2026-11-22T10:05:31+00:00", 0),
        ("2026-11-22T10:05:31-00:00", 0),
        ("2026-11-22T12:05:31+02:00", 0),
        ("2026-11-22t10:05:31z", 0),
        ("2026-11-22 10:05:31Z", 0),
        ("2026-11-22T10:05:31.5Z", 500_000),
        ("2026-11-22T10:05:31.123456789Z", 123_456),
    ],
)
def test_times_are_read_in_every_form_of_rfc_3339(sent: str, microsecond: int) -> None:
    assert read(outcomeTimestamp=sent).at == AT.replace(microsecond=microsecond)


def test_a_leap_second_is_the_end_of_its_minute() -> None:
    assert read(outcomeTimestamp="2016-12-31T23:59:60Z").at.second == 59


def test_unknown_fields_and_a_urn_are_tolerated() -> None:
    assert read(card=f"urn:uuid:{CARD}", extension={"a": 1}, acceptedSuggestions=[]).card == CARD


@pytest.mark.requirement("5.10")
def test_a_comment_is_cut_cleaned_and_never_printed() -> None:
    found = read(overrideReason={"userComment": "s\x00ecret\ud800 " * 1000})

    assert found.comment is not None
    assert len(found.comment) == MAX_COMMENT
    assert found.comment.startswith("secret? ")
    assert found.comment.endswith("…")
    assert "secret" not in repr(found)


# -- what is refused -----------------------------------------------------------------------


@pytest.mark.requirement("5.8")
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([], ("structure", None)),
        (None, ("structure", None)),
        ({}, ("required", "feedback")),
        ({"feedback": None}, ("required", "feedback")),
        ({"feedback": {}}, ("value", "feedback")),
        ({"feedback": []}, ("value", "feedback")),
        ({"feedback": "x"}, ("value", "feedback")),
        ({"feedback": [item()] * (MAX_ITEMS + 1)}, ("too-long", "feedback")),
        ({"feedback": ["x"]}, ("structure", "feedback[0]")),
        ({"feedback": [None]}, ("structure", "feedback[0]")),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_body_without_items_is_refused(body: Any, expected: tuple[str, str | None]) -> None:
    assert complaints(body) == [expected]


BAD = [
    ({"card": ...}, "required", "card"),
    ({"card": 1}, "value", "card"),
    ({"card": ""}, "value", "card"),
    ({"card": "two words"}, "value", "card"),
    ({"card": "a\x00"}, "value", "card"),
    ({"card": "x" * 256}, "value", "card"),
    ({"outcome": ...}, "required", "outcome"),
    ({"outcome": "ignored"}, "value", "outcome"),
    ({"outcome": ["accepted"]}, "value", "outcome"),
    ({"outcome": "Accepted"}, "value", "outcome"),
    ({"outcomeTimestamp": ...}, "required", "outcomeTimestamp"),
    ({"outcomeTimestamp": 1_700_000_000}, "value", "outcomeTimestamp"),
    ({"outcomeTimestamp": "2026-11-22"}, "value", "outcomeTimestamp"),
    ({"outcomeTimestamp": "2026-11-22T10:05:31"}, "value", "outcomeTimestamp"),
    ({"outcomeTimestamp": "2026-02-30T10:05:31Z"}, "value", "outcomeTimestamp"),
    ({"outcomeTimestamp": "2026-11-22T10:05:31+99:00"}, "value", "outcomeTimestamp"),
    ({"outcomeTimestamp": "0001-01-01T00:00:00+14:00"}, "value", "outcomeTimestamp"),
    ({"outcomeTimestamp": "٢٠٢٦-11-22T10:05:31Z"}, "value", "outcomeTimestamp"),
    ({"outcome": "accepted"}, "required", "acceptedSuggestions"),
    ({"outcome": "accepted", "acceptedSuggestions": []}, "value", "acceptedSuggestions"),
    ({"outcome": "accepted", "acceptedSuggestions": {}}, "value", "acceptedSuggestions"),
    ({"outcome": "accepted", "acceptedSuggestions": [TAKEN]}, "value", "acceptedSuggestions[0]"),
    (
        {"outcome": "accepted", "acceptedSuggestions": [{"id": TAKEN}, {}]},
        "required",
        "acceptedSuggestions[1].id",
    ),
    (
        {"outcome": "accepted", "acceptedSuggestions": [{"id": 7}]},
        "value",
        "acceptedSuggestions[0].id",
    ),
    (
        {"outcome": "accepted", "acceptedSuggestions": [{"id": f"s-{n}"} for n in range(51)]},
        "too-long",
        "acceptedSuggestions",
    ),
    ({"overrideReason": {}}, "value", "overrideReason"),
    ({"overrideReason": "no"}, "value", "overrideReason"),
    ({"overrideReason": {"reason": {}}}, "required", "overrideReason.reason.code"),
    ({"overrideReason": {"reason": "no"}}, "value", "overrideReason.reason"),
    ({"overrideReason": {"reason": {"code": 1}}}, "value", "overrideReason.reason.code"),
    (
        {"overrideReason": {"reason": {"code": "x", "display": 1}}},
        "value",
        "overrideReason.reason.display",
    ),
    (
        {"overrideReason": {"reason": {"code": "c", "system": 1}}},
        "value",
        "overrideReason.reason.system",
    ),
    ({"overrideReason": {"userComment": ["x"]}}, "value", "overrideReason.userComment"),
]


@pytest.mark.requirement("5.8")
@pytest.mark.parametrize(("changes", "code", "where"), BAD, ids=lambda value: str(value)[:60])
def test_a_bad_element_is_named(changes: dict[str, Any], code: str, where: str) -> None:
    feedback = parse_feedback({"feedback": [item(**changes)]})

    assert [(i.code, i.expression) for i in feedback.issues] == [(code, f"feedback[0].{where}")]
    (words,) = (i.diagnostics for i in feedback.issues)
    assert words.startswith(f"feedback[0].{where} ")


@pytest.mark.parametrize("canary", ["canary words", ["canary"], {"canary": "canary"}], ids=str)
@pytest.mark.parametrize(
    "name", ["card", "outcome", "outcomeTimestamp", "acceptedSuggestions", "overrideReason"]
)
def test_what_was_sent_is_not_repeated(name: str, canary: Any) -> None:
    for outcome in ("accepted", "overridden"):
        sent = item(**{"outcome": outcome, "acceptedSuggestions": [{"id": TAKEN}], name: canary})
        issues = parse_feedback({"feedback": [sent]}).issues

        assert not any("canary" in issue.diagnostics for issue in issues)


@pytest.mark.requirement("5.4")
def test_fifty_suggestions_of_one_card_are_taken() -> None:
    ids = tuple(sorted(f"s-{n}" for n in range(50)))

    assert (
        read(outcome="accepted", acceptedSuggestions=[{"id": id_} for id_ in ids]).suggestions
        == ids
    )


@pytest.mark.requirement("5.8")
def test_one_bad_item_does_not_lose_the_others_and_everything_wrong_is_named() -> None:
    bad = {"card": "", "outcome": "accepted", "outcomeTimestamp": "soon"}
    feedback = parse_feedback({"feedback": [item(), bad, 7, item(card=TAKEN)]})

    assert [i.card for i in feedback.items] == [CARD, TAKEN]
    assert [i.expression for i in feedback.issues] == [
        "feedback[1].card",
        "feedback[1].outcomeTimestamp",
        "feedback[1].acceptedSuggestions",
        "feedback[2]",
    ]
    assert "(2) were saved" in refusal(feedback, kept=2)[-1].diagnostics
    assert refusal(feedback, kept=0) == feedback.issues
