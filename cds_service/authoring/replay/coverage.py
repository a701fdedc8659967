"""Chart coverage: which codes of a site are recognised, and which only look as if they should."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cds_service.authoring.replay.codings import CodingCounts
from cds_service.authoring.replay.look_alikes import LookAlikes, read_words
from cds_service.content.codes import SYSTEM_NAMES, canonical_system, normalise
from cds_service.content.model import Content
from cds_service.decision.chart import ChartIndex

MIN_PEOPLE = 5  # people with a code, below which the code is not told
NO_SYSTEM = "no system"


@dataclass(frozen=True, slots=True)
class CodingRow:
    """A code at one place of a chart. ``code`` is None where it is rare: the codings of all rare
    codes of that place and system, of which nothing else is told."""

    type: str
    element: str
    system: str
    code: str | None
    display: str | None
    recognised: bool
    value_sets: tuple[str, ...]
    looks_like: tuple[str, ...]
    count: int

    def as_row(self) -> dict[str, Any]:
        """The row of the table; a count under 5 is left out."""
        return {
            "type": self.type,
            "element": self.element,
            "system": self.system,
            "code": self.code,
            "display": self.display,
            "recognised": self.recognised,
            "valueSets": list(self.value_sets),
            "looksLike": list(self.looks_like),
            "count": self.count if self.count >= MIN_PEOPLE else None,
        }


def coding_rows(content: Content, root: Path, counts: CodingCounts) -> Iterator[CodingRow]:
    """Yields the codes of some charts in order, rare ones together."""
    look_alikes = LookAlikes(content, read_words(root / "value_sets"))
    index = ChartIndex.of(content.requirements.values())
    rare: dict[tuple[str, str, str, bool], int] = {}
    for key, count in sorted(counts.codings.items(), key=lambda one: (*map(str, one[0]),)):
        kind, element, sent, code = key
        coding = normalise(sent, code.strip())
        system, display = coding[0] or NO_SYSTEM, counts.displays.get(key)
        met = index.paths[kind][element].requirements_of(coding)
        sets = {(r.main.value_set or "").rpartition("/")[2] for r in met}
        if counts.people[key] < MIN_PEOPLE:
            place = (kind, element, system, bool(sets))
            rare[place] = rare.get(place, 0) + count
            continue
        alike = () if sets or not display else tuple(look_alikes.of(kind, element, display))
        named = tuple(sorted(sets))
        yield CodingRow(kind, element, system, code, display, bool(sets), named, alike, count)
    for (kind, element, system, recognised), count in sorted(rare.items()):
        yield CodingRow(kind, element, system, None, None, recognised, (), (), count)


def by_system(rows: Iterable[CodingRow]) -> dict[str, dict[str, int]]:
    """Code system -> codings recognised and not."""
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        counts = found.setdefault(system_name(row.system), {"recognised": 0, "unrecognised": 0})
        counts["recognised" if row.recognised else "unrecognised"] += row.count
    return dict(sorted(found.items()))


def by_concept(rows: Iterable[CodingRow]) -> list[dict[str, Any]]:
    """Per value set and code system: codings recognised, codings that look alike and are not."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for row in rows:
        for name in row.value_sets or row.looks_like:
            counts = found.setdefault(
                (name, system_name(row.system)), {"recognised": 0, "lookAlike": 0}
            )
            counts["recognised" if row.recognised else "lookAlike"] += row.count
    return [
        {"valueSet": name, "system": system, **counts}
        for (name, system), counts in sorted(found.items())
    ]


def look_alike_codes(rows: Iterable[CodingRow]) -> list[dict[str, Any]]:
    """The unrecognised codes that look like a value set, most frequent first."""
    alike = [row for row in rows if row.looks_like and not row.recognised]
    return [
        {
            "type": row.type,
            "system": system_name(row.system),
            "code": row.code,
            "display": row.display,
            "looksLike": list(row.looks_like),
            "count": row.count,
        }
        for row in sorted(alike, key=lambda row: (-row.count, str(row.code)))
    ]


def system_name(system: str) -> str:
    """The name of a code system, or its url."""
    return SYSTEM_NAMES.get(canonical_system(system), system)
