"""Reads what all plan actions have: conditions, reasons to decline, the card they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cds_service.content import extensions as ext
from cds_service.content.model import Applicability, Resource, clinical_id
from cds_service.content.resolver import Resolver


class ActionReader:
    """Turns plan actions into parts of the model, reporting findings through the resolver."""

    def __init__(
        self,
        resolver: Resolver,
        plans: Sequence[Resource],
        override_reasons: Mapping[str, dict[str, str]],
    ) -> None:
        self.resolver = resolver
        self.override_reasons = override_reasons
        by_type: dict[str, list[Resource]] = {}
        for plan in plans:
            by_type.setdefault(plan["type"]["coding"][0]["code"], []).append(plan)
        strategies = by_type.get("workflow-definition", [])
        self.strategy_plan = strategies[0] if len(strategies) == 1 else None
        self.card_plans = [p for p in plans if "/cards/" in resolver.content_files.files[p["url"]]]
        self.card_ids = {p["id"] for p in self.card_plans}

    def _card_of(self, action: dict[str, Any], plan: Resource, path: str) -> str | None:
        canonical = action.get("definitionCanonical")
        if canonical is None:
            self.resolver.report(plan, path, "needs definitionCanonical, the card it asks for")
            return None
        target = self.resolver.resolve(canonical, plan, path)
        if target is None:
            return None
        if target["id"] not in self.card_ids:
            self.resolver.report(plan, path, f"{canonical} is not a card plan")
            return None
        return str(target["id"])

    def _conditions(
        self, action: Mapping[str, Any], plan: Resource, path: str
    ) -> tuple[Applicability, ...]:
        found = []
        for number, node in enumerate(action.get("condition", ())):
            expression, at = node.get("expression", {}), f"{path}.condition[{number}]"
            if node.get("kind") != "applicability":
                self.resolver.report(plan, at, "only kind applicability has a meaning here")
            if not expression.get("description"):
                self.resolver.report(plan, at, "needs a description in plain English")
            if expression.get("language") != ext.FHIRPATH:
                self.resolver.report(plan, at, f"language must be {ext.FHIRPATH}")
            compiled = self.resolver.compile(expression.get("expression", ""), plan, at)
            if compiled is not None:
                found.append(Applicability(expression.get("description", ""), compiled))
        return tuple(found)

    def _overrides(self, action: dict[str, Any], plan: Resource, path: str) -> tuple[str, ...]:
        codes = tuple(ext.values(action, "override-reason"))
        for code in codes:
            if code not in self.override_reasons:
                self.resolver.report(plan, path, f"{code!r} is not in the override-reasons codes")
        return codes


def plan_sources(plan: Resource) -> Iterator[tuple[str, str, Resource]]:
    """Id, title and element of what asks for cards in a plan: the cause, or each parent action (a
    flag)."""
    parents = [a for a in plan.get("action", ()) if "action" in a]
    if parents:
        yield from ((a["id"], a.get("title", a["id"]), a) for a in parents)
    elif plan:
        yield clinical_id(plan), plan["title"], plan
