"""The store on SQLite and on PostgreSQL: what is written once stays, is found, and names nobody."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest

from cds_service.hooks.repeats import Settled, settled_keys
from cds_service.store import CardState, Purged, Saved, Store
from cds_service.store.records import FeedbackItem, Outcome, Reason
from cds_service.store.report import Firing, summarise
from tests.support.databases import Database
from tests.support.made_records import (
    CLIENT,
    DAY,
    KEY,
    NOW,
    SERVICE,
    WINDOW,
    accepted,
    call,
    card,
    overridden,
)


def firings(store: Store) -> list[Firing]:
    return store.report(NOW - 1000 * DAY, NOW + DAY, lambda found, _: list(found))


# -- calls ---------------------------------------------------------------------------------


def test_a_call_is_kept_with_its_cards_in_order(store: Store, database: Database) -> None:
    store.record_call(call(card("REC-UA"), card("REC-SELF", state=CardState.SILENT)))

    assert database.rows("SELECT card, place, state FROM cards ORDER BY place") == [
        ("REC-UA", 0, "shown"),
        ("REC-SELF", 1, "silent"),
    ]
    assert database.rows("SELECT service, client, answered FROM calls") == [(SERVICE, CLIENT, 30)]


def test_a_call_without_cards_is_kept(store: Store, database: Database) -> None:
    store.record_call(call(encounter_id=None))

    assert database.rows("SELECT encounter FROM calls") == [(None,)]


def test_a_hook_instance_that_is_no_uuid_is_not_kept(store: Store, database: Database) -> None:
    store.record_call(call(hook_instance="Jane Doe\x00 1990-03-01" * 100))

    ((kept,),) = database.rows("SELECT hook_instance FROM calls")
    assert len(kept) == 32


def test_the_same_person_at_two_clients_is_two_people(store: Store, database: Database) -> None:
    for client in ("one", "two", "two"):
        store.record_call(call(client=client))

    assert len(set(database.rows("SELECT patient, encounter FROM calls"))) == 2


# -- feedback ------------------------------------------------------------------------------


@pytest.mark.requirement("5.2")
def test_several_cards_come_in_one_post(store: Store) -> None:
    one, two = card(), card("REC-SELF")
    store.record_call(call(one))
    store.record_call(call(two, service="dyspareunia-workup-encounter-start"))

    saved = store.save_feedback(SERVICE, CLIENT, [accepted(one), overridden(two)], NOW)

    assert saved == Saved(new=2, repeated=0, unknown=0)


@pytest.mark.requirement("5.7")
def test_feedback_sent_again_counts_once(store: Store, database: Database) -> None:
    shown = card(suggestions={str(uuid.uuid4()): "dipstick", str(uuid.uuid4()): "culture"})
    store.record_call(call(shown))
    item = accepted(shown)
    mirrored = FeedbackItem(shown.uuid.upper(), item.outcome, item.at, item.suggestions)

    first = store.save_feedback(SERVICE, CLIENT, [item, item], NOW)
    again = store.save_feedback(SERVICE, CLIENT, [mirrored], NOW + DAY)

    assert (first, again) == (Saved(1, 1, 0), Saved(0, 1, 0))
    assert first.kept == 2
    assert database.rows("SELECT count(*) FROM feedback") == [(1,)]


@pytest.mark.requirement("5.7")
def test_what_differs_in_one_part_of_the_identity_counts_again(
    store: Store, database: Database
) -> None:
    shown = card()
    item = accepted(shown)
    for service, other in [
        (SERVICE, item),
        ("another-service", item),
        (SERVICE, accepted(card())),
        (SERVICE, FeedbackItem(shown.uuid, Outcome.OVERRIDDEN, NOW, item.suggestions)),
        (SERVICE, FeedbackItem(shown.uuid, item.outcome, NOW + timedelta(microseconds=1))),
        (SERVICE, FeedbackItem(shown.uuid, item.outcome, NOW, (str(uuid.uuid4()),))),
    ]:
        store.save_feedback(service, CLIENT, [other], NOW)

    assert database.rows("SELECT count(*) FROM feedback") == [(6,)]


@pytest.mark.requirement("5.8")
def test_a_card_nobody_knows_is_kept_and_marked(store: Store, database: Database) -> None:
    saved = store.save_feedback(SERVICE, CLIENT, [accepted(str(uuid.uuid4()))], NOW)

    assert saved == Saved(new=1, repeated=0, unknown=1)
    assert database.rows("SELECT card_id FROM feedback") == [(None,)]


@pytest.mark.parametrize(
    "change", [{"client": "another"}, {"state": CardState.SUPPRESSED}], ids=str
)
def test_only_the_client_that_was_shown_a_card_can_act_on_it(
    store: Store, change: dict[str, str]
) -> None:
    shown = card(state=change.get("state", CardState.SHOWN))
    store.record_call(call(shown, client=change.get("client", CLIENT)))

    assert store.save_feedback(SERVICE, CLIENT, [accepted(shown)], NOW).unknown == 1


@pytest.mark.requirement("5.3")
def test_times_keep_their_fraction_and_a_wrong_clock_is_bounded(
    store: Store, database: Database
) -> None:
    shown = card()
    store.record_call(call(shown))
    early, late = NOW - DAY, NOW + DAY + timedelta(microseconds=7)
    for at in (early, late):
        store.save_feedback(SERVICE, CLIENT, [accepted(shown, at)], NOW + timedelta(hours=1))

    (firing,) = firings(store)
    assert sorted(r.at for r in firing.reactions) == [NOW, NOW + timedelta(hours=1)]
    kept = " ".join(str(at) for (at,) in database.rows("SELECT outcome_at FROM feedback"))
    assert ".000007" in kept


@pytest.mark.requirement("5.5")
def test_reason_and_comment_are_kept(store: Store, database: Database) -> None:
    shown = card()
    item = FeedbackItem(shown.uuid, Outcome.OVERRIDDEN, NOW, (), Reason("referred"), "seen – ✓")
    store.record_call(call(shown))
    store.save_feedback(SERVICE, CLIENT, [item], NOW)

    assert database.rows("SELECT reason_code, comment FROM feedback") == [("referred", "seen – ✓")]


@pytest.mark.requirement("5.5")
@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        (Reason("referred"), "referred"),
        (Reason("referred", "https://reasons.example"), "referred"),
        (Reason("referred", "https://another.example"), "other"),
        (Reason("Referred"), "other"),
        (Reason("Ana Quetzal"), "other"),
        (Reason("reasons.example|referred"), "other"),
        (Reason("example|referred", "https://reasons"), "other"),
    ],
    ids=["code", "whole", "other-system", "other-case", "words", "part", "other-parts"],
)
def test_a_reason_that_the_card_did_not_offer_is_kept_as_other(
    reason: Reason, kept: str, store: Store, database: Database
) -> None:
    shown = card()
    store.record_call(call(shown))
    item = FeedbackItem(shown.uuid, Outcome.OVERRIDDEN, NOW, (), reason)
    store.save_feedback(SERVICE, CLIENT, [item], NOW)

    assert database.rows("SELECT reason_code FROM feedback") == [(kept,)]


@pytest.mark.requirement("5.5")
def test_a_reason_for_a_card_that_is_not_known_is_kept_as_other(
    store: Store, database: Database
) -> None:
    store.save_feedback(SERVICE, CLIENT, [overridden(card(), "referred")], NOW)

    assert database.rows("SELECT reason_code FROM feedback") == [("other",)]


def test_a_thousand_items_are_one_transaction(store: Store) -> None:
    shown = [card() for _ in range(1000)]
    for first in range(0, 1000, 50):  # a call must be recorded in a moment
        store.record_call(call(*shown[first : first + 50]))

    saved = store.save_feedback(SERVICE, CLIENT, [accepted(c) for c in shown], NOW)

    assert saved == Saved(1000, 0, 0)
    assert store.save_feedback(SERVICE, CLIENT, [], NOW) == Saved(0, 0, 0)


# -- repeat suppression --------------------------------------------------------------------


def test_a_settled_card_is_held_back_in_the_window_and_in_the_encounter(store: Store) -> None:
    shown, ignored = card("REC-UA"), card("REC-SELF")
    store.record_call(call(shown, ignored))
    store.save_feedback(SERVICE, CLIENT, [overridden(shown, "referred")], NOW)
    keys = {shown.repeat_key, ignored.repeat_key, "another"}

    def held(days: int, encounter: str | None, client: str = CLIENT) -> set[str]:
        past = store.past_reactions(keys)
        seen = store.names.encounter(client, encounter)
        settled = settled_keys(past, seen, NOW + days * DAY, WINDOW)
        return {key for key, what in settled.items() if what.whole}

    assert held(29, "next visit") == {shown.repeat_key}
    assert held(31, "next visit") == set()
    assert held(31, None) == set()
    assert held(31, "visit") == {shown.repeat_key}
    assert held(31, "visit", "another client") == set()
    assert store.past_reactions([]) == []


def test_a_deferred_card_comes_again(store: Store) -> None:
    shown = card()
    store.record_call(call(shown))
    store.save_feedback(SERVICE, CLIENT, [overridden(shown, "deferred"), overridden(shown)], NOW)

    past = store.past_reactions([shown.repeat_key])
    settled = settled_keys(past, store.names.encounter(CLIENT, "visit"), NOW, WINDOW)
    assert set(settled.values()) == {Settled()}


def test_an_accepted_suggestion_is_known_by_its_id_in_the_content(store: Store) -> None:
    one, two, strange = (str(uuid.uuid4()) for _ in range(3))
    shown = card(suggestions={one: "dipstick", two: "culture"})
    store.record_call(call(shown))
    item = replace(accepted(shown), suggestions=tuple(sorted((one, strange))))
    store.save_feedback(SERVICE, CLIENT, [item], NOW)

    (past,) = store.past_reactions([shown.repeat_key])
    assert past.reaction.suggestions == {"dipstick"}


# -- report --------------------------------------------------------------------------------


def test_the_report_reads_every_card_with_its_reactions(store: Store) -> None:
    taken, left = card("REC-UA"), card("REC-SELF", sources=("C25", "C18"))
    store.record_call(call(taken, left))
    store.save_feedback(SERVICE, CLIENT, [accepted(taken, NOW + timedelta(minutes=2))], NOW + DAY)

    rows = store.report(NOW, NOW + DAY, summarise)

    by_card = {r.id: r for r in rows if (r.by, r.version) == ("card", "")}
    assert (by_card["REC-UA"].accepted, by_card["REC-UA"].median_seconds_to_action) == (1, 120)
    assert (by_card["REC-SELF"].ignored, by_card["REC-SELF"].fire_rate) == (1, 1.0)
    assert store.report(NOW + DAY, NOW + 2 * DAY, summarise) == []


def test_a_call_sent_again_counts_once(store: Store) -> None:
    shown = card()
    store.record_call(call(shown))
    store.save_feedback(SERVICE, CLIENT, [accepted(shown)], NOW)
    store.record_call(call(shown))

    (firing,) = firings(store)
    assert len(firing.reactions) == 1


def test_cards_that_were_never_sent_count_each_time(store: Store) -> None:
    for _ in range(3):
        store.record_call(call(card(uuid="", state=CardState.SUPPRESSED)))

    assert len(firings(store)) == 3


def test_replicas_with_different_keys_still_share_tokens_and_feedback(
    store: Store, database: Database
) -> None:
    other, shown = Store(database.url, b"another key of another replica"), card()
    store.save_feedback(SERVICE, CLIENT, [accepted(shown)], NOW)

    assert other.save_feedback(SERVICE, CLIENT, [accepted(shown)], NOW).repeated == 1
    assert [s.claim_jti("a", "1", NOW + DAY, NOW) for s in (store, other)] == [True, False]
    other.close()


# -- tokens --------------------------------------------------------------------------------


@pytest.mark.requirement("6.10")
def test_a_token_id_is_claimed_once_for_each_issuer(store: Store) -> None:
    later = NOW + timedelta(minutes=5)
    claims = [("a", "1"), ("a", "1"), ("b", "1"), ("a", "x" * 10_000), ("a1", "")]

    assert [store.claim_jti(*c, later, NOW) for c in claims] == [True, False, True, True, True]


def test_expired_token_ids_are_swept_now_and_then(
    store: Store, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cds_service.store.store.SWEEP", 3)
    for jti in "12":
        store.claim_jti("a", jti, NOW - DAY - timedelta(seconds=1), NOW)
    store.claim_jti("a", "3", NOW + DAY, NOW)

    assert database.rows("SELECT count(*) FROM tokens") == [(1,)]


@pytest.mark.requirement("6.10")
def test_a_clock_that_is_set_back_makes_no_used_token_new(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cds_service.store.store.SWEEP", 1)
    ends = NOW + timedelta(minutes=5)
    assert store.claim_jti("a", "used", ends, NOW)

    fast = NOW + timedelta(hours=20)
    store.claim_jti("a", "another", fast, fast)
    store.purge(fast, 90 * DAY)

    assert not store.claim_jti("a", "used", ends, NOW)


# -- retention -----------------------------------------------------------------------------


def test_purge_deletes_what_is_old_and_nothing_else(
    store: Store, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cds_service.store.queries.BATCH", 2)
    for age in (100, 91, 91, 89, 0):
        shown = card()
        store.record_call(call(shown, card("REC-SELF"), at=NOW - age * DAY))
        stray = accepted(str(uuid.uuid4()))
        store.save_feedback(SERVICE, CLIENT, [accepted(shown), stray], NOW - age * DAY)
    store.claim_jti("a", "old", NOW - 2 * DAY, NOW)
    store.claim_jti("a", "new", NOW + DAY, NOW)

    assert store.purge(NOW, 90 * DAY) == Purged(calls=3, cards=6, feedback=6, tokens=1)
    assert store.purge(NOW, 90 * DAY) == Purged(0, 0, 0, 0)
    left = [database.rows(f"SELECT count(*) FROM {t}") for t in ("calls", "cards", "feedback")]
    assert left == [[(2,)], [(4,)], [(4,)]]


# -- privacy -------------------------------------------------------------------------------


@pytest.mark.requirement("6.20")
def test_nothing_in_the_database_names_a_person(store: Store, database: Database) -> None:
    canaries = ["canary-patient", "canary-encounter", "canary-instance", "canary-card"]
    shown = card()
    store.record_call(
        call(
            shown,
            patient_id="canary-patient",
            encounter_id="canary-encounter",
            hook_instance="canary-instance",
        )
    )
    odd = FeedbackItem("canary-card", Outcome.ACCEPTED, NOW, ("canary-suggestion",))
    store.save_feedback(SERVICE, CLIENT, [accepted(shown), odd], NOW)
    store.claim_jti("https://canary-issuer", "canary-token", NOW + DAY, NOW)

    held = database.everything()
    assert shown.uuid.encode() in held
    assert [c for c in [*canaries, "canary"] if c.encode() in held] == []


def test_a_record_does_not_print_a_person() -> None:
    text = repr(call(patient_id="canary", encounter_id="canary", hook_instance="canary"))
    text += repr(overridden(card(), "referred", comment="canary"))

    assert "canary" not in text


def test_deleted_comments_leave_no_trace(store: Store, database: Database) -> None:
    shown = card()
    store.record_call(call(shown, at=NOW - 100 * DAY))
    words = "canary " * 200
    store.save_feedback(
        SERVICE, CLIENT, [overridden(shown, "referred", comment=words)], NOW - 99 * DAY
    )
    store.purge(NOW, 90 * DAY)
    store.close()  # SQLite folds its log into the file

    assert b"canary" not in database.everything()


def test_a_key_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Store("sqlite:///x.sqlite3", KEY[:8])
