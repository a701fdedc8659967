"""The tables of a replay, as Parquet. PyArrow is loaded when the first one is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cds_service.authoring.replay.extras import load_extra
from cds_service.authoring.replay.files import replacing

TEXT, LIST, NUMBER, TRUTH = "string", "list", "int64", "bool"
EVALUATIONS = {
    "case": TEXT,
    "patient": TEXT,
    "ageBand": TEXT,
    "anatomy": TEXT,
    "cards": LIST,
    "microseconds": NUMBER,
    "notUnderstood": LIST,
}


def write_evaluations(path: Path, rows: list[dict[str, Any]], case_ids: bool) -> None:
    """Writes one row a patient; ``patient`` only where ids were asked for."""
    columns = {n: k for n, k in EVALUATIONS.items() if case_ids or n != "patient"}
    write_table(path, columns, rows)


def write_table(path: Path, columns: Mapping[str, str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes rows under some columns, name -> type. Raises OSError; nothing half-written is left
    under the final name."""
    pa, pq = load_extra("pyarrow"), load_extra("pyarrow.parquet")
    types = {TEXT: pa.string(), LIST: pa.list_(pa.string()), NUMBER: pa.int64(), TRUTH: pa.bool_()}
    schema = pa.schema([(name, types[kind]) for name, kind in columns.items()])
    data = [{name: row[name] for name in columns} for row in rows]
    with replacing(path) as temporary:
        pq.write_table(pa.Table.from_pylist(data, schema), temporary, compression="zstd")
