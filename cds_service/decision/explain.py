"""One evaluation told in full: why each card, why not the others (``cds-service explain``).

The trace holds answers and chart entries of a person: it is for the one who sent the request, and
is never logged or stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cds_service.content.model import Applicability, Contribution
from cds_service.decision.evaluate import Evaluation, WantedCard
from cds_service.fhirpath import FhirPathError, to_json

SWITCHED_OFF = "switched off"


def explain(found: Evaluation) -> dict[str, Any]:
    """``rules`` maps clinical ids to yes, no or unknown; ``cards``, ``deferred`` and ``held`` list
    card ids in order (held = wanted, but held back by the card's own conditions); ``silent`` lists
    what would have been shown; the rest is the trace."""
    return {
        "content": found.content.version,
        "now": found.now.isoformat(),
        "rules": _rules(found),
        "cards": [wanted.card.id for wanted in found.shown],
        "deferred": [wanted.card.id for wanted in found.deferred],
        "held": [wanted.card.id for wanted in found.held],
        "suppressed": [wanted.card.id for wanted in found.suppressed],
        "silent": [
            {"card": w.card.id, "sources": [r.source.id for r in w.reasons]} for w in found.silent
        ],
        "switchedOff": list(found.muted.off_names),
        "moments": found.moments,
        "notes": [note.id for note in found.notes],
        "contributions": [
            _contribution(found, contribution)
            for contributions in found.content.contributions.values()
            for contribution in contributions
        ],
        "cardConditions": {
            card.id: _conditions(found, card.conditions)
            for card in found.content.cards.values()
            if card.conditions
        },
        "shown": [_shown(wanted) for wanted in found.shown],
        "facts": _facts(found),
        "answers": _answers(found),
        "chart": _chart(found),
        "errors": {**found.silent_errors, **found.errors},
    }


def _rules(found: Evaluation) -> dict[str, str]:
    """Silent rules have the answer they would give; those that are switched off have none."""
    off, answers = found.muted.off.sources, (found.would or found).rules
    return {r: SWITCHED_OFF if r in off else str(answer) for r, answer in answers.items()}


def _contribution(found: Evaluation, contribution: Contribution) -> dict[str, Any]:
    return {
        "source": contribution.source.id,
        "card": found.content.cards[contribution.card].id,
        "action": contribution.id,
        "applies": _applies(found, contribution),
        "onlyAdvice": contribution.advice,
        "conditions": _conditions(found, contribution.conditions),
    }


def _applies(found: Evaluation, contribution: Contribution) -> str:
    off = found.muted.off
    card = found.content.cards[contribution.card].id
    if contribution.source.id in off.sources or card in off.cards:
        return SWITCHED_OFF
    return str((found.would or found).all_hold(contribution.conditions))


def _conditions(found: Evaluation, conditions: tuple[Applicability, ...]) -> list[dict[str, str]]:
    return [
        {
            "description": condition.description,
            "expression": condition.expression.text,
            "answer": str((found.would or found).ask(condition)),
        }
        for condition in conditions
    ]


def _shown(wanted: WantedCard) -> dict[str, Any]:
    return {
        "card": wanted.card.id,
        "summary": wanted.summary,
        "priority": wanted.priority,
        "reasons": [reason.source.id for reason in wanted.reasons],
        "suggestions": [suggestion.label for suggestion in wanted.suggestions],
    }


def _facts(found: Evaluation) -> dict[str, Any]:
    """Named expressions that answer a single value; lists of chart entries are under ``chart``."""
    values: dict[str, Any] = {"age": found.facts.variables["age"]}
    for name in found.content.names:
        try:
            value = to_json(found.bindings[name])
        except FhirPathError as error:
            values[name] = {"error": error.message}
            continue
        if not any(isinstance(item, Mapping) and "resourceType" in item for item in value):
            values[name] = value[0] if len(value) == 1 else value or None
    return values


def _answers(found: Evaluation) -> dict[str, Any]:
    sheet = found.facts.answers
    return {
        "usable": found.facts.response is not None,
        "expired": found.facts.expired is not None,
        "authored": sheet.authored.isoformat() if sheet.authored else None,
        "view": sheet.view,
        "unanswered": sorted(sheet.unanswered),
        "unusable": list(sheet.unusable),
        "stale": sorted(sheet.stale),
    }


def _chart(found: Evaluation) -> dict[str, Any]:
    return {
        "notAvailable": dict(found.facts.unavailable),
        "incomplete": sorted(found.facts.incomplete),
        "unusable": dict(found.facts.unusable),
        "entries": {
            name: [
                {
                    "resource": f"{e.resource['resourceType']}/{e.resource.get('id')}",
                    "code": "|".join(e.coding),
                    "when": e.when.text if e.when else None,
                }
                for e in entries
            ]
            for name, entries in sorted(found.facts.entries.items())
        },
    }
