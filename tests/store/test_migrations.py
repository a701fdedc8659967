"""The layout comes from migrations, whoever starts first and however often."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from cds_service.store import Store, StoreUnavailable, StoreUnusable
from cds_service.store.migrations import HEAD, MigrationFailed, current, upgrade
from cds_service.store.migrations.alembic_runner import configuration, migrate
from cds_service.store.tables import METADATA
from tests.support.databases import Database, MakeDatabase, PostgresServer, SqliteFile
from tests.support.made_records import KEY, call, card


def differences(url: str) -> list[object]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), METADATA)
    engine.dispose()
    return found


def test_an_empty_database_gets_the_tables_the_code_expects(make_database: MakeDatabase) -> None:
    empty = make_database(migrated=False)

    upgrade(empty.url)

    assert differences(empty.url) == []
    assert current(make_url(empty.url)) == HEAD


def test_migrating_twice_keeps_what_is_there(database: Database, store: Store) -> None:
    store.record_call(call(card()))

    upgrade(database.url)
    migrate(database.url)

    assert database.rows("SELECT count(*) FROM calls") == [(1,)]


def test_a_migration_can_be_taken_back_and_made_again(database: Database) -> None:
    migrate(database.url, "base")
    assert current(make_url(database.url)) is None

    migrate(database.url)
    assert differences(database.url) == []


def test_several_processes_may_migrate_at_once(make_database: MakeDatabase) -> None:
    empty = make_database(migrated=False)
    code = "import sys\nfrom cds_service.store.migrations import upgrade\nupgrade(sys.argv[1])"
    command = [sys.executable, "-c", code, empty.url]

    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[1] for process in running]

    assert [process.returncode for process in running] == [0, 0], said
    assert differences(empty.url) == []


def test_a_database_of_a_newer_release_is_refused(database: Database) -> None:
    engine = create_engine(database.url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()

    with pytest.raises(MigrationFailed, match="newer release"):
        upgrade(database.url)


def test_a_postgresql_database_without_utf8_is_refused(postgres: PostgresServer) -> None:
    database = postgres.database(migrated=False, encoding="SQL_ASCII")

    with pytest.raises(StoreUnusable, match="encoding is SQL_ASCII: create it anew with"):
        upgrade(database.url)

    postgres.drop(database)


def test_the_newest_revision_is_the_one_the_code_names() -> None:
    assert ScriptDirectory.from_config(configuration()).get_heads() == [HEAD]


def test_starting_on_a_current_database_does_not_load_alembic(database: Database) -> None:
    code = (
        "import sys\n"
        "from cds_service.store.migrations import upgrade\n"
        "upgrade(sys.argv[1])\n"
        "from cds_service.store import Store\n"
        "Store(sys.argv[1], bytes(16)).ping()\n"
        "print('alembic' in sys.modules)"
    )
    command = [sys.executable, "-c", code, database.url]
    found = subprocess.run(command, capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "False"


def test_a_new_sqlite_file_is_its_owners_alone(tmp_path: Path) -> None:
    file = SqliteFile(tmp_path / "a folder" / "50%.sqlite3")

    upgrade(file.url)
    Store(file.url, KEY).ping()

    assert file.path.stat().st_mode & 0o077 == 0
    assert file.rows("PRAGMA journal_mode") == [("wal",)]


@pytest.mark.parametrize("url", ["sqlite:////proc/none/x", "postgresql+psycopg://127.0.0.1:1/x"])
def test_a_database_out_of_reach_is_told_apart(url: str) -> None:
    with pytest.raises(StoreUnavailable):
        upgrade(url)


@pytest.mark.parametrize(
    "url", ["", "sqlite://", "sqlite:///:memory:", "mysql://x/y", "postgresql://secret@x/y"]
)
def test_a_url_that_cannot_be_used_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match="database") as refused:
        upgrade(url)

    assert "secret" not in str(refused.value)
