"""The files of an export, and the pieces they are read in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

NDJSON, GZIP, BUNDLE = ".ndjson", ".ndjson.gz", ".json"
ENDINGS = (NDJSON, GZIP, BUNDLE)
MIN_PIECE, MAX_PIECE = 8 << 20, 64 << 20  # bytes of a file that one task reads


class ReplayError(ValueError):
    """A replay that is not possible, in one sentence."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file. ``only`` is the one resource type that is read from it, or empty for all."""

    path: str
    ending: str
    size: int
    mtime_ns: int
    only: str = ""

    def as_json(self) -> dict[str, Any]:
        """The source as the manifest keeps it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Piece:
    """A range of bytes of a source: the lines that begin in it. Whole files for gzip and Bundles;
    ``number`` is the piece's, ``source`` the file's place among the sources."""

    number: int
    source: int
    start: int
    end: int


def find_sources(exports: Iterable[Path], only: str = "") -> list[Source]:
    """The files named and those below the folders named, each once, in order; raises ReplayError
    for a path that is not there, a file of another kind, and a folder without any of ours."""
    found: dict[Path, Source] = {}
    for export in exports:
        if not export.exists():
            raise ReplayError(f"{export} is not there")
        paths = sorted(p for p in export.rglob("*") if p.is_file()) if export.is_dir() else [export]
        sources = {path.resolve(): _source(path, only) for path in paths if _ending(path)}
        if not sources:
            what = "holds no file that can be read" if export.is_dir() else "cannot be read"
            raise ReplayError(f"{export} {what}: names must end in {', '.join(ENDINGS)}")
        found |= sources
    return list(found.values())


def _ending(path: Path) -> str | None:
    endings = sorted(ENDINGS, key=len, reverse=True)
    return next((ending for ending in endings if path.name.lower().endswith(ending)), None)


def _source(path: Path, only: str) -> Source:
    status = path.stat()
    ending = _ending(path) or ""
    return Source(str(path.resolve()), ending, status.st_size, status.st_mtime_ns, only)


def cut(sources: Iterable[Source], workers: int) -> Iterator[Piece]:
    """The pieces of the sources: some for each worker, none above 64 MiB but whole files."""
    sources = list(sources)
    share = sum(source.size for source in sources) // (workers * 4)
    step = min(max(share, MIN_PIECE), MAX_PIECE)
    number = 0
    for place, source in enumerate(sources):
        size = step if source.ending == NDJSON else max(source.size, 1)
        for start in range(0, source.size, size):
            yield Piece(number, place, start, min(start + size, source.size))
            number += 1
