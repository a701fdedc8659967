"""Files of resources in the order of their partitions, as the shuffle leaves them.

A run file holds segments. Each begins with the offsets of its partitions (one more than there are
partitions, 8 bytes each), so that one partition is read from any number of files without an index
in memory. A record is ``patient TAB source TAB fullUrl TAB json``, with a line end.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cds_service.authoring.replay.files import new_file

SEGMENT = 32 << 20  # bytes that are kept in memory before they are written
WIDTH = 8


class Record(NamedTuple):
    """One resource on its way: whose it is, the number of its file, its fullUrl, its JSON."""

    patient: bytes
    source: int
    full_url: str
    json: bytes


class RunWriter:
    """Collects records by partition and writes them, segment by segment."""

    def __init__(self, file: BinaryIO, partitions: int) -> None:
        self.file = file
        self.segments: list[int] = []
        self._lists: list[list[bytes]] = [[] for _ in range(partitions)]
        self._size = 0

    def add(self, partition: int, record: bytes) -> None:
        """Adds one record, which ends with a line end."""
        self._lists[partition].append(record)
        self._size += len(record)
        if self._size > SEGMENT:
            self.write()

    def write(self) -> None:
        """Writes what was collected as a segment."""
        if not self._size:
            return
        parts = [b"".join(records) for records in self._lists]
        offsets, at = array("Q"), (len(parts) + 1) * WIDTH
        for part in parts:
            offsets.append(at)
            at += len(part)
        offsets.append(at)
        self.segments.append(self.file.tell())
        self.file.write(offsets.tobytes())
        self.file.writelines(parts)
        self._lists = [[] for _ in parts]
        self._size = 0


class Run(NamedTuple):
    """A run file and where its segments begin."""

    path: Path
    segments: tuple[int, ...]


def slices(runs: Iterable[Run], partition: int) -> Iterator[tuple[Path, int, int]]:
    """File, position and length of each part of a partition."""
    for run in runs:
        with run.path.open("rb") as file:
            for start in run.segments:
                file.seek(start + partition * WIDTH)
                first, last = array("Q", file.read(2 * WIDTH))
                if last > first:
                    yield run.path, start + first, last - first


def records(parts: Iterable[tuple[Path, int, int]]) -> Iterator[bytes]:
    """The records of some parts, without their line ends, a block at a time."""
    for path, start, length in parts:
        with path.open("rb") as file:
            file.seek(start)
            left = length
            while left:
                block = file.read(min(left, SEGMENT // 8))
                if block[-1:] != b"\n":
                    block += file.readline()
                left -= len(block)
                yield from block[:-1].split(b"\n")


def read_record(record: bytes) -> Record:
    """The fields of a record."""
    patient, source, full_url, json = record.split(b"\t", 3)
    return Record(patient, int(source), full_url.decode(), json)


def write_run(path: Path, partitions: int, placed: Iterable[tuple[int, bytes]]) -> tuple[int, ...]:
    """Writes a run file of (partition, record) pairs; returns where its segments begin."""
    with new_file(path) as file:
        writer = RunWriter(file, partitions)
        for partition, record in placed:
            writer.add(partition, record)
        writer.write()
    return tuple(writer.segments)
