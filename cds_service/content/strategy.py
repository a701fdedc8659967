"""Reads the strategy: moments, groups, the order of cards, and the words of every card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cds_service.content import extensions as ext
from cds_service.content.actions import ActionReader, plan_sources
from cds_service.content.model import (
    Finding,
    Fragment,
    Group,
    Moment,
    Note,
    Placement,
    Resource,
    Strategy,
)

NEEDED = ("card-cap", "card-for-failed-rule", "repeat-window", "order-window")


class StrategyReader(ActionReader):
    """Reads the one plan of type workflow-definition."""

    def strategy(self) -> Strategy | None:
        """The one workflow-definition, or None with a finding."""
        plan = self.strategy_plan
        if plan is None:
            message = "needs exactly one PlanDefinition of type workflow-definition"
            self.resolver.findings.append(Finding("plan_definitions", "", message))
            return None
        for name in NEEDED:
            if ext.value(plan, name) is None:
                self.resolver.report(plan, f"extension {name}", "the strategy needs it")
        cap = ext.parts(ext.value(plan, "card-cap", {}))
        failed = ext.value(plan, "card-for-failed-rule")
        for canonical in (cap.get("reservedFor"), failed):
            if canonical:
                self.resolver.resolve(canonical, plan, "extension")
        return Strategy(
            plan=plan,
            moments=tuple(self._moment(a, plan) for a in plan.get("action", ())),
            cap=cap.get("maximum", 1),
            reserved=_tail(cap.get("reservedFor")),
            failed=_tail(failed),
            repeat_days=_days(ext.value(plan, "repeat-window")),
            order_days=_days(ext.value(plan, "order-window")),
            wording={
                p["code"]: p["text"]
                for p in (ext.parts(e) for e in ext.values(plan, "card-wording"))
            },
            fragments=tuple(self._fragment(e, plan) for e in ext.values(plan, "card-fragment")),
            chart_parts=dict(_pairs(plan, "chart-part", "type")),
            results=dict(_pairs(plan, "result-word", "valueSet")),
        )

    def _fragment(self, extension: Mapping[str, Any], plan: Resource) -> Fragment:
        parts = ext.parts(extension)
        node = {"condition": [{"kind": "applicability", "expression": parts["when"]}]}
        path = f"card-fragment {parts['code']}"
        return Fragment(parts["code"], parts["text"], self._conditions(node, plan, path))

    def _moment(self, action: dict[str, Any], plan: Resource) -> Moment:
        path = f"action {action.get('id')}"
        hooks: dict[str, Any] = {
            t["name"]: ext.value(t, "least-priority", "routine")
            for t in action.get("trigger", ())
            if t["type"] == "named-event"
        }
        if not hooks:
            self.resolver.report(plan, path, "needs a named-event trigger: the hook it answers")
        nested = action.get("action", ())
        groups = [g for g in nested if self._holds_cards(g)]
        for group in (g for g in nested if g not in groups):
            for listed in filter(_is_plan, group.get("action", ())):
                self.resolver.resolve(listed["definitionCanonical"], plan, path)
        notes = [n for g in nested for n in g.get("action", ()) if "definitionCanonical" not in n]
        return Moment(
            id=action["id"],
            hooks=hooks,
            conditions=self._conditions(action, plan, path),
            groups=tuple(self._group(g, plan, path) for g in groups),
            notes=tuple(
                Note(
                    n["id"],
                    n["textEquivalent"],
                    self._conditions(n, plan, f"{path}.{n['id']}"),
                    part=ext.value(n, "note-part", "still-open"),
                    only_first=ext.value(n, "first-card-only", False),
                )
                for n in notes
            ),
            speaking=self._speaking(action, plan, groups),
        )

    def _speaking(
        self, moment: dict[str, Any], plan: Resource, groups: list[dict[str, Any]]
    ) -> frozenset[str] | None:
        """Ids of the sources that a moment marked ``only-listed-causes`` lists; None: all speak."""
        if not ext.value(moment, "only-listed-causes", False):
            return None
        found: set[str] = set()
        for listed in (a for g in moment["action"] if g not in groups for a in g.get("action", ())):
            named = self.resolver.content_files.resources.get(listed.get("definitionCanonical", ""))
            known = {identifier for identifier, _, _ in plan_sources(named or {})}
            only = set(ext.values(listed, "listed-source"))
            for unknown in sorted(only - known):
                path = f"action {listed.get('id')}"
                self.resolver.report(plan, path, f"{unknown!r} is no source of the plan it lists")
            found |= only or known
        return frozenset(found)

    def _holds_cards(self, group: dict[str, Any]) -> bool:
        """A group of cards; the others list causes (in evaluation order) or notes."""
        plans = [a["definitionCanonical"] for a in group.get("action", ()) if _is_plan(a)]
        known = [self.resolver.content_files.resources.get(c) for c in plans]
        return bool(plans) and not any(r and r["id"] not in self.card_ids for r in known)

    def _group(self, group: dict[str, Any], plan: Resource, path: str) -> Group:
        at = f"{path}.{group.get('id')}"
        placements = []
        for action in group.get("action", ()):
            card = self._card_of(action, plan, f"{at}.{action.get('id')}")
            if card:
                own = self._conditions(action, plan, f"{at}.{action.get('id')}")
                placements.append(
                    Placement(card, own, ext.value(action, "least-priority", "routine"))
                )
        conditions = self._conditions(group, plan, at)
        by_priority = ext.value(group, "by-priority", False)
        text = group.get("textEquivalent")
        return Group(group["id"], text, conditions, tuple(placements), by_priority)


def _pairs(plan: Resource, url: str, key: str) -> Iterator[tuple[str, str]]:
    for parts in (ext.parts(e) for e in ext.values(plan, url)):
        yield parts[key], parts["text"]


def _tail(canonical: str | None) -> str | None:
    return canonical.rpartition("/")[2] if canonical else None


def _days(duration: Mapping[str, Any] | None) -> int:
    return int(ext.hours(duration) // 24) if duration else 0


def _is_plan(action: dict[str, Any]) -> bool:
    return "definitionCanonical" in action
