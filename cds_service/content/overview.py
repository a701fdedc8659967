"""Everything that belongs to one cause, flag or card, for review pages and content browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cds_service.content import extensions as ext
from cds_service.content.model import (
    Content,
    Contribution,
    Requirement,
    Resource,
    Source,
    Suggestion,
    clinical_id,
)

UNITS = {"d": ("day", "days"), "h": ("hour", "hours")}


@dataclass(frozen=True, slots=True)
class Citation:
    """One source of a plan: what it says, in our words, and how strong it is."""

    label: str
    display: str
    citation: str
    url: str | None
    strengths: tuple[str, ...]
    qualities: tuple[str, ...]


def is_flag(source: Source) -> bool:
    """One of several that share a plan (the red flags), not a plan of its own."""
    return source.id != clinical_id(source.plan)


def contributions_of(content: Content, source: Source) -> list[Contribution]:
    """Everything a source asks for or adds, by card."""
    return [c for items in content.contributions.values() for c in items if c.source is source]


def cards_asked_for(content: Content, source: Source) -> Iterator[str]:
    """Card plan ids a source asks for; advice alone asks for nothing."""
    for plan_id, contributions in content.contributions.items():
        if any(c.source is source and not c.advice for c in contributions):
            yield plan_id


def suggestions_of(content: Content, source: Source) -> Iterator[tuple[str, Suggestion]]:
    """Suggestions whose conditions name the source's own rule, with the card plan's id."""
    for plan_id in cards_asked_for(content, source):
        for suggestion in content.cards[plan_id].suggestions:
            names = {n for c in suggestion.conditions for n in c.expression.variables}
            if source.rule in names:
                yield plan_id, suggestion


def citations(plan: Resource) -> Iterator[Citation]:
    """The evidence a plan names, without what it depends on."""
    for artifact in plan.get("relatedArtifact", ()):
        if artifact["type"] != "depends-on":
            yield Citation(
                label=artifact.get("label", ""),
                display=artifact.get("display", ""),
                citation=artifact.get("citation", ""),
                url=artifact.get("url"),
                strengths=tuple(c["text"] for c in ext.values(artifact, ext.STRENGTH)),
                qualities=tuple(c["text"] for c in ext.values(artifact, ext.QUALITY)),
            )


def strengths(plan: Resource) -> tuple[str, ...]:
    """Each strength of evidence a plan's citations state, once."""
    return tuple(dict.fromkeys(s for c in citations(plan) for s in c.strengths))


def look_back(requirement: Requirement) -> str:
    """The look-back of a chart entry in words; empty when there is none."""
    if requirement.window is None:
        return ""
    amount, unit = requirement.window
    one, many = UNITS[unit]
    return f"in the last {f'{amount} {many}' if amount != 1 else one}"
