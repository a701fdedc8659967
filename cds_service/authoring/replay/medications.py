"""The medicines that entries refer to: a table by id, looked up only for those that are named.

A bulk export keeps them apart from the patients, and they may be as many as the patients.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson

from cds_service.authoring.replay.files import replacing
from cds_service.authoring.replay.job import Job
from cds_service.authoring.replay.runs import read_record, records, slices
from cds_service.authoring.replay.shuffle import piece_runs
from cds_service.fhir.json_text import read_json

TABLE = "CREATE TABLE medication (name TEXT PRIMARY KEY, json BLOB) WITHOUT ROWID"
INSERT = (
    "INSERT INTO medication VALUES (?, ?) ON CONFLICT (name) "
    "DO UPDATE SET json = max(json, excluded.json)"
)


def write_medications(job: Job) -> dict[str, int]:
    """Writes the table from what the shuffle set aside; returns how many lines could not be read,
    by the number of their source. Of two with the same id the greater text counts, so that the
    order of files does not. Raises OSError, for a full disk too."""
    unreadable: Counter[str] = Counter()

    def rows() -> Iterator[tuple[str, bytes]]:
        for raw in records(slices(piece_runs(job), job.plan.slots - 1)):
            record = read_record(raw)
            try:
                medicine = read_json(record.json)
            except orjson.JSONDecodeError:
                unreadable[str(record.source)] += 1
                continue
            kept = orjson.dumps(medicine, option=orjson.OPT_SORT_KEYS)
            for name in {str(medicine.get("id")), record.full_url} - {""}:
                yield name, kept

    with replacing(job.medications) as temporary:
        temporary.unlink(missing_ok=True)
        try:
            with closing(sqlite3.connect(temporary)) as table, table:
                table.execute("PRAGMA journal_mode = OFF")  # a table that fails is deleted whole
                table.execute(TABLE)
                table.executemany(INSERT, rows())
        except sqlite3.OperationalError as error:
            raise OSError(f"the table of medicines cannot be written: {error}") from None
    return dict(unreadable)


class Medications:
    """Looks medicines up; one connection for one process, one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._address = f"{path.as_uri()}?mode=ro&immutable=1"
        self._table: sqlite3.Connection | None = None  # opened after the fork

    def get(self, name: str) -> Any:
        """The Medication with this id or fullUrl; None if there is none."""
        if self._table is None:
            self._table = sqlite3.connect(self._address, uri=True, check_same_thread=False)
        row = self._table.execute("SELECT json FROM medication WHERE name = ?", (name,)).fetchone()
        return orjson.loads(row[0]) if row else None
