"""Migrates a database to the schema of this release.

The migrations are Alembic's, in ``versions``; they are written by hand, and a test compares the
result with ``cds_service.store.tables``. Alembic costs 39 MiB, so it runs in a process of its own,
and only when there is something to do.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sqlalchemy import ColumnClause, NullPool, column, select, table
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError, ProgrammingError, SQLAlchemyError

from cds_service.store.engines import OFFLINE, READING, make_engine, parse_url
from cds_service.store.records import StoreUnavailable, StoreUnusable

HEAD = "0001"  # the newest revision in ``versions``


class MigrationFailed(StoreUnusable):
    """The database could not be brought to this release's layout; the message says why."""


def make_file(url: str) -> None:
    """Makes the file of an SQLite database and its folder, if they are not there; nothing for a
    server. Raises ValueError for a URL that cannot be used, StoreUnavailable when neither can be
    made nor opened."""
    parsed = parse_url(url)
    if parsed.drivername == "sqlite":
        _make_file(Path(parsed.database or ""))


def upgrade(url: str) -> None:
    """Makes or migrates the database; does nothing when it is up to date.

    Safe when several processes start at once: one works, the others wait. Raises ValueError for a
    URL that cannot be used, StoreUnavailable when the database cannot be reached, StoreUnusable
    when it is of a newer release, a migration fails (nothing has then been changed), or its
    encoding is not UTF8.
    """
    parsed = parse_url(url)
    make_file(url)
    if current(parsed) == HEAD:
        return
    done = subprocess.run(
        [sys.executable, "-m", "cds_service.store.migrations"],
        input=parsed.render_as_string(hide_password=False),  # other users see arguments, not this
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        words = done.stderr.strip().splitlines()
        raise MigrationFailed(words[-1] if words else "the migration failed without a message")


def current(url: URL) -> str | None:
    """Reads the revision of a database; None if it is empty. Raises StoreUnavailable, and
    StoreUnusable for a PostgreSQL database that cannot hold every text."""
    version: ColumnClause[str] = column("version_num")
    engine = make_engine(url, OFFLINE, NullPool)
    try:
        with engine.connect() as connection:
            connection.execution_options(**{READING: True})
            revision = connection.scalar(select(version).select_from(table("alembic_version")))
            return None if revision is None else str(revision)
    except (OperationalError, ProgrammingError) as error:
        if _has_no_such_table(error):
            return None
        raise StoreUnavailable("the database cannot be reached") from None
    except SQLAlchemyError:
        raise StoreUnavailable("the database cannot be read") from None


def _has_no_such_table(error: OperationalError | ProgrammingError) -> bool:
    undefined_table = "42P01"  # PostgreSQL; SQLite has no code for it, only words
    code = getattr(error.orig, "sqlstate", None)
    return code == undefined_table or "no such table" in str(error.orig)


def _make_file(path: Path) -> None:
    """An empty file that only its owner may read, and its folder, if they are not there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreUnavailable(f"{path} cannot be opened or made: {error.strerror}") from None
