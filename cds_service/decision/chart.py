"""The chart, indexed once per call: which entries each ``dataRequirement`` stands for.

The index is built from the requirements at load (code -> requirements), so a call costs one
look-up per coding however many value sets there are. Each entry meets a requirement, certainly does
not, or cannot be understood (``unread``): never an error (``docs/conformance.md`` 2.19), never
silent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from cds_service.content.codes import HIERARCHICAL, categories
from cds_service.content.model import CodeFilter, Requirement, Resource
from cds_service.decision.belief import is_believed, meets_status
from cds_service.decision.elements import (
    Code,
    Codings,
    choice,
    codings,
    concept_codings,
    entry_date,
)
from cds_service.decision.unread import Unread, Why, unread
from cds_service.decision.values import read_value
from cds_service.fhir.dates import Span
from cds_service.fhir.references import References

FUTURE = timedelta(days=1)  # clocks and time zones differ; later than that is a mistake
# Without these an entry says nothing at all; the other coded elements may be absent.
CODED = frozenset({"code", "medication"})
ODD_SHAPES = (TypeError, KeyError, AttributeError, ValueError, OverflowError)


@dataclass(frozen=True, slots=True)
class Entry:
    """A chart entry that met a requirement, with what made it match."""

    resource: Resource
    coding: Code
    when: Span | None


@dataclass(frozen=True, slots=True)
class CodedPath:
    """One coded element of a resource type: the requirements by code and by category of ICD, the
    code systems that are known there, and one requirement for each different set of further
    conditions."""

    codes: Mapping[Code, tuple[Requirement, ...]]
    categories: Mapping[Code, tuple[Requirement, ...]]
    systems: frozenset[str]
    conditions: tuple[Requirement, ...]

    def requirements_of(self, coding: Code) -> tuple[Requirement, ...]:
        """The requirements whose value set holds a normalised coding."""
        met = self.codes.get(coding, ())
        if self.categories and coding[0] in HIERARCHICAL:
            return (*met, *_below(self, coding))
        return met


@dataclass(frozen=True, slots=True)
class ChartIndex:
    """Requirements by resource type and element, compiled at load; those of the hook context by
    its field."""

    paths: Mapping[str, Mapping[str, CodedPath]]
    contexts: Mapping[str, ChartIndex]

    @classmethod
    def of(cls, requirements: Iterable[Requirement]) -> ChartIndex:
        """The index of all requirements."""
        by_context: dict[str | None, list[Requirement]] = {}
        for requirement in requirements:
            by_context.setdefault(requirement.context, []).append(requirement)
        contexts = {name: cls._of(listed) for name, listed in by_context.items() if name}
        return replace(cls._of(by_context.get(None, [])), contexts=contexts)

    @classmethod
    def _of(cls, requirements: list[Requirement]) -> ChartIndex:
        grouped: dict[str, dict[str, list[Requirement]]] = {}
        for requirement in requirements:
            by_path = grouped.setdefault(requirement.type, {})
            by_path.setdefault(requirement.main.path, []).append(requirement)
        return cls(
            {
                kind: {path: _path(listed) for path, listed in by_path.items()}
                for kind, by_path in grouped.items()
            },
            {},
        )

    def match(
        self,
        resources: Iterable[Any],
        now: datetime,
        references: References | None = None,
        counts: Counter[CodingKind] | None = None,
    ) -> tuple[dict[str, list[Entry]], list[Unread]]:
        """Requirement id -> entries, newest first; and what could not be understood.
        ``references`` are those of the call; without them, those among ``resources``. ``counts``
        gets the codings looked up."""
        resources = list(resources)
        reading = _Reading(self, now, references or References.of(resources), counts)
        for resource in resources:
            if resource.get("resourceType") in self.paths:
                reading.add(resource)
        for entries in reading.found.values():
            entries.sort(key=_newest, reverse=True)
        return reading.found, [*reading.unread, *reading.newest_without_value()]

    def medicines_wanted(
        self, resources: Iterable[Any], now: datetime, references: References
    ) -> list[str]:
        """References to medicines that are not there, of entries that may meet a requirement."""
        reading = _Reading(self, now, references)
        wanted: dict[str, None] = {}
        for resource in resources:
            path = self.paths.get(resource.get("resourceType"), {}).get(MEDICATION)
            element = choice(resource, MEDICATION) if path else None
            if path and isinstance(element, dict) and isinstance(element.get("reference"), str):
                missing = references.resolve(element, resource) is None
                if missing and is_believed(resource) is True and reading.may_meet(resource, path):
                    wanted[element["reference"]] = None
        return list(wanted)


MEDICATION = "medication"
CodingKind = tuple[str, str, bool]  # resource type, code system, recognised by some value set


def _path(requirements: list[Requirement]) -> CodedPath:
    codes: dict[Code, tuple[Requirement, ...]] = {}
    above: dict[Code, tuple[Requirement, ...]] = {}
    for requirement in requirements:
        panels = requirement.reading.panels if requirement.reading else ()
        for code in (*requirement.main.codes, *panels):
            codes[code] = (*codes.get(code, ()), requirement)
        for category in requirement.main.codes.prefixes:
            above[category] = (*above.get(category, ()), requirement)
    different = {(r.filters[1:], r.window): r for r in requirements}
    systems = frozenset(system for system, _ in (*codes, *above))
    return CodedPath(codes, above, systems, tuple(different.values()))


def _below(path: CodedPath, coding: Code) -> Iterator[Requirement]:
    """Requirements with a category of ICD above a code, and no exception for it."""
    for category in categories(coding):
        for requirement in path.categories.get(category, ()):
            if requirement.main.codes.is_below(coding):
                yield requirement


class _Reading:
    """One pass over the entries of one call."""

    def __init__(
        self,
        index: ChartIndex,
        now: datetime,
        references: References,
        counts: Counter[CodingKind] | None = None,
    ) -> None:
        self.index = index
        self.counts = Counter() if counts is None else counts
        self.now = now
        self.references = references
        self.found: dict[str, list[Entry]] = {}
        self.unread: list[Unread] = []
        self.without_value: dict[str, list[Unread]] = {}  # of requirements for the newest

    def add(self, resource: Resource) -> None:
        """Reads one entry of a type that some requirement asks for."""
        try:
            self._match(resource)
        except ODD_SHAPES:
            # A shape R4 does not allow somewhere in it: this entry cannot be read.
            self.unread.append(unread(resource, Why.SHAPE))

    def _match(self, resource: Resource) -> None:
        matched: dict[str, tuple[Requirement, Code]] = {}
        why: Why | None = None
        for name, path in self.index.paths[resource["resourceType"]].items():
            read = codings(resource, name, self.references)
            for coding in read.codes:
                met = path.requirements_of(coding)
                self.counts[resource["resourceType"], coding[0], bool(met)] += 1
                for requirement in met:
                    matched.setdefault(requirement.id, (requirement, coding))
            reason = _unknown_code(name, path, read, choice(resource, name) is not None)
            if reason and self.may_meet(resource, path):
                why = reason
        believed = is_believed(resource) if matched or why else False
        if believed is False:
            return
        if not matched or believed is not True:
            self._note(resource, why if believed is True else believed, matched.values())
            return
        self._keep(resource, matched.values())

    def _keep(self, resource: Resource, matched: Iterable[tuple[Requirement, Code]]) -> None:
        when = entry_date(resource, resource["resourceType"])
        unknown: dict[str | None, tuple[Why, Requirement]] = {}
        for requirement, coding in matched:
            answer = self._meets(requirement, resource, when)
            if answer is True:
                answer = self._read(requirement, Entry(resource, coding, when))
            if isinstance(answer, Why):
                unknown.setdefault(requirement.main.value_set, (answer, requirement))
        for value_set, (why, _) in unknown.items():
            self.unread.append(unread(resource, why, value_set, when))

    def _read(self, requirement: Requirement, entry: Entry) -> bool | Why:
        """Keeps an entry for its value, or says why it cannot be understood."""
        read = read_value(entry.resource, requirement, self.references)
        if isinstance(read, Why):
            return read
        if read is not None:
            kept = Entry(read, entry.coding, entry.when)
            self.found.setdefault(requirement.id, []).append(kept)
        elif requirement.limit is not None:
            value_set = requirement.main.value_set
            empty = unread(entry.resource, Why.NO_VALUE, value_set, entry.when)
            self.without_value.setdefault(requirement.id, []).append(empty)
        return read is not None

    def newest_without_value(self) -> Iterator[Unread]:
        """The newest entry of each requirement for the newest, where it holds no value: an older
        one was used, or none."""
        for name, empty in self.without_value.items():
            newest = max(empty, key=_newest)
            used = self.found.get(name)
            if not used or _newest(newest) >= _newest(used[0]):
                yield newest

    def _note(
        self,
        resource: Resource,
        why: Any,
        matched: Iterable[tuple[Requirement, Code]],
    ) -> None:
        """An entry that cannot be used at all; nothing is said of one that would not count."""
        when = entry_date(resource, resource["resourceType"])
        sets = [r.main.value_set for r, _ in matched if self._meets(r, resource, when) is not False]
        if sets or not matched:
            self.unread.append(unread(resource, why, next(iter(sets), None), when))

    def may_meet(self, resource: Resource, path: CodedPath) -> bool:
        """Checks whether an entry would meet some requirement if only its code could be read."""
        when = entry_date(resource, resource["resourceType"])
        return any(self._meets(r, resource, when) is not False for r in path.conditions)

    def _meets(self, requirement: Requirement, resource: Resource, when: Span | None) -> bool | Why:
        """Checks whether an entry whose code matches meets a requirement, or why that is not
        known."""
        known = [self._holds(f, resource) for f in requirement.filters[1:]]
        within = _within(requirement, when, self.now)
        if False in known or within is False:
            return False
        return Why.STATUS if None in known else Why.DATE if within is None else True

    def _holds(self, wanted: CodeFilter, resource: Resource) -> bool | None:
        if wanted.value_set is None:
            return meets_status(resource, wanted, self.now)
        element = choice(resource, wanted.path)
        if element is None:
            return wanted.allows_absent
        return any(coding in wanted.codes for coding in concept_codings(element))


def _unknown_code(name: str, path: CodedPath, read: Codings, is_present: bool) -> Why | None:
    """Returns why the code of an element is not known; None if it is, or if there is none to
    know."""
    if read.why is not None:
        return read.why
    if not is_present and name not in CODED:
        return None
    return None if any(system in path.systems for system, _ in read.codes) else Why.CODE


def _within(requirement: Requirement, when: Span | None, now: datetime) -> bool | None:
    """Certainly within the look-back; None where a missing or coarse date leaves it open, and for
    a date in the future, which is a mistake."""
    if when is not None and when.start > now + FUTURE:
        return None
    if requirement.window is None:
        return True
    if when is None:
        return None
    amount, unit = requirement.window
    if unit == "h":
        oldest = now - timedelta(hours=amount)
        return True if when.start >= oldest else None if when.end > oldest else False
    if _days_ago(when.start, now) <= amount:
        return True
    return None if when.end > when.start and _days_ago(when.end, now) < amount else False


def _days_ago(then: datetime, now: datetime) -> int:
    return (now.date() - then.astimezone(now.tzinfo).date()).days


def _newest(entry: Entry | Unread) -> float:
    return entry.when.start.timestamp() if entry.when else float("-inf")
