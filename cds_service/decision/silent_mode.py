"""An evaluation in which something is switched off or silent. Pure.

Silent parts are evaluated for themselves, beside what is shown: whether they are right or wrong, or
fail, the cards are the same as without them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from cds_service.content.model import Content
from cds_service.decision.evaluate import ConditionEvaluator, Evaluation, WantedCard, evaluate
from cds_service.decision.facts import Facts
from cds_service.decision.visibility import Selection, Visibility
from cds_service.fhirpath import FhirPathError


def evaluate_service(
    content: Content, facts: Facts, now: datetime, asked: tuple[str, str], visibility: Visibility
) -> Evaluation:
    """Evaluates a service for a call; ``asked`` is its id and its hook. Raises as ``evaluate``.

    A service that is switched off is not evaluated and shows nothing; a silent one is, and shows
    nothing.
    """
    service_id, hook = asked
    off, silent = visibility.off, visibility.silent
    if service_id in off.services:
        evaluation = Evaluation(ConditionEvaluator(content, facts, now, off))
    elif service_id in silent.services:
        evaluation = evaluate(content, facts, now, hook, off)
        evaluation = replace(
            evaluation,
            silent=evaluation.shown,
            shown=(),
            deferred=(),
            silent_errors=evaluation.errors,
            errors={},
        )
    else:
        evaluation = evaluate(content, facts, now, hook, off | silent)
        if silent.sources or silent.cards:
            evaluation = _add_silent(evaluation, hook, visibility)
    return replace(evaluation, visibility=visibility)


def _add_silent(evaluation: Evaluation, hook: str, visibility: Visibility) -> Evaluation:
    """Evaluates once more, with the silent parts, for the record."""
    try:
        with_silent = evaluate(
            evaluation.content, evaluation.facts, evaluation.now, hook, visibility.off
        )
    except FhirPathError as error:
        return replace(evaluation, silent_errors={"strategy": error.message})
    errors = {k: v for k, v in with_silent.errors.items() if k not in evaluation.errors}
    return replace(
        evaluation,
        with_silent=with_silent,
        silent=tuple(_silent_cards(with_silent, evaluation, visibility.silent)),
        silent_errors=errors,
    )


def _silent_cards(
    with_silent: Evaluation, evaluation: Evaluation, silent: Selection
) -> Iterator[WantedCard]:
    """Returns what would have been shown because of silent parts: whole cards, or, of a card that
    is shown all the same, the reasons that are missing from it."""
    shown = {wanted.card.id for wanted in evaluation.shown}
    for wanted in with_silent.shown:
        missing = tuple(r for r in wanted.reasons if r.source.id in silent.sources)
        if wanted.card.id in shown:
            if missing:
                yield replace(wanted, reasons=missing)
        elif missing or wanted.card.id in silent.cards:
            yield wanted
