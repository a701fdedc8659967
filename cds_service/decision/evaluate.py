"""The product: ``evaluate(content, facts, now)``, a pure function.

It asks the contributions of every cause and flag that something in the call touches, merges them
into cards, places the cards in the strategy's order and says what was left out and why. Cards,
``explain``, audit and review all read the one ``Evaluation`` (decision:
``docs/decisions/cards-merged-by-canonical.md``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from cds_service.content.model import (
    PRESSING,
    Applicability,
    Card,
    Content,
    Contribution,
    Group,
    InputRef,
    Moment,
    Note,
    Priority,
    Strategy,
    Suggestion,
)
from cds_service.decision.facts import Facts
from cds_service.decision.hidden_checks import hidden_checks, without_a_card
from cds_service.decision.visibility import (
    ALL_VISIBLE,
    NO_SELECTION,
    Selection,
    Visibility,
    disabled_rules,
)
from cds_service.fhirpath import Bindings, FhirPathError


class Answer(StrEnum):
    """The three answers, and a rule that could not be asked."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class WantedCard:
    """A card that a source asked for.

    ``asking`` are the contributions that ask for it, most pressing first, then in rank order;
    ``reasons`` the first of each source. The first of all is the one that speaks.
    """

    card: Card
    reasons: tuple[Contribution, ...]
    advice: tuple[Contribution, ...]
    priority: Priority
    suggestions: tuple[Suggestion, ...] = ()
    asking: tuple[Contribution, ...] = ()

    @property
    def speaker(self) -> Contribution | None:
        """The contribution that gives the card its words; None for a rule that failed."""
        return self.reasons[0] if self.reasons else None

    @property
    def told(self) -> tuple[Contribution, ...]:
        """The contributions whose reasons the card tells, in their order."""
        return self.asking if self.card.style.every_variant else self.reasons

    @property
    def summary(self) -> str:
        """The speaker's own summary as a template, else the card's."""
        if self.card.style.is_generic or self.speaker is None or not self.speaker.summary:
            return self.card.summary
        return self.speaker.summary


class ConditionEvaluator:
    """Answers the conditions and rules of one call, each evaluated at most once.

    ``now`` is aware. Rules of ``excluded`` sources answer unknown to the rules that ask for them;
    ``hidden`` are those of them that count all the same. ``present`` are the inputs that this call
    has (``Facts.present``); None asks every rule. ``known`` holds the answers so far. ``errors``
    maps a condition's text to what went wrong; an error acts as unknown. For one thread.
    """

    __slots__ = ("_by_text", "bindings", "content", "errors", "excluded", "facts", "hidden",
                 "known", "now", "present")  # fmt: skip

    def __init__(
        self,
        content: Content,
        facts: Facts,
        now: datetime,
        excluded: Selection = NO_SELECTION,
        present: frozenset[InputRef] | None = None,
    ) -> None:
        self.content = content
        self.facts = facts
        self.now = now
        self.excluded = excluded = without_a_card(content, excluded)
        self.present = present
        self.hidden = hidden_checks(content, facts.variables, now, excluded)
        inputs = {
            **facts.variables,
            **disabled_rules(content, excluded),
            **self.hidden.inputs,
        }
        self.bindings = content.expressions.bind(inputs, now)
        self.known: dict[Applicability, Answer] = {}
        self.errors: dict[str, str] = {}
        self._by_text: dict[str, Answer] = {}

    def derive(
        self, known: Mapping[Applicability, Answer], bindings: Bindings | None = None
    ) -> ConditionEvaluator:
        """Another evaluator of the same call that takes these answers as given, and asks every
        rule."""
        derived = ConditionEvaluator(self.content, self.facts, self.now)
        derived.known |= known
        derived.bindings = bindings or self.bindings
        return derived

    def rule(self, name: str) -> Answer:
        """The answer of a named expression."""
        try:
            return answer_of(self.bindings[name])
        except FhirPathError as error:
            self.errors[f"%{name}"] = error.message
            return Answer.ERROR

    def answer(self, condition: Applicability) -> Answer:
        """The answer of one condition."""
        if condition not in self.known:
            text = condition.expression.text  # many conditions say the same thing
            if text not in self._by_text:
                self._by_text[text] = self._evaluate(condition)
            self.known[condition] = self._by_text[text]
        return self.known[condition]

    def _evaluate(self, condition: Applicability) -> Answer:
        try:
            return answer_of(self.bindings.answer(condition.expression))
        except FhirPathError as error:
            self.errors[condition.expression.text] = error.message
            return Answer.ERROR

    def can_hold(self, conditions: Iterable[Applicability]) -> bool:
        """False if an input that one of them requires is absent from this call."""
        if self.present is None:
            return True
        for condition in conditions:
            needed = condition.prerequisites
            if needed is not None and needed.isdisjoint(self.present):
                return False
        return True

    def all_hold(self, conditions: Iterable[Applicability]) -> Answer:
        """AND of three-valued conditions: a no decides, then an error, then an unknown."""
        worst = Answer.YES
        for condition in conditions:
            answer = self.answer(condition)
            if answer is Answer.NO:
                return Answer.NO
            if answer is not Answer.YES and worst is not Answer.ERROR:
                worst = answer
        return worst


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
    asked_for = list(_wanted(evaluator, moments))
    wanted = {
        plan_id: card
        for plan_id, card, held in asked_for
        if not held and PRESSING.index(card.priority) >= PRESSING.index(least)
    }
    placed = _place(evaluator, moments, dict(_yielding(wanted)))
    failed = evaluator.content.strategy.failed
    if evaluator.errors and failed in _placeable(moments):
        # Any condition may have failed, of a rule or of a place: only now is that known.
        card = evaluator.content.cards[failed]
        wanted[failed] = WantedCard(card, (), (), card.priority)
        placed = _place(evaluator, moments, dict(_yielding(wanted)))
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


def suppress(evaluation: Evaluation, settled: Collection[WantedCard]) -> Evaluation:
    """The evaluation with the settled cards moved from shown to suppressed."""
    return replace(
        evaluation,
        shown=tuple(w for w in evaluation.shown if w not in settled),
        suppressed=tuple(w for w in evaluation.shown if w in settled),
    )


def _placeable(moments: list[Moment]) -> dict[str, None]:
    """The cards that have a place, in the order of their first one."""
    return dict.fromkeys(
        p.card for moment in moments for group in moment.groups for p in group.placements
    )


def answer_of(values: list[object]) -> Answer:
    """The answer of a rule's result: one boolean, or no item for unknown. Raises FhirPathError for
    anything else."""
    if not values:
        return Answer.UNKNOWN
    if len(values) == 1 and isinstance(values[0], bool):
        return Answer.YES if values[0] else Answer.NO
    raise FhirPathError("a rule must answer true, false or nothing")


# -- which cards are wanted ---------------------------------------------------------------


def _wanted(
    evaluator: ConditionEvaluator, moments: list[Moment]
) -> Iterator[tuple[str, WantedCard, bool]]:
    """Plan id and card of each card that a source asks for, and if its own conditions hold it
    back."""
    content, excluded = evaluator.content, evaluator.excluded
    for plan_id in _placeable(moments):
        if content.cards[plan_id].id in excluded.cards:
            continue
        speaking = _speaking(plan_id, moments)
        applying = [
            c
            for c in content.contributions[plan_id]
            if c.source.id not in excluded.sources
            and (speaking is None or c.source.id in speaking)
            and evaluator.can_hold(c.conditions)
            and evaluator.all_hold(c.conditions) is Answer.YES
        ]
        asking = [c for c in applying if not c.advice]
        if asking:
            card = _merge(content.cards[plan_id], asking, applying)
            yield plan_id, card, evaluator.all_hold(card.card.conditions) is not Answer.YES


def _speaking(plan_id: str, moments: Iterable[Moment]) -> frozenset[str] | None:
    """Ids of the sources that may ask for a card; None: all, because a moment that has a place for
    it lets all speak."""
    found: frozenset[str] = frozenset()
    for moment in moments:
        if plan_id in _placeable([moment]):
            if moment.speaking is None:
                return None
            found |= moment.speaking
    return found


def _merge(card: Card, asking: list[Contribution], applying: list[Contribution]) -> WantedCard:
    """One card with every reason that led to it, each source named once."""
    ordered = sorted(asking, key=_pressing, reverse=True)  # stable: rank order inside a priority
    reasons: dict[str, Contribution] = {}
    for contribution in ordered:
        reasons.setdefault(contribution.source.id, contribution)
    priority = max((card.priority, ordered[0].priority), key=PRESSING.index)
    advice = tuple(c for c in applying if c.advice)
    return WantedCard(card, tuple(reasons.values()), advice, priority, asking=tuple(ordered))


def _pressing(contribution: Contribution) -> int:
    return PRESSING.index(contribution.priority)


def _yielding(wanted: Mapping[str, WantedCard]) -> Iterator[tuple[str, WantedCard]]:
    """The cards without what yields to another card that is wanted in the same response."""
    for plan_id, card in wanted.items():
        others = [PRESSING.index(w.priority) for w in wanted.values() if w is not card]
        if not any(c.yields_to for c in (*card.asking, *card.advice)) or not others:
            yield plan_id, card
            continue
        stay = [
            c
            for c in (*card.asking, *card.advice)
            if c.yields_to is None or PRESSING.index(c.yields_to) > max(others)
        ]
        if asking := [c for c in stay if not c.advice]:
            yield plan_id, _merge(card.card, asking, stay)


# -- where they stand ---------------------------------------------------------------------


class _Placed(NamedTuple):
    """Cards in order, those that had no place left, and the texts of the closed groups."""

    shown: tuple[WantedCard, ...]
    deferred: tuple[WantedCard, ...]
    closed: tuple[str, ...]


def _place(
    evaluator: ConditionEvaluator, moments: list[Moment], wanted: Mapping[str, WantedCard]
) -> _Placed:
    """First applicable place wins; then the cap, its last place kept for the reserved card."""
    placed: dict[str, WantedCard] = {}
    waiting: dict[str, WantedCard] = {}
    texts = []
    for group in (group for moment in moments for group in moment.groups):
        is_open = evaluator.all_hold(group.conditions) is Answer.YES
        here = [p for p in _in_order(evaluator, group, wanted) if p not in placed]
        (placed if is_open else waiting).update((plan_id, wanted[plan_id]) for plan_id in here)
        if here and not is_open and group.text:
            texts.append(group.text)
    shown, over = _capped(evaluator.content.strategy, placed)
    deferred = [*over, *(w for p, w in waiting.items() if p not in placed)]
    return _Placed(tuple(_suggest_once(evaluator, shown)), tuple(deferred), tuple(texts))


def _capped(
    strategy: Strategy, placed: Mapping[str, WantedCard]
) -> tuple[list[WantedCard], list[WantedCard]]:
    """The cards shown and those over the cap. The last place is kept for the reserved card, unless
    a pressing one waits for it."""
    ordinary = [w for plan_id, w in placed.items() if plan_id != strategy.reserved]
    if strategy.reserved is None:
        return ordinary[: strategy.cap], ordinary[strategy.cap :]
    last = [placed[strategy.reserved]] if strategy.reserved in placed else []
    waits = ordinary[strategy.cap - 1 : strategy.cap]
    if any(PRESSING.index(w.priority) >= PRESSING.index("urgent") for w in waits):
        return ordinary[: strategy.cap], [*ordinary[strategy.cap :], *last]
    return [*ordinary[: strategy.cap - 1], *last], ordinary[strategy.cap - 1 :]


def _in_order(
    evaluator: ConditionEvaluator, group: Group, wanted: Mapping[str, WantedCard]
) -> list[str]:
    """The wanted cards of a group, each at its first applicable place."""
    places: dict[str, None] = {}
    for place in group.placements:
        card = wanted.get(place.card)
        if card is None or PRESSING.index(card.priority) < PRESSING.index(place.least):
            continue
        if evaluator.all_hold(place.conditions) is Answer.YES:
            places.setdefault(place.card)
    if not group.by_priority:
        return list(places)
    return sorted(places, key=lambda plan_id: -PRESSING.index(wanted[plan_id].priority))


def _suggest_once(
    evaluator: ConditionEvaluator, shown: Iterable[WantedCard]
) -> Iterator[WantedCard]:
    """Each card with its applicable suggestions; the same order only on the first card that has
    it, and not when it is ordered or being ordered already."""
    seen = set(evaluator.facts.ordered)
    for wanted in shown:
        kept = []
        for suggestion in wanted.card.suggestions:
            if evaluator.all_hold(suggestion.conditions) is not Answer.YES:
                continue
            if suggestion.order_key is not None:
                if suggestion.order_key in seen:
                    continue
                seen.add(suggestion.order_key)
            kept.append(suggestion)
        yield replace(wanted, suggestions=tuple(kept))
