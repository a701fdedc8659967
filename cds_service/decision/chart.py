"""The chart, indexed once per call: which entries each ``dataRequirement`` stands for.

The index is built from the requirements at load (code -> requirements), so a call costs one
look-up per coding however many value sets there are. The chart is read leniently: a resource or
element that cannot be used is skipped and counted, never an error (``docs/conformance.md`` 2.19).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cds_service.content.codes import normalise
from cds_service.content.model import DATES, CodeFilter, Requirement, Resource
from cds_service.fhir.dates import Span, parse_span

NOT_BELIEVED = frozenset({"entered-in-error", "refuted"})
FUTURE = timedelta(days=1)  # clocks and time zones differ; later than that is a mistake


@dataclass(frozen=True, slots=True)
class Entry:
    """A chart entry that met a requirement, with what made it match."""

    resource: Resource
    coding: tuple[str, str]
    when: Span | None


@dataclass(frozen=True, slots=True)
class ChartIndex:
    """Requirements by (type, element, code), compiled at load."""

    by_code: Mapping[tuple[str, str], Mapping[tuple[str, str], tuple[Requirement, ...]]]
    paths: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, requirements: Iterable[Requirement]) -> ChartIndex:
        """The index of all requirements."""
        by_code: dict[tuple[str, str], dict[tuple[str, str], tuple[Requirement, ...]]] = {}
        paths: dict[str, dict[str, None]] = {}
        for requirement in requirements:
            main = requirement.main
            codes = by_code.setdefault((requirement.type, main.path), {})
            paths.setdefault(requirement.type, {})[main.path] = None
            for code in main.codes:
                codes[code] = (*codes.get(code, ()), requirement)
        return cls(by_code, {t: tuple(p) for t, p in paths.items()})

    def match(
        self, resources: Iterable[Any], now: datetime
    ) -> tuple[dict[str, list[Entry]], Counter[str]]:
        """Requirement id -> entries, newest first; and how many were unusable, by type."""
        found: dict[str, list[Entry]] = {}
        unusable: Counter[str] = Counter()
        medications = _by_reference(resources)
        for resource in resources:
            kind = resource.get("resourceType")
            if kind not in self.paths:
                continue
            try:
                if not _is_not_believed(resource):
                    self._match_one(resource, kind, now, medications, found)
            except (TypeError, KeyError, AttributeError, ValueError, OverflowError):
                # A shape R4 does not allow somewhere in it: this entry cannot be read.
                unusable[kind] += 1
        for entries in found.values():
            entries.sort(key=_newest, reverse=True)
        return found, unusable

    def _match_one(
        self,
        resource: Resource,
        kind: str,
        now: datetime,
        medications: Mapping[str, Resource],
        found: dict[str, list[Entry]],
    ) -> None:
        matched: dict[str, tuple[Requirement, tuple[str, str]]] = {}
        for path in self.paths[kind]:
            codes = self.by_code[kind, path]
            for coding in codings(resource, path, medications):
                for requirement in codes.get(coding, ()):
                    matched.setdefault(requirement.id, (requirement, coding))
        if not matched:
            return
        when = entry_date(resource, kind)
        if when is not None and when.start > now + FUTURE:
            return
        for requirement, coding in matched.values():
            if _passes(requirement, resource, when, now):
                found.setdefault(requirement.id, []).append(Entry(resource, coding, when))


def _passes(requirement: Requirement, resource: Resource, when: Span | None, now: datetime) -> bool:
    return all(_holds(f, resource) for f in requirement.filters[1:]) and (
        requirement.window is None or _within(requirement.window, when, now)
    )


def _within(window: tuple[int, str], when: Span | None, now: datetime) -> bool:
    """Certainly within the look-back: an undated or too coarsely dated entry is not."""
    if when is None:
        return False
    amount, unit = window
    if unit == "h":
        return when.start >= now - timedelta(hours=amount)
    return (now.date() - when.start.astimezone(now.tzinfo).date()).days <= amount


def _holds(wanted: CodeFilter, resource: Resource) -> bool:
    element = choice(resource, wanted.path)
    if element is None:
        return wanted.allows_absent
    if isinstance(element, str):
        return any(code == element for _, code in wanted.codes)
    return any(coding in wanted.codes for coding in _concept_codings(element))


def _is_not_believed(resource: Resource) -> bool:
    """Entered in error, refuted, or an instruction not to do the thing."""
    if resource.get("status") in NOT_BELIEVED or resource.get("doNotPerform") is True:
        return True
    status = resource.get("verificationStatus")
    return isinstance(status, dict) and any(
        c.get("code") in NOT_BELIEVED for c in status.get("coding", ()) if isinstance(c, dict)
    )


# -- elements ------------------------------------------------------------------------------


def choice(resource: Resource, name: str) -> Any:
    """An element by name, or the present form of a choice (``onset`` -> onsetDateTime)."""
    if name in resource:
        return resource[name]
    size = len(name)
    for key in resource:
        if key.startswith(name) and key[size : size + 1].isupper():
            return resource[key]
    return None


def codings(
    resource: Resource, path: str, medications: Mapping[str, Resource]
) -> Iterator[tuple[str, str]]:
    """Normalised codings of an element; a reference is followed to the Medication it names."""
    element = choice(resource, path)
    for concept in element if isinstance(element, list) else (element,):
        if not isinstance(concept, dict):
            continue
        if "reference" in concept:
            target = _medication(resource, str(concept["reference"]), medications)
            yield from _concept_codings(target.get("code", {}) if target else {})
        else:
            yield from _concept_codings(concept)


def _concept_codings(concept: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for coding in concept.get("coding") or ():
        if isinstance(coding.get("code"), str):
            yield normalise(coding.get("system"), coding["code"].strip())


def _medication(
    resource: Resource, reference: str, medications: Mapping[str, Resource]
) -> Resource | None:
    if reference.startswith("#"):
        contained = resource.get("contained") or ()
        return next((r for r in contained if r.get("id") == reference[1:]), None)
    return medications.get(reference.removeprefix("urn:uuid:").rpartition("/")[2])


def _by_reference(resources: Iterable[Any]) -> dict[str, Resource]:
    return {str(r.get("id")): r for r in resources if r.get("resourceType") == "Medication"}


def entry_date(resource: Resource, kind: str) -> Span | None:
    """When an entry happened: the first of its date elements that can be read."""
    for name in DATES.get(kind, ()):
        element = choice(resource, name)
        if isinstance(element, dict):
            element = element.get("start") or element.get("end")
        span = parse_span(element)
        if span is not None:
            return span
    return None


def _newest(entry: Entry) -> float:
    return entry.when.start.timestamp() if entry.when else float("-inf")
