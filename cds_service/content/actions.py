"""Reads plan actions: contributions of causes and flags, cards with suggestions, the strategy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cds_service.content import extensions as ext
from cds_service.content.model import (
    PRESSING,
    Applicability,
    Card,
    CardStyle,
    Contribution,
    Due,
    Finding,
    Fragment,
    Group,
    InputRef,
    Moment,
    Note,
    Placement,
    Resource,
    SheetLine,
    Source,
    Strategy,
    Suggestion,
    clinical_id,
)
from cds_service.content.orders import DUE_AFTER, due_of, order_key, order_template
from cds_service.content.resolver import Resolver

LAST = 10_000  # rank of a contribution that states none
ADVICE = "could"  # requiredBehavior of a contribution that only adds a line
NEEDED = ("card-cap", "card-for-failed-rule", "repeat-window", "order-window")  # of the strategy


class ActionReader:
    """Turns the actions of all plans into the model, reporting through the resolver."""

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

    # -- contributions ---------------------------------------------------------------

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

    # -- cards -----------------------------------------------------------------------

    def cards(self) -> dict[str, Card]:
        """Card plan id -> card."""
        return {plan["id"]: self._card(plan) for plan in self.card_plans if self._is_card(plan)}

    def _is_card(self, plan: Resource) -> bool:
        actions = plan.get("action", ())
        complete = len(actions) == 1 and all(k in actions[0] for k in ("title", "code"))
        if not complete:
            self.resolver.report(plan, "action", "a card plan has one action with title and code")
        return complete

    def _card(self, plan: Resource) -> Card:
        action = plan["action"][0]
        return Card(
            id=clinical_id(plan),
            plan=plan,
            title=plan["title"],
            summary=action["title"],
            opening=action.get("description", ""),
            topic=action["code"][0]["coding"][0],
            priority=action.get("priority", "routine"),
            overrides=self._overrides(action, plan, "action"),
            documentation=tuple(action.get("documentation", ())),
            conditions=self._conditions(action, plan, "action"),
            suggestions=tuple(
                s
                for nested in action.get("action", ())
                if (s := self._suggestion(nested, action, plan))
            ),
            selection_behavior=action.get("selectionBehavior", "any"),
            never_suppressed=ext.value(plan, "never-suppressed", False),
            style=_style(ext.value(plan, "card-style")),
        )

    def _suggestion(
        self, nested: dict[str, Any], card: dict[str, Any], plan: Resource
    ) -> Suggestion | None:
        path = f"action {nested.get('id')}"
        canonical = nested.get("definitionCanonical")
        target = self.resolver.resolve(canonical, plan, path) if canonical else None
        if canonical and target is None:
            return None
        activity = target if target and target["resourceType"] == "ActivityDefinition" else None
        form = target if target and target["resourceType"] == "Questionnaire" else None
        if target and not (activity or form):
            self.resolver.report(plan, path, "a suggestion is an ActivityDefinition or a form")
        return Suggestion(
            id=nested["id"],
            label=nested["title"],
            description=nested.get("description", nested["title"]),
            recommended=nested.get("precheckBehavior") == "yes",
            conditions=self._conditions(nested, plan, path),
            order=order_template(activity, plan, card) if activity else None,
            order_key=order_key(activity) if activity else None,
            activity=f"{activity['url']}|{activity['version']}" if activity else None,
            form=form["url"] if form else None,
            is_exam=bool(activity and ext.value(activity, "is-exam", False)),
            instead=ext.value(nested, "instead-of-do-now", ""),
            due=self._due(activity) if activity else None,
        )

    def _due(self, activity: Resource) -> Due | None:
        if activity["kind"] == "Task":
            return due_of(activity)
        if ext.value(activity, DUE_AFTER) is not None:
            self.resolver.report(activity, DUE_AFTER, "only a Task has a time when it is due")
        return None

    # -- strategy --------------------------------------------------------------------

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

    # -- shared ----------------------------------------------------------------------

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


def _leaf(text: str) -> InputRef:
    link_id, _, code = text.partition(":")
    return link_id, code


def _pairs(plan: Resource, url: str, key: str) -> Iterator[tuple[str, str]]:
    for parts in (ext.parts(e) for e in ext.values(plan, url)):
        yield parts[key], parts["text"]


STYLE = {
    "isGeneric": "is_generic",
    "counts": "counts",
    "isPrivate": "is_private",
    "also": "also",
    "everyVariant": "every_variant",
    "stillOpen": "still_open",
    "namesEmergencies": "names_emergencies",
    "fullWords": "full_words",
    "shorten": "shorten",
    "words": "words",
    "reasons": "reasons",
    "facts": "facts",
    "moreFacts": "more_facts",
}


def _style(extension: Mapping[str, Any] | None) -> CardStyle:
    parts = ext.parts(extension or {})
    return CardStyle(**{STYLE[name]: value for name, value in parts.items()})


def _sheet_line(extension: Mapping[str, Any] | None) -> SheetLine | None:
    if extension is None:
        return None
    parts = ext.parts(extension)
    return SheetLine(
        parts["block"], parts.get("key", ""), parts.get("of", ""), parts.get("topic", "")
    )


def _rank(contribution: Contribution) -> tuple[int, int]:
    return contribution.rank, contribution.source.order


def _tail(canonical: str | None) -> str | None:
    return canonical.rpartition("/")[2] if canonical else None


def _days(duration: Mapping[str, Any] | None) -> int:
    return int(ext.hours(duration) // 24) if duration else 0


def _is_plan(action: dict[str, Any]) -> bool:
    return "definitionCanonical" in action
