"""Encrypted session rows: a digest as key, an expiry, and bytes the store cannot decrypt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, delete, func, insert, select, update

from cds_service.store.engines import FEEDBACK_CALL
from cds_service.store.queries import delete_expired_sessions
from cds_service.store.tables import SESSIONS
from cds_service.store.transactions import Transactions

T = TypeVar("T")
# What to write instead (sealed bytes, expiry; None: leave it), and what to return.
Changed = tuple[tuple[bytes, datetime] | None, T]


class EncryptedRows:
    """The encrypted sessions of the form; every method raises StoreUnavailable."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def add(self, digest: str, sealed: bytes, expires: datetime, now: datetime) -> None:
        """Adds a row, and takes the occasion to delete those that have expired."""

        def write(connection: Connection) -> None:
            delete_expired_sessions(connection, now)
            row = {"digest": digest, "sealed": sealed, "expires": expires}
            connection.execute(insert(SESSIONS).values(row))

        self._transactions.write("add_session", FEEDBACK_CALL, write)

    def count(self, now: datetime) -> int:
        """Returns how many rows have not expired."""
        query = select(func.count()).select_from(SESSIONS).where(SESSIONS.c.expires >= now)
        return self._transactions.read(
            "read_session", FEEDBACK_CALL, lambda c: int(c.scalar(query) or 0)
        )

    def get(self, digest: str, now: datetime) -> bytes | None:
        """Returns the encrypted bytes; None if there is no such row or it has expired."""
        return self._transactions.read(
            "read_session", FEEDBACK_CALL, lambda c: _sealed(c, digest, now, locked=False)
        )

    def change(
        self, digest: str, now: datetime, work: Callable[[bytes], Changed[T]]
    ) -> tuple[T] | None:
        """Reads and writes a row atomically; None if there is no such row or it has expired.

        ``work`` must be quick and without side effects: it runs while the row is locked.
        """

        def write(connection: Connection) -> tuple[T] | None:
            found = _sealed(connection, digest, now, locked=True)
            if found is None:
                return None
            new, result = work(found)
            if new is not None:
                values = {"sealed": new[0], "expires": new[1]}
                mine = SESSIONS.c.digest == digest
                connection.execute(update(SESSIONS).where(mine).values(values))
            return (result,)

        return self._transactions.write("change_session", FEEDBACK_CALL, write)

    def delete(self, digest: str) -> None:
        """Deletes a row, if it is there."""
        gone = delete(SESSIONS).where(SESSIONS.c.digest == digest)
        self._transactions.write("delete_session", FEEDBACK_CALL, lambda c: c.execute(gone))


def _sealed(connection: Connection, digest: str, now: datetime, *, locked: bool) -> bytes | None:
    query = select(SESSIONS.c.sealed).where(SESSIONS.c.digest == digest, SESSIONS.c.expires >= now)
    # SQLite has no row locks and needs none: its writers come one after the other.
    found = connection.scalar(query.with_for_update() if locked else query)
    return None if found is None else bytes(found)
