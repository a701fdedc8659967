"""Reads the contributions of causes and flags: which cards they ask for, and in which words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cds_service.content import extensions as ext
from cds_service.content.actions import ActionReader
from cds_service.content.model import (
    PRESSING,
    Applicability,
    Contribution,
    InputRef,
    SheetLine,
    Source,
)

LAST = 10_000  # rank of a contribution that states none
ADVICE = "could"  # requiredBehavior of a contribution that only adds a line


class ContributionReader(ActionReader):
    """Reads the actions of causes, flags and small plans."""

    def contributions(self, sources: tuple[Source, ...]) -> dict[str, tuple[Contribution, ...]]:
        """Card plan id -> contributions in rank order, then in the sources' order."""
        found: dict[str, list[Contribution]] = {plan["id"]: [] for plan in self.card_plans}
        for source in sources:
            for contribution in self._of_source(source):
                found[contribution.card].append(contribution)
        key = _rank
        return {card: tuple(sorted(items, key=key)) for card, items in found.items()}

    def _of_source(self, source: Source) -> Iterator[Contribution]:
        for action in source.plan.get("action", ()):
            path = f"action {action.get('id')}"
            if "action" not in action:
                conditions = self._conditions(action, source.plan, path)
                yield from self._contribution(source, action, conditions, path)
            elif action["id"] == source.id:
                shared = self._conditions(action, source.plan, path)
                for child in action["action"]:
                    at = f"{path}.{child.get('id')}"
                    if "action" in child:
                        self.resolver.report(
                            source.plan, at, "a contribution holds no more actions"
                        )
                    own = self._conditions(child, source.plan, at)
                    yield from self._contribution(source, child, (*shared, *own), at)

    def _contribution(
        self,
        source: Source,
        action: dict[str, Any],
        conditions: tuple[Applicability, ...],
        path: str,
    ) -> Iterator[Contribution]:
        card = self._card_of(action, source.plan, path)
        if not conditions:
            self.resolver.report(source.plan, path, "has no condition: it would always apply")
        if "textEquivalent" not in action:
            self.resolver.report(source.plan, path, "needs textEquivalent, the reason in words")
        yields_to = ext.value(action, "yields-to")
        if yields_to is not None and yields_to not in PRESSING:
            self.resolver.report(source.plan, path, f"yields-to is one of: {', '.join(PRESSING)}")
        if card is None or "textEquivalent" not in action:
            return
        yield Contribution(
            source=source,
            id=action["id"],
            card=card,
            rank=ext.value(action, "contribution-rank", LAST),
            advice=action.get("requiredBehavior") == ADVICE,
            summary=action.get("title"),
            reason=action["textEquivalent"],
            considering=action.get("description"),
            priority=action.get("priority", "routine"),
            overrides=self._overrides(action, source.plan, path),
            documentation=tuple(action.get("documentation", ())),
            conditions=conditions,
            do_now=ext.value(action, "do-now", ""),
            think_of=ext.value(action, "think-of", ""),
            not_reported=tuple(_leaf(text) for text in ext.values(action, "not-reported")),
            counted=not ext.value(action, "not-counted", False),
            sheet=_sheet_line(ext.value(action, "sheet-line")),
            yields_to=yields_to,
        )


def _leaf(text: str) -> InputRef:
    link_id, _, code = text.partition(":")
    return link_id, code


def _sheet_line(extension: Mapping[str, Any] | None) -> SheetLine | None:
    if extension is None:
        return None
    parts = ext.parts(extension)
    return SheetLine(
        parts["block"], parts.get("key", ""), parts.get("of", ""), parts.get("topic", "")
    )


def _rank(contribution: Contribution) -> tuple[int, int]:
    return contribution.rank, contribution.source.order
