"""Which codings of a chart are recognised, counted, and which entries no rule can use.

An entry whose codings are all of known systems and in no value set can neither meet a requirement
nor be an entry that was not understood: the rules never see it, so it need not be matched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cds_service.content.codes import normalise
from cds_service.content.model import Resource
from cds_service.decision.chart import CODED, ChartIndex
from cds_service.decision.elements import choice

Key = tuple[str, str, str | None, str]  # resource type, element, system as sent, code as sent


class Use(NamedTuple):
    """The place of a coding in the content: ``met`` by a value set, its system ``known`` there."""

    met: bool
    known: bool


@dataclass(slots=True)
class CodingCounts:
    """Codings, and people who have them, by key; the smallest display of each."""

    codings: Counter[Key] = field(default_factory=Counter)
    people: Counter[Key] = field(default_factory=Counter)
    displays: dict[Key, str] = field(default_factory=dict)

    def add(self, other: CodingCounts) -> None:
        """Adds those of other people."""
        self.codings.update(other.codings)
        self.people.update(other.people)
        for key, display in other.displays.items():
            self.keep_display(key, display)

    def keep_display(self, key: Key, display: Any) -> None:
        """Keeps the smallest display of a coding, so that the order of people does not count."""
        kept = self.displays.get(key)
        if isinstance(display, str) and (kept is None or display < kept):
            self.displays[key] = display


class CodingReader:
    """Reads the coded elements of entries against one chart index. For one thread."""

    def __init__(self, index: ChartIndex) -> None:
        self.index = index
        self._uses: dict[Key, Use] = {}
        self.counts = CodingCounts()

    def use(self, key: Key) -> Use:
        """Returns what a coding is to the content; looked up once."""
        use = self._uses.get(key)
        if use is None:
            use = self._uses[key] = self._look_up(key)
        return use

    def _look_up(self, key: Key) -> Use:
        kind, name, system, code = key
        path = self.index.paths[kind][name]
        coding = normalise(system, code.strip())
        return Use(bool(path.requirements_of(coding)), coding[0] in path.systems)

    def may_matter(self, resource: Resource, kind: str, seen: set[Key]) -> bool:
        """Counts the codings of an entry into ``seen`` and the counts; False if the rules cannot
        use it nor say that it was not understood."""
        matters = False
        for name in self.index.paths[kind]:
            element = resource[name] if name in resource else choice(resource, name)
            if element is None:
                matters |= name in CODED
                continue
            known = False
            for concept in element if isinstance(element, list) else (element,):
                codings = _codings(concept)
                if codings is None:
                    matters = True  # a reference, or a shape that is told by the matching itself
                    continue
                for coding in codings:
                    use = self._count(kind, name, coding, seen)
                    if use is None or use.met:
                        matters = True
                    if use is not None and use.known:
                        known = True
            matters |= not known
        return matters

    def count_medicine(self, kind: str, medicine: Mapping[str, Any], seen: set[Key]) -> None:
        """Counts the codings of a Medication that an entry refers to."""
        for name in self.index.paths.get(kind, ()):
            for coding in _codings(medicine.get("code")) or ():
                self._count(kind, name, coding, seen)

    def _count(self, kind: str, name: str, coding: Any, seen: set[Key]) -> Use | None:
        if not isinstance(coding, dict):
            return None
        system, code = coding.get("system"), coding.get("code")
        if not isinstance(code, str) or not isinstance(system, str | None):
            return None
        key = (kind, name, system, code)
        self.counts.codings[key] += 1
        if key not in seen:
            seen.add(key)
            self.counts.keep_display(key, coding.get("display"))
        return self.use(key)


def _codings(concept: Any) -> list[Any] | None:
    """The codings of a plain CodeableConcept; None for what must be looked at more closely."""
    if type(concept) is not dict or "reference" in concept:
        return None
    if "identifier" in concept or "type" in concept:
        return None
    codings = concept.get("coding", [])
    return codings if isinstance(codings, list) else None
