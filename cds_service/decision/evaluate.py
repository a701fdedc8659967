"""The product: ``evaluate(content, facts, now)``, a pure function.

It asks the contributions of every cause and flag that something in the call touches, gathers them
into cards, places the cards in the strategy's order and says what was left out and why. Cards,
``explain``, audit and review all read the one ``Evaluation`` (decision:
``docs/decisions/cards-merged-by-canonical.md``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from cds_service.content.model import (
    PRESSING,
    Applicability,
    Card,
    Content,
    Contribution,
    Group,
    Leaf,
    Moment,
    Note,
    Priority,
    Suggestion,
)
from cds_service.decision.facts import Facts
from cds_service.decision.visibility import NOBODY, NOTHING, Muted, Selection, unspoken_rules
from cds_service.fhirpath import Bindings, FhirPathError


class Answer(StrEnum):
    """The three answers, and a rule that could not be asked."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class WantedCard:
    """A card somebody asked for. ``reasons`` holds one contribution per source, in rank order."""

    card: Card
    reasons: tuple[Contribution, ...]
    advice: tuple[Contribution, ...]
    priority: Priority
    suggestions: tuple[Suggestion, ...] = ()

    @property
    def summary(self) -> str:
        """The only source's own summary, else the card's."""
        if len(self.reasons) == 1 and self.reasons[0].summary:
            return self.reasons[0].summary
        return self.card.summary


@dataclass(slots=True)
class Evaluation:
    """What one evaluation found. ``shown`` and ``deferred`` are in order; ``held`` were wanted by
    somebody but held back by their own conditions. ``silent`` holds what would have been shown,
    with the sources that are not heard, and ``would`` the evaluation that says so."""

    content: Content
    facts: Facts
    now: datetime
    bindings: Bindings
    moments: list[str] = field(default_factory=list)
    shown: list[WantedCard] = field(default_factory=list)
    deferred: list[WantedCard] = field(default_factory=list)
    held: list[WantedCard] = field(default_factory=list)
    suppressed: list[WantedCard] = field(default_factory=list)  # settled before (desk)
    notes: list[Note] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)  # words of the groups that deferred a card
    errors: dict[str, str] = field(default_factory=dict)  # condition text -> what went wrong
    asked: dict[int, Answer] = field(default_factory=dict)  # id of an Applicability -> answer
    left_out: Selection = NOTHING
    muted: Muted = NOBODY
    silent: list[WantedCard] = field(default_factory=list)
    silent_errors: dict[str, str] = field(default_factory=dict)  # as errors, of silent rules
    would: Evaluation | None = None
    present: frozenset[Leaf] | None = None  # what can make a rule true; None: ask every rule
    _said: dict[str, Answer] = field(default_factory=dict)  # text of an expression -> answer

    @property
    def rules(self) -> dict[str, Answer]:
        """Clinical id -> answer of its rule, in the sources' order."""
        return {s.id: self.rule(s.rule) for s in self.content.sources if s.rule}

    def rule(self, name: str) -> Answer:
        """The answer of a named expression."""
        try:
            return three_valued(self.bindings[name])
        except FhirPathError as error:
            self.errors[f"%{name}"] = error.message
            return Answer.ERROR

    def ask(self, condition: Applicability) -> Answer:
        """The answer of one condition, asked once; an error is remembered and acts as unknown."""
        key = id(condition)
        if key not in self.asked:
            text = condition.expression.text  # many conditions say the same thing
            if text not in self._said:
                self._said[text] = self._ask(condition)
            self.asked[key] = self._said[text]
        return self.asked[key]

    def _ask(self, condition: Applicability) -> Answer:
        try:
            return three_valued(self.bindings.answer(condition.expression))
        except FhirPathError as error:
            self.errors[condition.expression.text] = error.message
            return Answer.ERROR

    def may_hold(self, conditions: Iterable[Applicability]) -> bool:
        """False when something that one of them needs is not there: then nobody has to ask."""
        if self.present is None:
            return True
        for condition in conditions:
            needed = condition.touched_by
            if needed is not None and needed.isdisjoint(self.present):
                return False
        return True

    def all_hold(self, conditions: Iterable[Applicability]) -> Answer:
        """AND of three-valued conditions: a no decides, then an error, then an unknown."""
        worst = Answer.YES
        for condition in conditions:
            answer = self.ask(condition)
            if answer is Answer.NO:
                return Answer.NO
            if answer is not Answer.YES and worst is not Answer.ERROR:
                worst = answer
        return worst


def evaluate(
    content: Content, facts: Facts, now: datetime, hook: str, left_out: Selection = NOTHING
) -> Evaluation:
    """Evaluates the content's strategy for a hook; ``now`` is aware. Sources and cards of
    ``left_out`` are as if they were not in the content.

    A rule that fails is recorded in ``errors`` and the strategy's card for a failed rule is shown,
    so that an error is never an empty card list. Raises FhirPathError when the conditions that
    decide whether there is anything to say at all cannot be evaluated.
    """
    return complete(begin(content, facts, now, left_out), hook)


def begin(content: Content, facts: Facts, now: datetime, left_out: Selection) -> Evaluation:
    """An evaluation in which nothing has been asked."""
    inputs = {**facts.variables, **unspoken_rules(content, left_out)}
    bindings = content.expressions.bind(inputs, now)
    present = facts.present()
    return Evaluation(content, facts, now, bindings, left_out=left_out, present=present)


def complete(found: Evaluation, hook: str) -> Evaluation:
    """Works out moments, notes and cards of an evaluation that may know some answers already."""
    candidates = [m for m in found.content.strategy.moments if hook in m.hooks]
    moments = [m for m in candidates if found.all_hold(m.conditions) is Answer.YES]
    if found.errors:
        raise FhirPathError("the strategy's own conditions could not be evaluated")
    found.moments = [moment.id for moment in moments]
    found.notes = [
        note
        for moment in moments
        for note in moment.notes
        if found.all_hold(note.conditions) is Answer.YES
    ]
    least = min((m.hooks[hook] for m in moments), key=PRESSING.index, default="routine")
    wanted = {
        plan_id: card
        for plan_id, card in _wanted(found, moments)
        if PRESSING.index(card.priority) >= PRESSING.index(least)
    }
    _arrange(found, moments, wanted)
    failed = found.content.strategy.failed
    if found.errors and failed in _placeable(moments):
        # Any condition may have failed, of a rule or of a place: only now is that known.
        card = found.content.cards[failed]
        wanted[failed] = WantedCard(card, (), (), card.priority)
        _arrange(found, moments, wanted)
    return found


def _placeable(moments: list[Moment]) -> dict[str, None]:
    """The cards that have a place, in the order of their first one."""
    return dict.fromkeys(
        p.card for moment in moments for group in moment.groups for p in group.placements
    )


def three_valued(values: list[object]) -> Answer:
    if not values:
        return Answer.UNKNOWN
    if len(values) == 1 and isinstance(values[0], bool):
        return Answer.YES if values[0] else Answer.NO
    raise FhirPathError("a rule must answer true, false or nothing")


# -- which cards are wanted ---------------------------------------------------------------


def _wanted(found: Evaluation, moments: list[Moment]) -> Iterator[tuple[str, WantedCard]]:
    out = found.left_out
    for plan_id in _placeable(moments):
        if found.content.cards[plan_id].id in out.cards:
            continue
        applying = [
            c
            for c in found.content.contributions[plan_id]
            if c.source.id not in out.sources
            and found.may_hold(c.conditions)
            and found.all_hold(c.conditions) is Answer.YES
        ]
        asking = [c for c in applying if not c.advice]
        if asking:
            card = _merge(found.content.cards[plan_id], asking, applying)
            if found.all_hold(card.card.conditions) is Answer.YES:
                yield plan_id, card
            else:
                found.held.append(card)


def _merge(card: Card, asking: list[Contribution], applying: list[Contribution]) -> WantedCard:
    """One card with every reason that led to it, each source named once."""
    reasons: dict[str, Contribution] = {}
    for contribution in asking:
        reasons.setdefault(contribution.source.id, contribution)
    priority = max((card.priority, *(c.priority for c in asking)), key=PRESSING.index)
    advice = tuple(c for c in applying if c.advice)
    return WantedCard(card, tuple(reasons.values()), advice, priority)


# -- where they stand ---------------------------------------------------------------------


def _arrange(found: Evaluation, moments: list[Moment], wanted: dict[str, WantedCard]) -> None:
    _place(found, moments, wanted)
    _suggest_once(found)


def _place(found: Evaluation, moments: list[Moment], wanted: dict[str, WantedCard]) -> None:
    """First applicable place wins; then the cap, its last place kept for the reserved card."""
    placed: dict[str, WantedCard] = {}
    closed: dict[str, WantedCard] = {}
    found.closed = []
    for group in (group for moment in moments for group in moment.groups):
        is_open = found.all_hold(group.conditions) is Answer.YES
        here = [p for p in _in_order(found, group) if p in wanted and p not in placed]
        (placed if is_open else closed).update((plan_id, wanted[plan_id]) for plan_id in here)
        if here and not is_open and group.text:
            found.closed.append(group.text)
    strategy = found.content.strategy
    ordinary = [w for plan_id, w in placed.items() if plan_id != strategy.reserved]
    room = strategy.cap - 1 if strategy.reserved else strategy.cap
    last = [placed[strategy.reserved]] if strategy.reserved in placed else []
    found.shown = [*ordinary[:room], *last]
    found.deferred = [*ordinary[room:], *(w for p, w in closed.items() if p not in placed)]


def _in_order(found: Evaluation, group: Group) -> Iterator[str]:
    for placement in group.placements:
        if found.all_hold(placement.conditions) is Answer.YES:
            yield placement.card


def _suggest_once(found: Evaluation) -> None:
    """Each card's applicable suggestions; the same order only on the first card that has it, and
    not when it is ordered or being ordered already."""
    seen = set(found.facts.ordered)
    for place, wanted in enumerate(found.shown):
        kept = []
        for suggestion in wanted.card.suggestions:
            if found.all_hold(suggestion.conditions) is not Answer.YES:
                continue
            if suggestion.order_key is not None:
                if suggestion.order_key in seen:
                    continue
                seen.add(suggestion.order_key)
            kept.append(suggestion)
        found.shown[place] = WantedCard(
            wanted.card, wanted.reasons, wanted.advice, wanted.priority, tuple(kept)
        )
