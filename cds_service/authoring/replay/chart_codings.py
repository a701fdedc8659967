"""The codings of an export alone, in one pass: nothing is evaluated and nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import orjson

from cds_service.authoring.replay.codings import CodingCounts, CodingReader, Key
from cds_service.authoring.replay.coverage import (
    MIN_PEOPLE,
    by_concept,
    by_system,
    coding_rows,
    look_alike_codes,
)
from cds_service.authoring.replay.engine import load
from cds_service.authoring.replay.lines import MEDICATION, Reason
from cds_service.authoring.replay.progress import Progress
from cds_service.authoring.replay.reading import PieceReader
from cds_service.authoring.replay.runners import Runner
from cds_service.authoring.replay.sources import Piece, Source, cut, find_sources
from cds_service.decision.chart import ChartIndex
from cds_service.fhir.json_text import read_json
from cds_service.fhir.references import read_literal, reference_text

Named = tuple[str, str]  # resource type of an entry, id or url of the Medication it refers to


@dataclass(slots=True)
class Seen:
    """The codings of some pieces. ``people`` and ``takers`` hold the ids of the first five people
    of a coding or a reference, so that rare ones are known; they leave the process with nothing."""

    counts: CodingCounts = field(default_factory=CodingCounts)
    people: dict[Key, set[str]] = field(default_factory=dict)
    orders: Counter[Named] = field(default_factory=Counter)
    takers: dict[Named, set[str]] = field(default_factory=dict)
    medicines: dict[str, Any] = field(default_factory=dict)  # id or url -> its ``code``
    unreadable: Counter[str] = field(default_factory=Counter)
    bytes: int = 0

    def add(self, other: Seen) -> None:
        """Adds those of other pieces."""
        self.counts.add(other.counts)
        self.orders.update(other.orders)
        self.medicines.update(other.medicines)
        self.unreadable.update(other.unreadable)
        for mine, theirs in ((self.people, other.people), (self.takers, other.takers)):
            _join(mine, theirs)


def _join(mine: dict[Any, set[str]], theirs: Mapping[Any, Iterable[str]]) -> None:
    """Adds people, of each key at most as many as count."""
    for key, people in theirs.items():
        kept = mine.setdefault(key, set())
        if len(kept) < MIN_PEOPLE:
            kept.update(people)


def chart_coverage(
    exports: Sequence[Path],
    root: Path,
    code_maps: Path | None,
    runner: Runner,
    progress: Progress,
) -> dict[str, Any]:
    """The parts ``unreadable``, ``codes``, ``coverage`` and ``lookAlikes`` of ``report.json``.
    Raises ReplayError, ContentError, OSError."""
    sources = tuple(find_sources(exports))
    content = load(root, code_maps)  # before processes are forked, so that they share it
    pieces, seen = list(cut(sources, runner.workers)), Seen()
    progress.begin("reading", sum(piece.end - piece.start for piece in pieces))
    for found in runner.map(partial(_read_piece, root, code_maps, sources), pieces):
        seen.add(found)
        progress.add(found.bytes)
    progress.end()
    _count_medicines(seen, _reader(root, code_maps))
    seen.counts.people = Counter({key: len(people) for key, people in seen.people.items()})
    rows = list(coding_rows(content, root, seen.counts))
    return {
        "unreadable": dict(sorted(seen.unreadable.items())),
        "codes": by_system(rows),
        "coverage": by_concept(rows),
        "lookAlikes": look_alike_codes(rows),
    }


@lru_cache(maxsize=1)
def _reader(root: Path, code_maps: Path | None) -> CodingReader:
    content = load(root, code_maps)
    return CodingReader(ChartIndex.of(content.requirements.values()))


def _read_piece(
    root: Path, code_maps: Path | None, sources: tuple[Source, ...], piece: Piece
) -> Seen:
    codings = _reader(root, code_maps)
    seen = Seen(bytes=piece.end - piece.start)
    codings.counts = seen.counts
    reader = PieceReader(sources[piece.source], frozenset((*codings.index.paths, MEDICATION)))
    for patient, full_url, json in reader.read(piece):
        resource = _parsed(json)
        if not isinstance(resource, dict):
            seen.unreadable[Reason.JSON] += 1
        elif patient is None:
            for name in {str(resource.get("id")), full_url} - {""}:
                seen.medicines[name] = resource.get("code")
        else:
            _add(seen, codings, patient, resource)
    seen.unreadable.update({str(reason): n for reason, n in reader.unreadable.items()})
    return seen


def _parsed(json: bytes) -> Any:
    try:
        return read_json(json)
    except orjson.JSONDecodeError:
        return None


def _add(seen: Seen, codings: CodingReader, patient: str, resource: dict[str, Any]) -> None:
    """Counts the codings of one entry, and the Medication that it refers to."""
    kind, keys = resource["resourceType"], set[Key]()
    codings.may_matter(resource, kind, keys)
    _join(seen.people, dict.fromkeys(keys, (patient,)))
    text = reference_text(resource.get("medicationReference"))
    if text is not None and not text.startswith("#"):
        literal = read_literal(text)
        name = literal.id if literal and literal.type == MEDICATION else text
        seen.orders[kind, name] += 1
        _join(seen.takers, {(kind, name): (patient,)})


def _count_medicines(seen: Seen, codings: CodingReader) -> None:
    """Counts the codings of each Medication once for each entry that refers to it."""
    for (kind, name), orders in seen.orders.items():
        keys = set[Key]()
        codings.counts = CodingCounts()
        codings.count_medicine(kind, {"code": seen.medicines.get(name)}, keys)
        for key, count in codings.counts.codings.items():
            seen.counts.codings[key] += count * orders
            seen.counts.keep_display(key, codings.counts.displays.get(key))
        _join(seen.people, dict.fromkeys(keys, seen.takers[kind, name]))
