"""Sessions of the form: only the secret opens them, several workers share them, they end."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.content.model import Content
from cds_service.store import Store, StoreUnavailable
from cds_service.web.form import sessions as module
from cds_service.web.form.from_questionnaire import read_form
from cds_service.web.form.rate_limit import RateLimitExceeded
from cds_service.web.form.sessions import Session, Sessions, grouped, new_secret, ungrouped
from tests.support.databases import Database
from tests.support.made_records import KEY

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FORM = "https://example.org/Questionnaire/q|1"


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(store: Store, clock: Clock) -> Sessions:
    return Sessions(store, clock)


def answered(word: str) -> Session:
    answers = {"unsafe-at-home": [{"valueString": word}]}
    return Session(FORM, answers=answers, language="es", identifier="one and the same", turned=True)


def test_a_session_is_read_back_whole(sessions: Sessions) -> None:
    session = answered("here")
    session.ehr, session.notices = {"access_token": "t"}, [["more", "a"]]

    assert sessions.read(sessions.open(session)) == session


def test_nothing_of_a_session_can_be_read_in_the_database(
    sessions: Sessions, database: Database
) -> None:
    session = answered("marzipan")
    session.ehr = {"access_token": "quince"}
    secret = sessions.open(session)
    sessions.change(secret, lambda s: s)

    everything = database.everything()

    for word in ("marzipan", "quince", "unsafe-at-home", "valueString", "Questionnaire", secret):
        assert word.encode() not in everything
        assert word.encode().hex().encode() not in everything  # as PostgreSQL prints bytes


def test_another_secret_opens_nothing(sessions: Sessions) -> None:
    sessions.open(answered("mine"))

    assert sessions.read(new_secret()) is None
    assert sessions.change(new_secret(), lambda s: s) is None


def test_a_row_moved_under_another_digest_is_not_opened(sessions: Sessions) -> None:
    mine, theirs = sessions.open(answered("mine")), sessions.open(answered("theirs"))
    sealed = sessions._rows.get(module._SessionCipher(theirs).digest, NOW)
    assert sealed is not None
    sessions._rows.change(
        module._SessionCipher(mine).digest, NOW, lambda _: ((sealed, NOW + timedelta(days=1)), None)
    )

    assert sessions.read(mine) is None


def test_the_same_session_is_never_sealed_twice_alike() -> None:
    seal = module._SessionCipher(new_secret())

    assert seal.close(answered("a")) != seal.close(answered("a"))
    assert seal.open(b"") is None
    assert seal.open(b"x" * 40) is None


def test_changes_of_two_threads_both_count(
    store: Store, sessions: Sessions, database: Database, clock: Clock
) -> None:
    secret = sessions.open(Session(FORM))
    other = Store(database.url, KEY)  # another worker

    def add(link_id: str, using: Sessions) -> None:
        def work(session: Session) -> Session:
            session.answers[link_id] = [{"valueBoolean": True}]
            return session

        using.change(secret, work)

    workers = [Sessions(store, clock), Sessions(other, clock)]
    threads = [threading.Thread(target=add, args=(f"q{n}", workers[n % 2])) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()

    found = sessions.read(secret)
    assert found is not None
    assert sorted(found.answers) == sorted(f"q{n}" for n in range(8))


def test_a_change_that_is_not_wanted_changes_nothing(sessions: Sessions) -> None:
    secret = sessions.open(answered("stays"))

    def spoil(session: Session) -> None:
        session.answers.clear()

    assert sessions.change(secret, spoil) == answered("stays")
    assert sessions.read(secret) == answered("stays")


def test_sessions_end_a_week_after_the_last_change(sessions: Sessions, clock: Clock) -> None:
    secret = sessions.open(answered("a"))
    clock.now += timedelta(days=6)
    sessions.change(secret, lambda _: answered("b"))
    clock.now += timedelta(days=6)

    assert sessions.read(secret) == answered("b")
    clock.now += timedelta(days=2)
    assert sessions.read(secret) is None
    assert sessions.change(secret, lambda s: s) is None


def test_what_was_only_begun_ends_within_the_hour(sessions: Sessions, clock: Clock) -> None:
    begun = sessions.open(Session(FORM, answers=answered("a").answers))
    signed_in = sessions.open(Session(FORM, answers=answered("a").answers, ehr={"issuer": "x"}))
    clock.now += timedelta(minutes=61)

    assert sessions.read(begun) is None
    assert sessions.read(signed_in) is not None


def test_strangers_cannot_fill_the_store(sessions: Sessions, clock: Clock) -> None:
    sessions.max_sessions = 2
    sessions.open(answered("a"))
    sessions.open(answered("b"))

    with pytest.raises(RateLimitExceeded):
        sessions.open(answered("c"))
    assert sessions.read(sessions.open(answered("signed in"), limited=False)) is not None
    clock.now += timedelta(days=8)  # what has expired does not count
    assert sessions.read(sessions.open(answered("d"))) is not None


def test_a_session_has_room_for_twice_what_the_form_can_fill(content: Content) -> None:
    form = read_form(content.questionnaire.form)
    full = Session(form.canonical)
    for link_id, part in form.parts.items():
        chosen = part.options if part.item.repeats else part.options[:1]
        full.answers[link_id] = [dict(option.answer) for option in chosen]
        if part.item.max_length:
            full.answers[link_id] = [{"valueString": "ñ" * part.item.max_length}]

    assert 1.5 * len(full.as_json()) < module.MAX_BYTES <= 2 * len(full.as_json())


def test_a_saved_session_ends_within_the_hour(sessions: Sessions, clock: Clock) -> None:
    secret = sessions.open(Session(FORM, saved="r1"))
    clock.now += timedelta(minutes=61)

    assert sessions.read(secret) is None


def test_expired_sessions_are_deleted_by_purge_and_by_the_next_person(
    sessions: Sessions, store: Store, database: Database, clock: Clock
) -> None:
    sessions.open(answered("a"))
    clock.now += timedelta(days=8)
    sessions.open(answered("b"))
    assert database.rows("SELECT count(*) FROM sessions") == [(1,)]

    clock.now += timedelta(days=8)
    assert store.purge(clock.now, timedelta(days=365)).sessions == 1
    assert database.rows("SELECT count(*) FROM sessions") == [(0,)]


def test_a_dropped_session_is_gone(sessions: Sessions, database: Database) -> None:
    secret = sessions.open(answered("a"))
    sessions.drop(secret)
    sessions.drop(secret)

    assert sessions.read(secret) is None
    assert database.rows("SELECT count(*) FROM sessions") == [(0,)]


def test_a_database_that_is_gone_is_said(tmp_path: object, clock: Clock) -> None:
    sessions = Sessions(Store(f"sqlite:///{tmp_path}/none.sqlite3", KEY), clock)

    with pytest.raises(StoreUnavailable):
        sessions.read(new_secret())
    with pytest.raises(StoreUnavailable):
        sessions.open(Session(FORM))


@given(st.text())
def test_whatever_is_typed_is_a_secret_or_nothing(typed: str) -> None:
    secret = ungrouped(typed)

    assert secret is None or ungrouped(grouped(secret)) == secret


def test_a_resume_code_forgives_how_it_is_typed() -> None:
    secret = "01ABCDEFGHJKMNPQRSTVWXYZ"
    assert grouped(secret) == "01AB-CDEF-GHJK-MNPQ-RSTV-WXYZ"
    assert ungrouped(" oiab cdef ghjk\tmnpq-rstv wxyz. ") == secret
    assert ungrouped("01AB-CDEF") is None
    assert ungrouped("U" * 24) is None


def test_a_session_of_another_release_can_be_read() -> None:
    written = b'{"questionnaire": "q|1", "identifier": "i", "unheard": 1}'

    assert Session.from_json(written) == Session("q|1", identifier="i")
