"""Brings the resources of each patient together: a piece of the export at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zlib import crc32

from cds_service.authoring.replay.files import read_json_file, write_json
from cds_service.authoring.replay.job import Job
from cds_service.authoring.replay.reading import PieceReader
from cds_service.authoring.replay.runs import Run, records, slices, write_run
from cds_service.authoring.replay.sources import Piece


def shuffle_piece(job: Job, piece: Piece) -> dict[str, Any]:
    """Sorts the resources of a piece by partition into a run file; returns what was counted, and
    keeps it beside that file. Raises OSError."""
    began, path = time.process_time(), job.piece_file(piece.number)
    reader = PieceReader(job.sources[piece.source], job.types)
    segments = write_run(path.with_suffix(".run"), job.plan.slots, _placed(job, reader, piece))
    counted = {
        "piece": asdict(piece),
        "segments": segments,
        "bytes": piece.end - piece.start,
        "lines": reader.lines,
        "unreadable": {str(reason): number for reason, number in reader.unreadable.items()},
        "notRead": dict(reader.not_read),
        "cpuSeconds": time.process_time() - began,
    }
    write_json(path, counted)
    return counted


def _placed(job: Job, reader: PieceReader, piece: Piece) -> Iterator[tuple[int, bytes]]:
    plan = job.plan
    partitions, last = plan.partitions, plan.slots - 1
    width = plan.per_group if plan.two_levels else 1
    field = b"\t%d\t" % piece.source
    for patient, full_url, json in reader.read(piece):
        if patient is None:
            yield last, b"%b%b\t%b\n" % (field, full_url.encode(), json)
        else:
            name = patient.encode()
            slot = crc32(name) % partitions // width
            yield slot, b"%b%b%b\t%b\n" % (name, field, full_url.encode(), json)


def divide_group(job: Job, group: int) -> dict[str, Any]:
    """The second level: sorts the records of a group by partition. Raises OSError."""
    path, plan = job.group_file(group), job.plan
    first, members = group * plan.per_group, len(list(plan.members(group)))
    placed = (
        (crc32(record.partition(b"\t")[0]) % plan.partitions - first, record + b"\n")
        for record in records(slices(piece_runs(job), group))
    )
    counted = {"segments": write_run(path.with_suffix(".run"), members, placed)}
    write_json(path, counted)
    return counted


def piece_runs(job: Job) -> list[Run]:
    """The run files of all pieces."""
    return _runs(job.work / "pieces")


def _runs(folder: Path) -> list[Run]:
    return [
        Run(path.with_suffix(".run"), tuple(read_json_file(path)["segments"]))
        for path in sorted(folder.glob("*.json"))
    ]


def runs_of(job: Job, partition: int) -> tuple[list[Run], int]:
    """The run files that hold a partition, and its place in them."""
    if not job.plan.two_levels:
        return piece_runs(job), partition
    group, place = divmod(partition, job.plan.per_group)
    path = job.group_file(group)
    return [Run(path.with_suffix(".run"), tuple(read_json_file(path)["segments"]))], place
