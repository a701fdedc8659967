"""The store of what outlives a call. Methods raise StoreUnavailable if the database fails."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from cds_service.store import queries, switches
from cds_service.store.encrypted_rows import EncryptedRows
from cds_service.store.engines import FEEDBACK_CALL, HOOK_CALL, OFFLINE
from cds_service.store.pseudonyms import Pseudonyms
from cds_service.store.record_queue import RecordQueue
from cds_service.store.records import (
    CallRecord,
    FeedbackItem,
    PastReaction,
    Purged,
    Saved,
    StoreUnavailable,
)
from cds_service.store.report import Firing
from cds_service.store.rows import FeedbackCall, call_row, card_row, digest, feedback_row
from cds_service.store.switches import SwitchRecord
from cds_service.store.tables import CALLS, CARDS, FEEDBACK, TOKENS
from cds_service.store.transactions import Transactions

T = TypeVar("T")
RECORD_SECONDS = 1.0  # that feedback waits for the record of its call
ASK_SECONDS = 0.1
MAX_WAITING_THREADS = 2  # that wait for records of other workers
SWEEP = 500  # claimed tokens between two deletions of expired ones


class Store:
    """Calls, feedback and token ids in one database; thread-safe, survives a fork.

    ``key`` (16 bytes or more) keys the hashes that stand for patients and encounters: ``names``.
    Raises ValueError for a URL or key that cannot be used; nothing is connected until first use.
    """

    def __init__(self, url: str, key: bytes) -> None:
        self.names = Pseudonyms(key)
        self._transactions = Transactions(url)
        self.sealed = EncryptedRows(self._transactions)
        self.records = RecordQueue(self.record_calls)
        self._claims = count(1)
        self._waiting = threading.Semaphore(MAX_WAITING_THREADS)

    @property
    def failures(self) -> Counter[str]:
        """Method name -> how often it failed in this process; ``record_call`` are lost writes."""
        return self._transactions.failures

    # -- on the call path: at most about 0.2 s ------------------------------------------------

    def record_call(self, call: CallRecord) -> None:
        """Writes a call and its cards; returns after the commit, in a worker before it."""
        self.records.add(call)

    def record_calls(self, calls: Sequence[CallRecord]) -> None:
        """Writes calls and their cards in one transaction; returns after the commit."""
        values = [call_row(self.names, call) for call in calls]

        def write(connection: Connection) -> None:
            add = insert(CALLS).returning(CALLS.c.id, sort_by_parameter_order=True)
            ids = connection.scalars(add, values).all()
            rows = [
                card_row(call_id, place, card)
                for call_id, call in zip(ids, calls, strict=True)
                for place, card in enumerate(call.cards)
            ]
            if rows:
                connection.execute(insert(CARDS), rows)

        limit = FEEDBACK_CALL if self.records.started else HOOK_CALL
        try:
            self._transactions.write("record_call", limit, write)
        except StoreUnavailable:
            self.failures["record_call"] += len(calls) - 1  # one is counted already
            raise

    def past_reactions(self, keys: Collection[str]) -> list[PastReaction]:
        """Returns the reactions to cards that had one of these repeat keys."""
        if not keys:
            return []
        return self._transactions.read(
            "past_reactions", HOOK_CALL, lambda c: queries.past_reactions(c, keys)
        )

    def claim_jti(self, issuer: str, jti: str, expires: datetime, now: datetime) -> bool:
        """Prevents replay: True if a token id is new in all processes (conformance 6.10).

        ``expires`` is the token's expiry plus the clock skew that is tolerated.
        """
        row = {"digest": digest(issuer, jti), "expires": expires}
        claim = self._insert(TOKENS).values(row).on_conflict_do_nothing().returning(TOKENS.c.digest)
        sweeps = next(self._claims) % SWEEP == 0

        def write(connection: Connection) -> bool:
            claimed = connection.scalar(claim) is not None
            if sweeps:
                queries.delete_expired_tokens(connection, now)
            return claimed

        return self._transactions.write("claim_jti", HOOK_CALL, write)

    def switched_off(self) -> frozenset[str]:
        """Names of services and plans that are switched off."""
        return self._transactions.read("switched_off", HOOK_CALL, switches.switched_off)

    def switched_off_patiently(self, seconds: float) -> frozenset[str]:
        """The same, for a start, a reload and a thread that no call waits for."""
        return self._transactions.read_patiently("switched_off", seconds, switches.switched_off)

    def warm_up(self) -> None:
        """Connects; to be called in a new worker, where a failure may be ignored. From now on calls
        are recorded by a thread."""
        self.records.start()
        self._transactions.warm_up()

    def ping(self) -> None:
        """Returns when the database answers and its tables are there."""
        query = select(CALLS.c.id).limit(1)
        self._transactions.read("ping", HOOK_CALL, lambda c: c.execute(query).first())

    def probe(self, now: datetime) -> None:
        """Returns when the database takes a write; a full disk still answers readers."""
        row = {"digest": digest("probe", str(uuid4())), "expires": now}

        def write(connection: Connection) -> None:
            connection.execute(insert(TOKENS), row)
            connection.execute(delete(TOKENS).where(TOKENS.c.digest == row["digest"]))

        self._transactions.write("probe", FEEDBACK_CALL, write)

    # -- off the call path ---------------------------------------------------------------------

    def save_feedback(
        self, service: str, client: str, items: Iterable[FeedbackItem], now: datetime
    ) -> Saved:
        """Writes feedback; returns after the commit, so that it may be acknowledged.

        The same service, card, outcome, time and suggestions are one item, however often they are
        sent (``docs/conformance.md`` 5.7). A card that is not known is kept and marked (5.8).
        """
        call, given = FeedbackCall(service, client, now), tuple(items)
        if not given:
            return Saved(0, 0, 0)

        uuids = {self.names.safe_id(item.card) for item in given}
        self._wait_for_cards(client, uuids)

        def write(connection: Connection) -> Saved:
            known = queries.cards_by_uuid(connection, client, uuids)
            rows = {r["identity"]: r for r in (self._row(call, item, known) for item in given)}
            # In one order everywhere, or two writers with the same items could wait in a circle.
            ordered = [rows[identity] for identity in sorted(rows)]
            add = self._insert(FEEDBACK).on_conflict_do_nothing().returning(FEEDBACK.c.outcome)
            new = Counter(connection.scalars(add, ordered))
            unknown = sum(row["card_id"] is None for row in ordered)
            return Saved(new.total(), len(given) - new.total(), unknown, new)

        return self._transactions.write("save_feedback", FEEDBACK_CALL, write)

    def switch(self, switched: SwitchRecord) -> None:
        """Writes that something is off, or on again; returns after the commit."""
        self._transactions.write("switch", FEEDBACK_CALL, lambda c: switches.add(c, switched))

    def switches(self) -> list[SwitchRecord]:
        """Returns all switch records, oldest first."""
        return self._transactions.read("switches", OFFLINE, switches.history)

    def report(
        self,
        since: datetime,
        until: datetime,
        consume: Callable[[Iterator[Firing], dict[str, int]], T],
        client: str | None = None,
        services: Collection[str] | None = None,
    ) -> T:
        """Returns ``consume(firings, calls per content version)``, of one client or of all, of
        some services or of all.

        Firings are read as they are consumed, versions come in the order of their first calls.
        Raises StoreUnavailable.
        """

        def read(connection: Connection) -> T:
            within = queries.Within(since, until, client, services)
            calls = queries.calls_by_version(connection, within)
            return consume(queries.firings(connection, within), calls)

        return self._transactions.read("report", OFFLINE, read)

    def clients(self, since: datetime, until: datetime) -> list[str]:
        """Returns the clients that called, sorted; raises StoreUnavailable."""

        def read(connection: Connection) -> list[str]:
            return queries.clients(connection, since, until)

        return self._transactions.read("clients", OFFLINE, read)

    def purge(self, now: datetime, retention: timedelta) -> Purged:
        """Deletes what is older than ``retention``, and token ids and sessions that have expired.

        In short transactions: calls and feedback can be written meanwhile.
        """
        before, done = now - retention, Purged(0, 0, 0, 0)
        while (gone := self._delete(lambda c: queries.delete_old_calls(c, before))).calls:
            done += gone
        stray = self._delete(lambda c: queries.delete_stray_feedback(c, before))
        tokens = self._delete(lambda c: queries.delete_expired_tokens(c, now))
        sessions = self._delete(lambda c: queries.delete_expired_sessions(c, now))
        return done + Purged(0, 0, stray, tokens, sessions)

    def _wait_for_cards(self, client: str, uuids: Collection[str]) -> None:
        """Returns once the cards are recorded, also by another worker, or not within
        RECORD_SECONDS: feedback may be faster than the record of its call."""
        if not self.records.started:
            return
        deadline = time.monotonic() + RECORD_SECONDS
        self.records.flush(RECORD_SECONDS)
        if not self._waiting.acquire(blocking=False):
            return  # made-up cards must not hold every thread
        try:
            while set(uuids) - self._known(client, uuids) and time.monotonic() < deadline:
                time.sleep(ASK_SECONDS)
        except StoreUnavailable:
            return  # the write that follows says so
        finally:
            self._waiting.release()

    def _known(self, client: str, uuids: Collection[str]) -> set[str]:
        return self._transactions.read(
            "known_cards", FEEDBACK_CALL, lambda c: set(queries.cards_by_uuid(c, client, uuids))
        )

    def close(self) -> None:
        """Closes the connections of this process, after the work still done on them."""
        self.records.flush(FEEDBACK_CALL.total_seconds)
        self._transactions.close()

    def _delete(self, work: Callable[[Connection], T]) -> T:
        return self._transactions.write("purge", OFFLINE, work)

    def _row(self, call: FeedbackCall, item: FeedbackItem, known: Any) -> dict[str, Any]:
        return feedback_row(self.names, call, item, known)

    def _insert(self, table: Any) -> Any:
        """INSERT that can pass over what is there; each dialect has its own."""
        return (sqlite if self._transactions.engines.is_sqlite else postgresql).insert(table)
