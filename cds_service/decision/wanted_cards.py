"""The cards that are wanted: what causes and flags of a call ask for, merged into cards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cds_service.content.model import PRESSING, Card, Contribution, Moment, Priority, Suggestion
from cds_service.decision.conditions import Answer, ConditionEvaluator


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


def placeable(moments: list[Moment]) -> dict[str, None]:
    """The cards that have a place, in the order of their first one."""
    return dict.fromkeys(
        p.card for moment in moments for group in moment.groups for p in group.placements
    )


def wanted_cards(
    evaluator: ConditionEvaluator, moments: list[Moment]
) -> Iterator[tuple[str, WantedCard, bool]]:
    """Plan id and card of each card that a source asks for, and if its own conditions hold it
    back."""
    content, excluded = evaluator.content, evaluator.excluded
    for plan_id in placeable(moments):
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
        if plan_id in placeable([moment]):
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


def yielding(wanted: Mapping[str, WantedCard]) -> Iterator[tuple[str, WantedCard]]:
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
