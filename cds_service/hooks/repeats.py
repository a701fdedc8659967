"""Repeat suppression (clinical specification 1.5), pure: which cards were already settled.

Once overridden with a reason other than ``deferred``, the same card with the same contributing
causes and unchanged answers is not shown again in that encounter nor within a number of days. An
accepted suggestion is settled as long; the card comes again with the rest of them, and is settled
when none is left. A card nobody acted on comes again. Critical and safety cards are never held
back.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from cds_service.decision.evaluate import WantedCard
from cds_service.store.pseudonyms import Pseudonyms
from cds_service.store.records import OTHER, Outcome, PastReaction, Reaction

DEFERRED = "deferred"  # left for a later visit: the card is wanted again


@dataclass(frozen=True, slots=True)
class RepeatScope:
    """The patient (a pseudonym) and the answers (``answers_digest``) that repeats must share."""

    patient: str
    answers: str


def repeat_key(
    names: Pseudonyms, scope: RepeatScope, card: str, sources: Iterable[str], indicator: str
) -> str:
    """Hashes what makes two cards the same: patient, card, causes, answers and indicator.

    ``card`` and ``sources`` are clinical ids. The indicator is part of it because a source may
    contribute a second time only to raise the priority, and a more urgent card is not
    the card that was settled.
    """
    return names.of("repeat", scope.patient, scope.answers, card, indicator, *sorted(set(sources)))


def answers_digest(
    names: Pseudonyms,
    response: Mapping[str, Any] | None,
    others: Mapping[str, Mapping[str, Any]] = {},
) -> str:
    """Hashes the answers of a QuestionnaireResponse, or of None, with the key.

    Taken from the answers as given, not from the rules' view of them: the view changes when
    answers grow old, and the clinician would see the same card again without a new answer.
    Order, displays and ids do not matter. ``others`` are the responses in use of the other forms,
    by view.
    """
    given = sorted(_given(response.get("item"))) if response else []
    for view in sorted(others):
        given += [f"{view} {text}" for text in sorted(_given(others[view].get("item")))]
    return names.of("answers", *given)


def may_suppress(indicator: str, card: str, never: Collection[str]) -> bool:
    """True if a card may be suppressed; ``never`` holds the ids of the safety cards."""
    return indicator != "critical" and card not in never


@dataclass(frozen=True, slots=True)
class Settled:
    """The part of a card that is settled: the ``whole``, or the suggestions with these ids."""

    whole: bool = False
    suggestions: frozenset[str] = frozenset()

    def __or__(self, other: Settled) -> Settled:
        return Settled(self.whole or other.whole, self.suggestions | other.suggestions)


def settled_by(reaction: Reaction) -> Settled:
    """The part of a card that one reaction settles: of an override all, of an acceptance what was
    accepted.

    An override without a reason, with one that the card did not offer or with ``deferred``, and an
    acceptance of what the card did not offer, settle nothing: the safer of two readings is the one
    that shows the card again.
    """
    if reaction.outcome is Outcome.ACCEPTED:
        return Settled(suggestions=reaction.suggestions)
    return Settled(reaction.reason not in (None, OTHER, DEFERRED))


def settled_keys(
    past: Iterable[PastReaction], encounter: str | None, now: datetime, window: timedelta
) -> dict[str, Settled]:
    """Maps a repeat key to what of its card is settled at ``now`` (aware)."""
    since, settled = now - window, dict[str, Settled]()
    for one in past:
        if one.reaction.at > since or (encounter is not None and one.encounter == encounter):
            before = settled.get(one.repeat_key, Settled())
            settled[one.repeat_key] = before | settled_by(one.reaction)
    return settled


def unsettled(wanted: WantedCard, settled: Settled) -> WantedCard | None:
    """The card with the suggestions that are not settled; None where nothing of it is left to do,
    or where one of its suggestions was to be chosen and was."""
    if settled.whole:
        return None
    if not settled.suggestions:
        return wanted
    left = tuple(s for s in wanted.suggestions if s.id not in settled.suggestions)
    can_be_accepted = any(s.order for s in left)  # others are links or lines of the card
    is_open = can_be_accepted and not wanted.card.takes_one
    return replace(wanted, suggestions=left) if is_open else None


def _given(items: Any) -> Iterator[str]:
    """One text for each answer: its linkId and value; shapes that are no items are passed over."""
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, dict):
            continue
        yield from _given(item.get("item"))
        answers = item.get("answer")
        for answer in answers if isinstance(answers, list) else ():
            if isinstance(answer, dict):
                yield from _given(answer.get("item"))
                yield json.dumps([item.get("linkId"), _value(answer)], sort_keys=True)


def _value(answer: Mapping[str, Any]) -> list[Any]:
    """The value of an answer; of a Coding only the code, since display and version may vary."""
    return [
        value.get("code") if name == "valueCoding" and isinstance(value, dict) else value
        for name, value in sorted(answer.items())
        if name.startswith("value")
    ]
