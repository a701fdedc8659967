"""Runs Alembic over one locked transaction. Import this only where 39 MiB do not matter."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, NullPool

from cds_service.store.engines import OFFLINE, make_engine, parse_url
from cds_service.store.migrations import MigrationFailed

LOCK = 0x6364735F6D696772  # any number, the same in every release


def migrate(url: str, target: str = "head") -> None:
    """Brings a database to a revision: all or nothing, one process at a time.

    Raises MigrationFailed for a revision that is not ours, SQLAlchemyError for database trouble.
    """
    engine = make_engine(parse_url(url), OFFLINE, NullPool)
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            # Kept in the file. Past SQLAlchemy, because inside a transaction it does nothing.
            connection.connection.cursor().execute("PRAGMA journal_mode=WAL")
    with engine.begin() as connection:  # SQLite: BEGIN IMMEDIATE, so the others wait here
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        _run(connection, target)


def _run(connection: Connection, target: str) -> None:
    config = configuration()
    config.attributes["connection"] = connection
    try:
        (command.downgrade if target == "base" else command.upgrade)(config, target)
    except CommandError as error:
        raise MigrationFailed(
            f"{error}. The database was made by a newer release: run that one."
        ) from None


def configuration() -> Config:
    """Alembic's configuration: where the migrations are."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
