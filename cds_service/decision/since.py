"""``since``: entries on or after another one, such as treatment since a positive test.

A ``dataRequirement`` marked ``since`` keeps the entries whose day is that of the newest dated
entry of another requirement, or later (clinical specification 0.4). Without such an entry, and for
an entry without a date, there is nothing: an older treatment answers no newer result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cds_service.content.codes import normalise
from cds_service.content.model import Content, Resource, Since
from cds_service.decision.chart import Entry


def keep_since(content: Content, entries: dict[str, list[Entry]]) -> None:
    """Leaves of each requirement with ``since`` the entries that are late enough."""
    for name, requirement in content.requirements.items():
        if requirement.since is not None and name in entries:
            kept = _late_enough(content, entries[name], requirement.since, entries)
            if kept:
                entries[name] = kept
            else:
                del entries[name]


def _late_enough(
    content: Content, own: Iterable[Entry], since: Since, entries: Mapping[str, list[Entry]]
) -> list[Entry]:
    others = [entry for name in since.requirements for entry in entries.get(name, ())]
    if since.result is not None:
        codes = content.value_sets[since.result]
        others = [e for e in others if not codes.isdisjoint(result_codes(e.resource))]
    days = [e.when.start.date() for e in others if e.when is not None]
    if not days:
        return []
    newest = max(days)
    return [e for e in own if e.when and e.when.start.date() >= newest]


def result_codes(resource: Resource) -> set[tuple[str, str]]:
    """The codes of a result: its interpretation, its coded value, the conclusion of a report."""
    concepts = (
        concept
        for name in ("interpretation", "conclusionCode", "valueCodeableConcept")
        for concept in _listed(resource.get(name))
    )
    return {
        normalise(coding.get("system"), coding["code"])
        for concept in concepts
        for coding in _listed(concept.get("coding"))
        if isinstance(coding.get("code"), str)
    }


def _listed(value: Any) -> list[dict[str, Any]]:
    """The objects of an element that may be one or a list; other shapes are passed over."""
    return [v for v in (value if isinstance(value, list) else [value]) if isinstance(v, dict)]
