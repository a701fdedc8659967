"""Connection pools: one for each Timeouts in each process, made when first used.

The store is made before the server forks, its connections after: a connection must never be shared
by two processes.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, NullPool, Pool, QueuePool, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError

from cds_service.store.records import StoreUnavailable, StoreUnusable

READING = "cds_reading"  # execution option of a connection that only reads
RETRY_SECONDS = 0.0005  # until a writer tries to begin again
UTF8 = "UTF8"  # PostgreSQL's name for it
CONNECT_SECONDS = 2  # the smallest value PostgreSQL's client takes
# Connections are kept, because opening one takes long. If all are busy, callers wait; a server has
# about 100 for all pools, processes and replicas.
POOL: dict[str, Any] = {"pool_size": 8, "max_overflow": 0}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits of how long a caller waits: for locks of others, and for everything."""

    lock_seconds: float
    total_seconds: float


HOOK_CALL = Timeouts(0.15, 0.2)  # a call is being answered
FEEDBACK_CALL = Timeouts(2.0, 5.0)  # nobody waits at a screen, and it must not be lost
OFFLINE = Timeouts(30.0, 3600.0)  # reports, deletion, migration


def parse_url(url: str) -> URL:
    """Parses a usable database URL; raises ValueError naming what is wrong, not the URL."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ValueError("the database URL cannot be read") from None
    if parsed.drivername == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise ValueError("the SQLite database must be a file: sqlite:///path/to/file")
        return parsed.set(database=str(Path(parsed.database).absolute()))
    if parsed.drivername != "postgresql+psycopg":
        raise ValueError("the database URL must start with sqlite:/// or postgresql+psycopg://")
    if find_spec("psycopg") is None:
        raise ValueError("the database is PostgreSQL: install dyspareunia-cds[postgres]")
    return parsed


class Engines:
    """The pools of this process over one URL; thread-safe."""

    def __init__(self, url: str) -> None:
        self.url = parse_url(url)
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._made: dict[Timeouts, Engine] = {}

    @property
    def is_sqlite(self) -> bool:
        """True for SQLite, False for PostgreSQL."""
        return self.url.drivername == "sqlite"

    def get(self, timeouts: Timeouts) -> Engine:
        """Returns the pool for callers with these timeouts."""
        with self._lock:
            if self._process != os.getpid():  # forked: the parent's connections are not ours
                for engine in self._made.values():
                    engine.dispose(close=False)
                self._made, self._process = {}, os.getpid()
            if timeouts not in self._made:
                self._made[timeouts] = make_engine(self.url, timeouts)
            return self._made[timeouts]

    def close(self) -> None:
        """Closes the idle connections of this process."""
        with self._lock:
            for engine in self._made.values():
                engine.dispose()
            self._made = {}


def make_engine(url: URL, timeouts: Timeouts, pool: type[Pool] = QueuePool) -> Engine:
    """Makes a pool over a parsed URL; nothing is connected yet."""
    sized: dict[str, Any] = (
        {} if pool is NullPool else POOL | {"pool_timeout": timeouts.lock_seconds}
    )
    if url.drivername == "sqlite":
        path = Path(url.database or "")
        engine = create_engine(
            url,
            poolclass=pool,
            creator=lambda: _open_file(path, timeouts),
            hide_parameters=True,
            **sized,
        )
        event.listen(engine, "begin", lambda connection: _begin(connection, timeouts.lock_seconds))
        event.listen(engine, "connect", lambda _, record: record.info.update(file=identity(path)))
        event.listen(engine, "checkout", lambda _c, record, _p: _check_out(path, record.info))
        return engine
    arguments = {"connect_timeout": CONNECT_SECONDS, "application_name": "cds-service"}
    engine = create_engine(
        url,
        poolclass=pool,
        pool_pre_ping=pool is not NullPool,
        connect_args=arguments,
        hide_parameters=True,
        **sized,
    )
    # Before SQLAlchemy's own first look, which cannot read what the driver gives for no encoding.
    event.listen(engine, "connect", lambda one, _: _check_encoding(one), insert=True)
    event.listen(engine, "connect", lambda connection, _: _limit(connection, timeouts))
    return engine


# -- SQLite ------------------------------------------------------------------------------------


def identity(path: Path) -> tuple[int, int] | None:
    """Returns device and inode of the file at a path; None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def check_same_file(connection: Connection, path: Path) -> None:
    """Raises StoreUnavailable when the file written to is no longer the one at the path.

    SQLite goes on writing to a file that was moved or deleted; what was written there must not be
    acknowledged.
    """
    if connection.info["file"] != identity(path):
        raise StoreUnavailable("the database file was moved or replaced")


def _open_file(path: Path, timeouts: Timeouts) -> sqlite3.Connection:
    """Opens an existing file: a vanished database is a failure, not a new and empty one."""
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=timeouts.lock_seconds,
        check_same_thread=False,
        isolation_level=None,  # transactions are begun below
    )
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA secure_delete=ON")  # deleted comments are overwritten
    return connection


def _begin(connection: Connection, seconds: float) -> None:
    """Begins a transaction; a writer locks at once (BEGIN IMMEDIATE), because a reader that
    upgrades to a writer may fail without waiting.

    SQLite's busy handler sleeps longer each time, up to 0.1 s, and a busy process could lock out
    another one for ever; trying often finds the moment between two of its transactions.
    """
    if connection.get_execution_options().get(READING):
        connection.exec_driver_sql("BEGIN")
        return
    until = time.monotonic() + seconds
    raw: Any = connection.connection.driver_connection
    raw.execute("PRAGMA busy_timeout=0")
    try:
        while not _begun(raw) and time.monotonic() < until:
            time.sleep(RETRY_SECONDS)
        if not raw.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # once more, to fail in SQLAlchemy's way
    finally:
        raw.execute(f"PRAGMA busy_timeout={int(seconds * 1000)}")


def _begun(raw: sqlite3.Connection) -> bool:
    try:
        raw.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname != "SQLITE_BUSY":
            raise
        return False
    return True


def _check_out(path: Path, info: dict[str, Any]) -> None:
    if info.get("file") != identity(path):
        raise DisconnectionError("the database file was moved or replaced")


# -- PostgreSQL ----------------------------------------------------------------------------------


def _check_encoding(connection: Any) -> None:
    """Raises StoreUnusable where the database cannot hold every text (SQL_ASCII, LATIN1)."""
    encoding = connection.info.parameter_status("server_encoding")  # told on connecting
    if encoding != UTF8:
        raise StoreUnusable(
            f"the database's encoding is {encoding}: create it anew with ENCODING '{UTF8}'"
        )


def _limit(connection: Any, timeouts: Timeouts) -> None:
    """Sets the server's own limits, so that abandoned work does not run on there."""
    connection.autocommit = True
    total, lock = int(timeouts.total_seconds * 1000), int(timeouts.lock_seconds * 1000)
    connection.execute(f"SET statement_timeout = {total}")
    connection.execute(f"SET lock_timeout = {lock}")
    connection.execute(f"SET idle_in_transaction_session_timeout = {total}")
    connection.autocommit = False
