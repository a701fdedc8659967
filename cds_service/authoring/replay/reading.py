"""Reads the lines of a piece of an export; what cannot be read is counted by reason."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from cds_service.authoring.replay.lines import (
    PATIENT,
    Line,
    Reason,
    read_line,
    read_resource,
)
from cds_service.authoring.replay.sources import BUNDLE, GZIP, Piece, Source
from cds_service.fhir.bundles import read_contents
from cds_service.fhir.json_text import read_json

MAX_LINE = 16 << 20
MAX_BUNDLE = 32 << 20  # bytes of a JSON file, which is parsed as a whole
BLOCK = 1 << 20  # bytes read at once
# One resource that is used: whom it is about (None: a Medication), its fullUrl, its JSON.
Found = tuple[str | None, str, bytes]


class PieceReader:
    """Reads one piece. ``unreadable`` counts by reason, ``not_read`` by type the resources that the
    content does not read."""

    def __init__(self, source: Source, types: frozenset[str]) -> None:
        self.source = source
        self.types = types if not source.only else types & {source.only}
        self.unreadable: Counter[str] = Counter()
        self.not_read: Counter[str] = Counter()
        self.lines = 0

    def read(self, piece: Piece) -> Iterator[Found]:
        """Yields the resources of the piece that the content reads. Raises OSError for a file that
        cannot be read at all."""
        if self.source.ending == BUNDLE:
            yield from self._bundle()
            return
        with Path(self.source.path).open("rb") as file:
            if self.source.ending == GZIP:
                yield from self._gzip(file)
            else:
                yield from self._lines(range_lines(file, piece.start, piece.end, self._too_long))

    def _too_long(self) -> None:
        self.unreadable[Reason.LONG] += 1

    def _gzip(self, file: BinaryIO) -> Iterator[Found]:
        try:
            with gzip.open(file) as unpacked:
                yield from self._lines(whole_lines(unpacked, self._too_long))
        except (EOFError, zlib.error, gzip.BadGzipFile):
            self.unreadable[Reason.GZIP] += 1

    def _lines(self, lines: Iterator[bytes]) -> Iterator[Found]:
        types, not_read = self.types, self.not_read
        for line in lines:
            self.lines += 1
            read = read_line(line, types)
            if type(read) is Line:
                yield read.patient, "", line
            elif isinstance(read, Reason):
                self.unreadable[read] += 1
            else:
                not_read[str(read)] += 1

    def _bundle(self) -> Iterator[Found]:
        if self.source.size > MAX_BUNDLE:
            self.unreadable[Reason.BUNDLE] += 1
            return
        try:
            contents = read_contents(read_json(Path(self.source.path).read_bytes()))
        except orjson.JSONDecodeError:
            self.unreadable[Reason.JSON] += 1
            return
        if contents.unusable:
            self.unreadable[Reason.RESOURCE] += contents.unusable
        patients = _patients(contents.entries)
        for full_url, resource in contents.entries:
            self.lines += 1
            read = read_resource(resource, self.types, patients)
            if isinstance(read, Line):
                yield read.patient, _plain(full_url), orjson.dumps(resource)
            elif isinstance(read, Reason):
                self.unreadable[read] += 1
            else:
                self.not_read[read] += 1


def _patients(entries: list[tuple[str | None, dict[str, Any]]]) -> dict[str, str]:
    """fullUrl -> id of the patients of a Bundle."""
    return {
        url: resource["id"]
        for url, resource in entries
        if url and resource["resourceType"] == PATIENT and isinstance(resource.get("id"), str)
    }


def _plain(full_url: str | None) -> str:
    """A fullUrl that fits in one field of a line; an odd one leads nowhere."""
    return full_url if full_url and full_url.isprintable() else ""


def range_lines(
    file: BinaryIO, start: int, end: int, too_long: Callable[[], None]
) -> Iterator[bytes]:
    """The lines that begin between two positions, without line ends and blank ones."""
    file.seek(max(start - 1, 0))
    if start:
        _skip_line(file)  # the end of the line that begins in the piece before
    while (at := file.tell()) < end:
        yield from _split(file, end - at, too_long)


def _split(file: BinaryIO, left: int, too_long: Callable[[], None]) -> Iterator[bytes]:
    """The lines of the next block, the last of which is read to its end."""
    block = file.read(min(BLOCK, left))
    if block[-1:] != b"\n":
        rest = file.readline(MAX_LINE)
        block += rest
        if len(rest) == MAX_LINE and rest[-1:] != b"\n":
            _skip_line(file)
            block = block[: block.rfind(b"\n") + 1]
            too_long()
    for line in block.split(b"\n"):
        if line and not line.isspace():
            yield line.rstrip()


def whole_lines(file: Any, too_long: Callable[[], None]) -> Iterator[bytes]:
    """The lines of a file from where it stands, without line ends and blank ones."""
    while line := file.readline(MAX_LINE):
        if len(line) == MAX_LINE and line[-1:] != b"\n":
            _skip_line(file)
            too_long()
        elif not line.isspace():
            yield line.rstrip()


def _skip_line(file: Any) -> None:
    while (part := file.readline(MAX_LINE)) and part[-1:] != b"\n":
        pass
