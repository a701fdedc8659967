"""Feedback over HTTP: what is kept, what is refused, in which words."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from tests.support.clinic import card_about
from tests.support.ward import (
    CANARY,
    FEEDBACK,
    Make,
    Ward,
    accepted,
    expressions,
    overridden,
    requirement,
    visit,
)


@requirement("5.1")
@requirement("5.2")
@requirement("5.3")
@requirement("5.4")
@requirement("5.5")
def test_feedback_of_every_shape_is_saved_and_counted(make: Make) -> None:
    ward = make(report_token="open")
    bodies = [visit(ward) for _ in range(5)]
    taken, reasoned, commented, bare, _ignored = (
        card_about(ward.cards(body), "urine-testing") for body in bodies
    )
    no_system = {"reason": {"code": "done-elsewhere"}}
    items = [
        accepted(taken),
        overridden(reasoned, overrideReason=no_system, outcomeTimestamp="2026-11-22T12:00:00Z"),
        overridden(commented, overrideReason={"userComment": "She was seen yesterday."}),
        overridden(bare, outcomeTimestamp="2026-11-22T12:00:00.123+00:00"),
    ]

    first, others = ward.feedback(items[0]), ward.feedback(*items[1:])

    assert (first.status_code, first.get_json()) == (200, {"saved": 1})
    assert (others.status_code, others.get_json()) == (200, {"saved": 3})
    ward.clock.now += timedelta(minutes=1)
    row = ward.rows()["shown", "REC-UA"]
    counted = {k: row[k] for k in ("fired", "accepted", "overridden", "ignored", "reasons")}
    assert counted == {
        "fired": 5,
        "accepted": 1,
        "overridden": 3,
        "ignored": 1,  # never reported, only counted (5.6)
        "reasons": {"(none)": 2, "done-elsewhere": 1},
    }


@requirement("5.7")
def test_feedback_sent_again_is_counted_once(make: Make) -> None:
    ward = make(report_token="open")
    card = card_about(ward.cards(visit(ward)), "urine-testing")

    for items in ([accepted(card)], [accepted(card)], [accepted(card), accepted(card)]):
        answer = ward.feedback(*items)
        assert (answer.status_code, answer.get_json()) == (200, {"saved": len(items)})

    ward.clock.now += timedelta(minutes=1)
    row = ward.rows()["shown", "REC-UA"]
    assert (row["fired"], row["accepted"], row["ignored"]) == (1, 1, 0)


@requirement("5.8")
def test_a_bad_item_is_named_and_the_good_ones_are_kept(make: Make) -> None:
    ward = make(report_token="open")
    good = card_about(ward.cards(visit(ward)), "urine-testing")
    other = card_about(ward.cards(visit(ward)), "urine-testing")

    answer = ward.feedback(
        accepted(good),
        {"outcome": CANARY, "outcomeTimestamp": "yesterday"},
        overridden(other, overrideReason={}),
        CANARY,
    )

    assert answer.status_code == 400
    assert expressions(answer) == [
        "feedback[1].card",
        "feedback[1].outcome",
        "feedback[1].outcomeTimestamp",
        "feedback[2].overrideReason",
        "feedback[3]",
        "feedback",
    ]
    last = answer.get_json()["issue"][-1]
    assert last["severity"] == "information"
    assert "The other items (1) were saved." in last["diagnostics"]
    assert CANARY not in answer.text
    ward.clock.now += timedelta(minutes=1)
    row = ward.rows()["shown", "REC-UA"]
    assert (row["accepted"], row["overridden"], row["ignored"]) == (1, 0, 1)


@requirement("5.8")
@pytest.mark.parametrize("card", ["8c5dd2e9-0000-4000-8000-000000000000", "not-a-uuid", "x" * 255])
def test_an_unknown_card_is_accepted(card: str, ward: Ward) -> None:
    answer = ward.feedback(overridden({"uuid": card}))

    assert (answer.status_code, answer.get_json()) == (200, {"saved": 1})


@requirement("5.8")
@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b"{}", "feedback"),
        (b'{"feedback":{}}', "feedback"),
        (b'{"feedback":[]}', "feedback"),
        (b'{"feedback":[null]}', "feedback[0]"),
        (b'{"feedback":' + b"[" * 5_000 + b"]" * 5_000 + b"}", None),
    ],
    ids=["empty", "cut-off", "list", "none", "object", "nothing", "null", "deep"],
)
def test_feedback_that_cannot_be_read_is_400(data: bytes, place: str | None, ward: Ward) -> None:
    answer = ward.client.post(FEEDBACK, data=data, content_type="application/json")

    assert answer.status_code == 400
    assert expressions(answer) == ([place] if place else [])
    assert "were saved" not in answer.text


@requirement("5.1")
def test_feedback_is_a_post_of_json_to_a_service_there_is(ward: Ward) -> None:
    item = overridden({"uuid": "x"})

    assert ward.feedback(item, service="nobody").status_code == 404
    assert ward.client.get(FEEDBACK).status_code == 405
    for media_type in ("text/plain", "", "application/x-www-form-urlencoded"):
        answer = ward.client.post(FEEDBACK, data=b"{}", content_type=media_type)
        assert answer.status_code == 415
        assert "application/json" in answer.text


@requirement("5.10")
def test_a_comment_is_in_no_log_and_no_answer(
    ward: Ward, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    said = {"reason": {"code": CANARY, "display": CANARY}, "userComment": CANARY * 1_000}
    good = overridden({"uuid": CANARY}, overrideReason=said)
    bad = {**good, "outcomeTimestamp": CANARY}

    answers = [ward.feedback(good), ward.feedback(good, bad), ward.feedback(bad)]

    assert [a.status_code for a in answers] == [200, 400, 400]
    printed = capfd.readouterr()
    told = caplog.text + printed.out + printed.err + "".join(a.text for a in answers)
    assert CANARY not in told
