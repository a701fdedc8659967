"""The product: ``evaluate(content, facts, now)``, a pure function.

It asks the contributions of every cause and flag that something in the call touches, merges them
into cards, places the cards in the strategy's order and says what was left out and why. Cards,
``explain``, audit and review all read the one ``Evaluation`` (decision:
``docs/decisions/cards-merged-by-canonical.md``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from cds_service.content.model import PRESSING, Content, Note
from cds_service.decision.conditions import Answer, ConditionEvaluator, answer_of
from cds_service.decision.facts import Facts
from cds_service.decision.placing import place_cards
from cds_service.decision.visibility import ALL_VISIBLE, NO_SELECTION, Selection, Visibility
from cds_service.decision.wanted_cards import WantedCard, placeable, wanted_cards, yielding
from cds_service.fhirpath import FhirPathError

__all__ = [
    "Answer",
    "ConditionEvaluator",
    "Evaluation",
    "WantedCard",
    "answer_of",
    "evaluate",
    "finish",
    "suppress",
]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result of one evaluation.

    ``shown`` and ``deferred`` are in order; ``held`` were asked for and held back by the card's own
    conditions; ``suppressed`` were settled earlier (clinical specification 1.5). ``closed`` are the
    texts of the groups that deferred a card. ``errors`` maps a condition's text to what went wrong.
    ``silent`` holds what would have been shown without silent mode, with the sources that are not
    shown, ``silent_errors`` the errors of silent rules, and ``with_silent`` the evaluation in which
    they take part.
    """

    evaluator: ConditionEvaluator
    moments: tuple[str, ...] = ()
    shown: tuple[WantedCard, ...] = ()
    deferred: tuple[WantedCard, ...] = ()
    held: tuple[WantedCard, ...] = ()
    suppressed: tuple[WantedCard, ...] = ()
    notes: tuple[Note, ...] = ()
    closed: tuple[str, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)
    visibility: Visibility = ALL_VISIBLE
    silent: tuple[WantedCard, ...] = ()
    silent_errors: Mapping[str, str] = field(default_factory=dict)
    with_silent: Evaluation | None = None

    @property
    def content(self) -> Content:
        """The content that was evaluated."""
        return self.evaluator.content

    @property
    def facts(self) -> Facts:
        """The facts of the call."""
        return self.evaluator.facts

    @property
    def now(self) -> datetime:
        """The time of the call, aware."""
        return self.evaluator.now

    @property
    def hidden(self) -> tuple[str, ...]:
        """Clinical ids of the emergency flags that hold for this person and are not shown."""
        return self.evaluator.hidden.true

    @property
    def rules(self) -> dict[str, Answer]:
        """Clinical id -> answer of its rule, in the sources' order."""
        return {s.id: self.evaluator.rule(s.rule) for s in self.content.sources if s.rule}


def evaluate(
    content: Content, facts: Facts, now: datetime, hook: str, excluded: Selection = NO_SELECTION
) -> Evaluation:
    """Evaluates the content's strategy for a hook; ``now`` is aware. Sources and cards of
    ``excluded`` are as if they were not in the content.

    A rule that fails is recorded in ``errors`` and the strategy's card for a failed rule is shown,
    so that an error is never an empty card list. Raises FhirPathError when the conditions that
    decide whether there is anything to say at all cannot be evaluated.
    """
    return finish(ConditionEvaluator(content, facts, now, excluded, facts.present()), hook)


def finish(evaluator: ConditionEvaluator, hook: str) -> Evaluation:
    """Works out moments, notes and cards; the evaluator may know some answers already. Raises as
    ``evaluate`` does."""
    candidates = [m for m in evaluator.content.strategy.moments if hook in m.hooks]
    moments = [m for m in candidates if evaluator.all_hold(m.conditions) is Answer.YES]
    if evaluator.errors:
        raise FhirPathError("the strategy's own conditions could not be evaluated")
    notes = tuple(
        note
        for moment in moments
        for note in moment.notes
        if evaluator.all_hold(note.conditions) is Answer.YES
    )
    least = min((m.hooks[hook] for m in moments), key=PRESSING.index, default="routine")
    asked_for = list(wanted_cards(evaluator, moments))
    wanted = {
        plan_id: card
        for plan_id, card, held in asked_for
        if not held and PRESSING.index(card.priority) >= PRESSING.index(least)
    }
    placed = place_cards(evaluator, moments, dict(yielding(wanted)))
    failed = evaluator.content.strategy.failed
    if evaluator.errors and failed in placeable(moments):
        # Any condition may have failed, of a rule or of a place: only now is that known.
        card = evaluator.content.cards[failed]
        wanted[failed] = WantedCard(card, (), (), card.priority)
        placed = place_cards(evaluator, moments, dict(yielding(wanted)))
    return Evaluation(
        evaluator,
        moments=tuple(moment.id for moment in moments),
        shown=placed.shown,
        deferred=placed.deferred,
        held=tuple(card for _, card, held in asked_for if held),
        notes=notes,
        closed=placed.closed,
        errors=evaluator.errors,
    )


def suppress(
    evaluation: Evaluation, unsettled: Mapping[WantedCard, WantedCard | None]
) -> Evaluation:
    """The evaluation with settled cards moved from shown to suppressed. ``unsettled`` maps a card
    to what is left of it, None for a card that is settled; others stay as they are."""
    left = {w: unsettled.get(w, w) for w in evaluation.shown}
    return replace(
        evaluation,
        shown=tuple(one for one in left.values() if one is not None),
        suppressed=tuple(w for w, one in left.items() if one is None),
    )
