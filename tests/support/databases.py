"""Real databases for tests: a SQLite file, and a database of a PostgreSQL server of our own."""

from __future__ import annotations

import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool

from cds_service.store.migrations.alembic_runner import migrate


class SqliteFile:
    """A database in a file."""

    kind = "sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query, past the store."""
        connection = sqlite3.connect(self.path)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def everything(self) -> bytes:
        """All bytes on disk: the file, its log and its index."""
        return b"".join(p.read_bytes() for p in self.path.parent.glob(f"{self.path.name}*"))

    @contextmanager
    def stuck(self) -> Iterator[None]:
        """Somebody holds the lock."""
        stranger = sqlite3.connect(self.path, isolation_level=None, timeout=10)
        stranger.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            stranger.close()


class PostgresDatabase:
    """A database of a server; ``restart_server`` is None when the server is not ours."""

    kind = "postgresql"

    def __init__(self, url: URL, restart_server: Callable[[], None] | None) -> None:
        self._url = url
        self.url = url.render_as_string(hide_password=False)
        self.restart_server = restart_server

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query, past the store."""
        engine = create_engine(self._url, poolclass=NullPool)
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def everything(self) -> bytes:
        """Every row of every table, as text."""
        tables = self.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = (str(self.rows(f'SELECT t::text FROM "{t}" t')) for (t,) in tables)
        return "\n".join(rows).encode()

    @contextmanager
    def stuck(self) -> Iterator[None]:
        """Somebody holds all tables."""
        engine = create_engine(self._url, poolclass=NullPool)
        with engine.connect() as connection:
            connection.execute(text("LOCK TABLE calls, cards, feedback, tokens"))
            yield


Database = SqliteFile | PostgresDatabase
MakeDatabase = Callable[..., Database]


class PostgresServer:
    """A server that databases are made on; the first migrated one is copied for the others."""

    def __init__(self, url: URL, restart: Callable[[], None] | None = None) -> None:
        self.url = url.set(drivername="postgresql+psycopg")
        self.restart = restart
        self._template: str | None = None

    def database(self, migrated: bool, encoding: str | None = None) -> PostgresDatabase:
        """A new database, empty or with the tables in it; an encoding only for an empty one."""
        if not migrated:
            return self._make(f"cds_{uuid.uuid4().hex}", "template0", encoding)
        if self._template is None:
            template = self.database(migrated=False)
            migrate(template.url)
            self._template = make_url(template.url).database
        return self._make(f"cds_{uuid.uuid4().hex}", str(self._template))

    def _make(self, name: str, template: str, encoding: str | None = None) -> PostgresDatabase:
        other = f" ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'" if encoding else ""
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"{other}')
        return PostgresDatabase(self.url.set(database=name), self.restart)

    def drop(self, database: PostgresDatabase) -> None:
        """Drops a database, whoever is connected."""
        self._run(f'DROP DATABASE IF EXISTS "{make_url(database.url).database}" WITH (FORCE)')

    def drop_template(self) -> None:
        """Drops the copy others were made of."""
        if self._template is not None:
            self._run(f'DROP DATABASE IF EXISTS "{self._template}"')

    def _run(self, command: str) -> None:
        engine = create_engine(self.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(command))


class SqliteFolder:
    """A folder that SQLite files are made in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def database(self, migrated: bool) -> SqliteFile:
        """A new file, or the place for one."""
        path = self.folder / f"{uuid.uuid4().hex}.sqlite3"
        if migrated:
            template = self.folder / "template.sqlite3"
            if not template.exists():
                template.touch()
                migrate(f"sqlite:///{template}")
            shutil.copy(template, path)
        return SqliteFile(path)
