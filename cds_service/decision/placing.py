"""The places of the wanted cards: order, cap, and each suggestion once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from cds_service.content.model import PRESSING, Group, Moment, Strategy
from cds_service.decision.conditions import Answer, ConditionEvaluator
from cds_service.decision.wanted_cards import WantedCard


class Placed(NamedTuple):
    """Cards in order, those that had no place left, and the texts of the closed groups."""

    shown: tuple[WantedCard, ...]
    deferred: tuple[WantedCard, ...]
    closed: tuple[str, ...]


def place_cards(
    evaluator: ConditionEvaluator, moments: list[Moment], wanted: Mapping[str, WantedCard]
) -> Placed:
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
    return Placed(tuple(_suggest_once(evaluator, shown)), tuple(deferred), tuple(texts))


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
