"""An evaluation in which something is switched off or silent. Pure.

Silent parts are evaluated for themselves, beside what is shown: whether they are right or wrong, or
fail, the cards are the same as without them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from cds_service.content.model import Content
from cds_service.decision.evaluate import Evaluation, WantedCard, begin, evaluate
from cds_service.decision.facts import Facts
from cds_service.decision.visibility import Muted, Selection
from cds_service.fhirpath import FhirPathError


def evaluate_muted(
    content: Content, facts: Facts, now: datetime, asked: tuple[str, str], muted: Muted
) -> Evaluation:
    """Evaluates a service for a call; ``asked`` is its id and its hook. Raises as ``evaluate``.

    A service that is switched off is not evaluated and shows nothing; a silent one is, and shows
    nothing.
    """
    service_id, hook = asked
    off, silent = muted.off, muted.silent
    if service_id in off.services:
        found = begin(content, facts, now, off)
    elif service_id in silent.services:
        found = evaluate(content, facts, now, hook, off)
        found.silent, found.shown, found.deferred = found.shown, [], []
        found.silent_errors, found.errors = found.errors, {}
    else:
        found = evaluate(content, facts, now, hook, off | silent)
        if silent.sources or silent.cards:
            _add_silent(found, hook, off, silent)
    found.muted = muted
    return found


def _add_silent(found: Evaluation, hook: str, off: Selection, silent: Selection) -> None:
    """Evaluates once more, with the silent parts, for the record."""
    try:
        would = evaluate(found.content, found.facts, found.now, hook, off)
    except FhirPathError as error:
        found.silent_errors = {"strategy": error.message}
        return
    found.would = would
    found.silent = list(_unheard(would, found, silent))
    found.silent_errors = {k: v for k, v in would.errors.items() if k not in found.errors}


def _unheard(would: Evaluation, found: Evaluation, silent: Selection) -> Iterator[WantedCard]:
    """What would have been shown because of silent parts: whole cards, or, of a card that is shown
    all the same, the reasons that are missing from it."""
    shown = {wanted.card.id for wanted in found.shown}
    for wanted in would.shown:
        missing = tuple(r for r in wanted.reasons if r.source.id in silent.sources)
        if wanted.card.id in shown:
            if missing:
                yield replace(wanted, reasons=missing)
        elif missing or wanted.card.id in silent.cards:
            yield wanted
