"""One evaluation told in full: why each card, why not the others (``cds-service explain``).

The trace holds answers and chart entries of a person: it is for the one who sent the request, and
is never logged or stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cds_service.content.codes import normalise
from cds_service.content.model import Applicability, Contribution, View
from cds_service.decision.evaluate import Evaluation, WantedCard
from cds_service.decision.unread import Unread
from cds_service.fhirpath import FhirPathError, to_json

SWITCHED_OFF = "switched off"


def explain(evaluation: Evaluation) -> dict[str, Any]:
    """``rules`` maps clinical ids to yes, no or unknown; ``cards``, ``deferred`` and ``held`` list
    card ids in order (held = wanted, but held back by the card's own conditions); ``silent`` lists
    what would have been shown, ``hiddenChecks`` the emergency flags that hold without being shown;
    the rest is the trace."""
    return {
        "content": evaluation.content.version,
        "now": evaluation.now.isoformat(),
        "rules": _rules(evaluation),
        "cards": [wanted.card.id for wanted in evaluation.shown],
        "deferred": [wanted.card.id for wanted in evaluation.deferred],
        "held": [wanted.card.id for wanted in evaluation.held],
        "suppressed": [wanted.card.id for wanted in evaluation.suppressed],
        "silent": [
            {"card": w.card.id, "sources": [r.source.id for r in w.reasons]}
            for w in evaluation.silent
        ],
        "switchedOff": list(evaluation.visibility.off_names),
        "hiddenChecks": list(evaluation.hidden),
        "moments": evaluation.moments,
        "notes": [note.id for note in evaluation.notes],
        "contributions": [
            _contribution(evaluation, contribution)
            for contributions in evaluation.content.contributions.values()
            for contribution in contributions
        ],
        "cardConditions": {
            card.id: _conditions(evaluation, card.conditions)
            for card in evaluation.content.cards.values()
            if card.conditions
        },
        "shown": [_shown(wanted) for wanted in evaluation.shown],
        "facts": _facts(evaluation),
        "answers": _answers(evaluation),
        "chart": _chart(evaluation),
        "errors": {**evaluation.silent_errors, **evaluation.errors},
    }


def _rules(evaluation: Evaluation) -> dict[str, str]:
    """Silent rules have the answer they would give; those that are switched off have none."""
    off, answers = evaluation.visibility.off.sources, (evaluation.with_silent or evaluation).rules
    return {r: SWITCHED_OFF if r in off else str(answer) for r, answer in answers.items()}


def _contribution(evaluation: Evaluation, contribution: Contribution) -> dict[str, Any]:
    return {
        "source": contribution.source.id,
        "card": evaluation.content.cards[contribution.card].id,
        "action": contribution.id,
        "applies": _applies(evaluation, contribution),
        "onlyAdvice": contribution.advice,
        "conditions": _conditions(evaluation, contribution.conditions),
    }


def _applies(evaluation: Evaluation, contribution: Contribution) -> str:
    off = evaluation.visibility.off
    card = evaluation.content.cards[contribution.card].id
    if contribution.source.id in off.sources or card in off.cards:
        return SWITCHED_OFF
    return str((evaluation.with_silent or evaluation).evaluator.all_hold(contribution.conditions))


def _conditions(
    evaluation: Evaluation, conditions: tuple[Applicability, ...]
) -> list[dict[str, str]]:
    return [
        {
            "description": condition.description,
            "expression": condition.expression.text,
            "answer": str((evaluation.with_silent or evaluation).evaluator.answer(condition)),
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


def _facts(evaluation: Evaluation) -> dict[str, Any]:
    """Named expressions that answer a single value; lists of chart entries are under ``chart``."""
    values: dict[str, Any] = {"age": evaluation.facts.variables["age"]}
    for name in evaluation.content.names:
        try:
            value = to_json(evaluation.evaluator.bindings[name])
        except FhirPathError as error:
            values[name] = {"error": error.message}
            continue
        if not any(isinstance(item, Mapping) and "resourceType" in item for item in value):
            values[name] = value[0] if len(value) == 1 else value or None
    return values


def _answers(evaluation: Evaluation) -> dict[str, Any]:
    sheet = evaluation.facts.answers
    return {
        "usable": evaluation.facts.response is not None,
        "expired": evaluation.facts.expired is not None,
        "authored": sheet.authored.isoformat() if sheet.authored else None,
        "view": sheet.view,
        "unanswered": sorted(sheet.unanswered),
        "unusable": list(sheet.unusable),
        "stale": sorted(sheet.stale),
        "views": {name: _view(evaluation, view) for name, view in _others(evaluation)},
    }


def _others(evaluation: Evaluation) -> Iterator[tuple[str, View]]:
    """The views beside that of the needed form."""
    return ((name, v) for name, v in evaluation.content.views.items() if v.prefix)


def _view(evaluation: Evaluation, view: View) -> dict[str, Any]:
    """The response in use of one view, and why others are not."""
    facts, sheet = evaluation.facts, evaluation.facts.others.get(view.name)
    authored = sheet.authored if sheet else None
    told = {
        "form": view.form.url,
        "usable": sheet is not None,
        "authored": authored.isoformat() if authored else None,
        "view": sheet.view if sheet else {},
        "unanswered": sorted(sheet.unanswered) if sheet else [],
        "stale": sorted(sheet.stale) if sheet else [],
    }
    refused = facts.variables.get(view.inputs[-1]) if not view.is_derived else ()
    return {**told, "notUsed": list(refused or ())}


def _chart(evaluation: Evaluation) -> dict[str, Any]:
    site_codes = evaluation.content.site_codes.values()
    mapped = {normalise(*code) for codes in site_codes for code in codes}
    return {
        "notAvailable": dict(evaluation.facts.unavailable),
        "incomplete": sorted(evaluation.facts.incomplete),
        "unusable": dict(evaluation.facts.unusable),
        "notUnderstood": [_unread(one) for one in evaluation.facts.unread],
        "entries": {
            name: [
                {
                    "resource": f"{e.resource['resourceType']}/{e.resource.get('id')}",
                    "code": "|".join(e.coding),
                    "when": e.when.text if e.when else None,
                    **({"matchedBy": "site map"} if e.coding in mapped else {}),
                }
                for e in entries
            ]
            for name, entries in sorted(evaluation.facts.entries.items())
        },
    }


def _unread(one: Unread) -> dict[str, Any]:
    return {
        "resource": one.reference or one.type,
        "why": str(one.why),
        "valueSet": one.value_set,
        "when": one.when.text if one.when else None,
    }
