"""The counts of a part of the population; parts are added up, in any order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

from cds_service.authoring.replay.codings import CodingCounts, Key

MODULUS = 1 << 256
DIGITS = 64  # hexadecimal, of the digest


@dataclass(slots=True)
class Counts:
    """The counts of some people. Keys of the counters are tuples of text, as the names say.

    ``digest`` is the sum of one hash of each person's evaluation, modulo 2 to the 256: it does not
    depend on order or division.
    """

    patients: int = 0
    answered: int = 0
    cpu_seconds: float = 0.0
    digest: int = 0
    # band, anatomy
    groups: Counter[tuple[str, str]] = field(default_factory=Counter)
    # rule, answer, band, anatomy
    rules: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    # card, band, anatomy
    cards: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    # two cards of one person, in order of their ids
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    # number of cards
    per_person: Counter[tuple[str]] = field(default_factory=Counter)
    # type, why
    unread: Counter[tuple[str, str]] = field(default_factory=Counter)
    # item, "alone" or "with others"
    missing: Counter[tuple[str, str]] = field(default_factory=Counter)
    # why the service would answer with an error
    not_answered: Counter[tuple[str]] = field(default_factory=Counter)
    # expression of a rule that failed
    errors: Counter[tuple[str]] = field(default_factory=Counter)
    # card, change
    changes: Counter[tuple[str, str]] = field(default_factory=Counter)
    # resource type that the content does not read
    not_read: Counter[tuple[str]] = field(default_factory=Counter)
    # number of the source, reason
    unreadable: Counter[tuple[str, str]] = field(default_factory=Counter)
    codings: CodingCounts = field(default_factory=CodingCounts)

    def add(self, other: Counts) -> None:
        """Adds another part."""
        for one in fields(self):
            mine, theirs = getattr(self, one.name), getattr(other, one.name)
            if isinstance(mine, Counter):
                mine.update(theirs)
            elif not isinstance(mine, CodingCounts):
                setattr(self, one.name, mine + theirs)
        self.digest %= MODULUS
        self.codings.add(other.codings)

    def as_json(self) -> dict[str, Any]:
        """The counts as JSON; ``of_json`` reads them."""
        found: dict[str, Any] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, Counter):
                value = [[*key, count] for key, count in sorted(value.items())]
            found[one.name] = value
        codings = self.codings
        return found | {
            "digest": f"{self.digest:0{DIGITS}x}",
            "codings": [
                [*key, count, codings.people[key], codings.displays.get(key)]
                for key, count in codings.codings.items()
            ],
        }


def counts_of_json(read: dict[str, Any]) -> Counts:
    """The counts that ``as_json`` wrote."""
    counts = Counts()
    for one in fields(counts):
        value = read[one.name]
        if isinstance(getattr(counts, one.name), Counter):
            value = Counter({tuple(key): count for *key, count in value})
        if one.name not in ("codings", "digest"):
            setattr(counts, one.name, value)
    counts.digest = int(read["digest"], 16)
    for kind, name, system, code, count, people, display in read["codings"]:
        key: Key = (kind, name, system, code)
        counts.codings.codings[key] = count
        counts.codings.people[key] = people
        if display is not None:
            counts.codings.displays[key] = display
    return counts
