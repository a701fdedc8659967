"""Evaluates one partition of the patients, one patient at a time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from math import ceil
from pathlib import Path
from typing import Any
from zlib import adler32

from cds_service.authoring.replay.engine import engine_of
from cds_service.authoring.replay.files import write_json
from cds_service.authoring.replay.job import Job
from cds_service.authoring.replay.lines import Reason
from cds_service.authoring.replay.people import PersonReader
from cds_service.authoring.replay.runs import Record, read_record, records, slices
from cds_service.authoring.replay.shuffle import runs_of
from cds_service.authoring.replay.tables import write_evaluations
from cds_service.authoring.replay.telling import Teller

MAX_BYTES = 48 << 20  # raw JSON of one patient, or of patients held at once
TAB = b"\t"


def evaluate_partition(job: Job, partition: int) -> dict[str, Any]:
    """Evaluates the patients of a partition; writes their evaluations and counts, and returns how
    many there were. Raises OSError, ReplayError."""
    engine = engine_of(job)
    with engine.lock:
        began, path = time.process_time(), job.part_file(partition)
        teller = Teller(engine)
        reader = engine.reader()
        for name, lines in _people(job, partition, reader):
            teller.add(name, reader.read(name, lines), lines)
        counts = teller.finish(reader)
        write_evaluations(path.with_suffix(".parquet"), teller.rows, job.case_ids)
        counts.cpu_seconds = time.process_time() - began
        size = teller.bytes
        write_json(path, counts.as_json() | {"bytes": size, "diff": teller.diff})
    return {"patients": counts.patients, "bytes": size, "cpuSeconds": counts.cpu_seconds}


def _people(job: Job, partition: int, reader: PersonReader) -> Iterator[tuple[str, list[Record]]]:
    """Each patient's id and records. A partition that is too large is read several times, for some
    of its patients each time."""
    runs, place = runs_of(job, partition)
    parts = list(slices(runs, place))
    rounds = ceil(sum(length for _, _, length in parts) / MAX_BYTES)
    refused = _too_large(parts, reader) if rounds > 1 else frozenset()
    for turn in range(rounds):
        people: dict[bytes, list[bytes]] = {}
        for record in records(parts):
            name = record[: record.index(TAB)]
            if rounds > 1 and (adler32(name) % rounds != turn or name in refused):
                continue
            people.setdefault(name, []).append(record)
        for name in sorted(people):
            yield name.decode(), [read_record(record) for record in people.pop(name)]


def _too_large(parts: list[tuple[Path, int, int]], reader: PersonReader) -> frozenset[bytes]:
    """The patients whose records do not fit in memory; these are counted and left out."""
    sizes: Counter[bytes] = Counter()
    for record in records(parts):
        sizes[record[: record.index(TAB)]] += len(record)
    refused = frozenset(name for name, size in sizes.items() if size > MAX_BYTES)
    for record in records(parts) if refused else ():
        name, source, _ = record.split(TAB, 2)
        if name in refused:
            reader.problems[int(source), Reason.LARGE_PATIENT] += 1
    return refused
