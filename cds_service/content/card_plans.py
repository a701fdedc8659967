"""Reads card plans: their words, conditions and suggestions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cds_service.content import extensions as ext
from cds_service.content.actions import ActionReader
from cds_service.content.model import Card, CardStyle, Due, Resource, Suggestion, clinical_id
from cds_service.content.orders import DUE_AFTER, due_of, order_key, order_template


class CardReader(ActionReader):
    """Reads the one action of each card plan, and the suggestions below it."""

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
