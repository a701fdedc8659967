"""Queries and deletions over the tables; each runs inside a transaction it is given."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, select

from cds_service.store.records import CardState, Outcome, PastReaction, Purged, Reaction
from cds_service.store.report import Firing
from cds_service.store.rows import KnownCard
from cds_service.store.tables import CALLS, CARDS, FEEDBACK, SESSIONS, TOKENS

KEEP_TOKENS = timedelta(days=1)  # ids of used tokens, after the tokens have expired
BATCH = 2_000  # calls deleted in one transaction, so that writers wait only briefly


# One statement for any number of keys, made once: the driver keeps it prepared.
_PAST_REACTIONS = (
    select(
        FEEDBACK.c.repeat_key,
        FEEDBACK.c.encounter,
        FEEDBACK.c.outcome,
        FEEDBACK.c.reason_code,
        FEEDBACK.c.acted_at,
        FEEDBACK.c.suggestions,
        CARDS.c.suggestions.label("offered"),
    )
    .join_from(FEEDBACK, CARDS, CARDS.c.id == FEEDBACK.c.card_id)
    .where(FEEDBACK.c.repeat_key.in_(bindparam("keys", expanding=True)))
)


def past_reactions(connection: Connection, keys: Iterable[str]) -> list[PastReaction]:
    """Reactions to cards that were shown with one of the repeat keys.

    From the feedback and the cards it was about: a card may have been shown a thousand times and
    settled once.
    """
    rows = connection.execute(_PAST_REACTIONS, {"keys": sorted(keys)})
    return [
        PastReaction(
            key,
            encounter,
            Reaction(Outcome(outcome), reason, at, frozenset(_ids(accepted, offered))),
        )
        for key, encounter, outcome, reason, at, accepted, offered in rows
    ]


def _ids(accepted: Iterable[str], offered: Any) -> Iterator[str]:
    """The ids in the content of accepted suggestions, by what the card offered; a record of an
    earlier release has no ids."""
    known = offered if isinstance(offered, dict) else {}
    return (known[uuid] for uuid in accepted if uuid in known)


def cards_by_uuid(
    connection: Connection, client: str, uuids: Iterable[str]
) -> dict[str, KnownCard]:
    """Maps uuid to card, of a client's cards that were shown.

    A call that was sent again has the same uuids; the newest counts. The service is not asked for:
    one post may hold feedback of several hooks (``docs/conformance.md`` 5.2).
    """
    query = (
        select(
            CARDS.c.uuid,
            CARDS.c.id,
            CALLS.c.at,
            CARDS.c.repeat_key,
            CALLS.c.encounter,
            CARDS.c.overrides,
        )
        .join_from(CARDS, CALLS, CALLS.c.id == CARDS.c.call_id)
        .where(
            CARDS.c.uuid.in_(sorted(uuids)),
            CARDS.c.state == CardState.SHOWN,
            CALLS.c.client == client,
        )
        .order_by(CARDS.c.id)
    )
    return {uuid: KnownCard(*row) for uuid, *row in connection.execute(query)}


@dataclass(frozen=True, slots=True)
class Within:
    """The calls to count: from ``since``, before ``until``; of all clients or services for None."""

    since: datetime
    until: datetime
    client: str | None = None
    services: Collection[str] | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """Yields what a call must meet."""
        yield CALLS.c.at >= self.since
        yield CALLS.c.at < self.until
        if self.client is not None:
            yield CALLS.c.client == self.client
        if self.services is not None:
            yield CALLS.c.service.in_(sorted(self.services))


def calls_by_version(connection: Connection, within: Within) -> dict[str, int]:
    """Returns content version -> number of calls, in the order of their first calls."""
    query = (
        select(CALLS.c.content_version, func.count())
        .where(*within.conditions())
        .group_by(CALLS.c.content_version)
        .order_by(func.min(CALLS.c.at))
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def clients(connection: Connection, since: datetime, until: datetime) -> list[str]:
    """Returns the clients that called, sorted."""
    query = select(CALLS.c.client).where(*Within(since, until).conditions()).distinct()
    return sorted(connection.scalars(query))


def firings(connection: Connection, within: Within) -> Iterator[Firing]:
    """Yields every card with its reactions, read as it is consumed. A call sent again counts
    once."""
    query = (
        select(
            CARDS.c.id,
            CARDS.c.uuid,
            CARDS.c.repeat_key,
            CARDS.c.state,
            CARDS.c.card,
            CARDS.c.sources,
            CALLS.c.content_version,
            CALLS.c.client,
            CALLS.c.at,
            FEEDBACK.c.outcome,
            FEEDBACK.c.reason_code,
            FEEDBACK.c.acted_at,
        )
        .join_from(CARDS, CALLS, CALLS.c.id == CARDS.c.call_id)
        .outerjoin(FEEDBACK, FEEDBACK.c.card_id == CARDS.c.id)
        .where(*within.conditions())
        .order_by(CARDS.c.uuid, CARDS.c.repeat_key, CALLS.c.client, CARDS.c.state, CARDS.c.id)
    )
    rows: Iterable[Any] = connection.execution_options(yield_per=1_000).execute(query)
    for _, same in groupby(rows, key=_firing_key):
        yield _firing(list(same))


def _firing_key(row: Any) -> tuple[str, ...]:
    """Groups the rows of one firing: a repeated call has the same card uuids."""
    return row.uuid or str(row.id), row.repeat_key, row.client, row.state


def _firing(rows: list[Any]) -> Firing:
    first = rows[0]
    reactions = tuple(
        Reaction(Outcome(row.outcome), row.reason_code, row.acted_at)
        for row in rows
        if row.outcome is not None
    )
    sources = tuple(first.sources)
    return Firing(first.card, sources, first.content_version, first.state, first.at, reactions)


# -- deletion ------------------------------------------------------------------------------------


def delete_old_calls(connection: Connection, before: datetime) -> Purged:
    """Deletes one batch of calls with their cards and feedback; all counts 0 when none is left."""
    ids = list(
        connection.scalars(
            select(CALLS.c.id).where(CALLS.c.at < before).order_by(CALLS.c.id).limit(BATCH)
        )
    )
    if not ids:
        return Purged(0, 0, 0, 0)
    cards = select(CARDS.c.id).where(CARDS.c.call_id.in_(ids))
    feedback = connection.execute(delete(FEEDBACK).where(FEEDBACK.c.card_id.in_(cards))).rowcount
    shown = connection.execute(delete(CARDS).where(CARDS.c.call_id.in_(ids))).rowcount
    return Purged(
        connection.execute(delete(CALLS).where(CALLS.c.id.in_(ids))).rowcount, shown, feedback, 0
    )


def delete_stray_feedback(connection: Connection, before: datetime) -> int:
    """Deletes feedback on cards that are not known, by when it came; returns how much."""
    old = delete(FEEDBACK).where(FEEDBACK.c.card_id.is_(None), FEEDBACK.c.received_at < before)
    return connection.execute(old).rowcount


def delete_expired_tokens(connection: Connection, now: datetime) -> int:
    """Deletes token ids a day after they expired; returns how many.

    A clock that is set back makes expired tokens valid again: their ids must still be there.
    """
    return connection.execute(delete(TOKENS).where(TOKENS.c.expires < now - KEEP_TOKENS)).rowcount


def delete_expired_sessions(connection: Connection, now: datetime) -> int:
    """Deletes expired sessions; returns how many."""
    return connection.execute(delete(SESSIONS).where(SESSIONS.c.expires < now)).rowcount
