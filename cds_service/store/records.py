"""Values that go into the store and come out of it; no SQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

OTHER = "other"  # kept in place of an override reason that the card did not offer


class StoreUnavailable(RuntimeError):
    """The database cannot be reached or refused; whether anything was written is not known.

    Cards are answered without the store; feedback must not be acknowledged without it.
    """


class StoreUnusable(StoreUnavailable):
    """The database answers and cannot be used as it is; the message says what to do."""


class CardState(StrEnum):
    """The state of a card that rules asked for."""

    SHOWN = "shown"
    SUPPRESSED = "suppressed"  # settled before
    SILENT = "silent"  # would have been shown, were the service not evaluating silently


@dataclass(frozen=True, slots=True)
class CardRecord:
    """One card of a call. ``card`` and ``sources`` are clinical ids, uuids as sent out;
    ``suggestions`` maps the uuid of each to its id in the content, ``overrides`` are the override
    reasons it offered, as system|code.

    A card that was not sent may have an empty ``uuid``.
    """

    uuid: str
    card: str
    sources: tuple[str, ...]
    indicator: str
    state: CardState
    repeat_key: str
    suggestions: Mapping[str, str] = field(default_factory=dict)
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One answered call. ``at`` is aware.

    The store keeps ids of patient and encounter only as keyed hashes, and ``hook_instance`` only
    when it is the UUID it should be. ``client`` is the client's id in the clients file, with
    its tenant if some are listed there; ``anonymous`` without a token. ``timings`` maps a step to
    milliseconds. The counts are of the intake form's items.
    """

    at: datetime
    service: str
    hook: str
    hook_instance: str = field(repr=False)
    client: str
    content_version: str
    patient_id: str = field(repr=False)
    encounter_id: str | None = field(default=None, repr=False)
    cards: tuple[CardRecord, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    answered: int = 0
    unanswered: int = 0
    unusable: int = 0


@dataclass(frozen=True, slots=True)
class Saved:
    """Feedback items now in the database: new ones, known before, and of cards not known here."""

    new: int
    repeated: int
    unknown: int
    outcomes: Mapping[str, int] = field(default_factory=dict, compare=False)  # of the new ones

    @property
    def kept(self) -> int:
        """All items that may be acknowledged."""
        return self.new + self.repeated


@dataclass(frozen=True, slots=True)
class Purged:
    """Rows deleted."""

    calls: int
    cards: int
    feedback: int
    tokens: int
    sessions: int = 0

    def __add__(self, other: Purged) -> Purged:
        return Purged(
            self.calls + other.calls,
            self.cards + other.cards,
            self.feedback + other.feedback,
            self.tokens + other.tokens,
            self.sessions + other.sessions,
        )


class Outcome(StrEnum):
    """The outcome of a card (5.3); ignored cards are never reported (5.6)."""

    ACCEPTED = "accepted"
    OVERRIDDEN = "overridden"


@dataclass(frozen=True, slots=True)
class Reason:
    """The reason a card was overridden for, as sent: ``system`` may be missing (5.5). Free text
    of a caller: never printed, and kept only if the card offered it."""

    code: str = field(repr=False)
    system: str | None = field(default=None, repr=False)

    def of(self, offered: Collection[str]) -> str:
        """The code, if it is among what a card offered (system|code); else OTHER."""
        for token in offered:
            system, _, code = token.rpartition("|")
            if code == self.code and self.system in (None, system):
                return code
        return OTHER


@dataclass(frozen=True, slots=True)
class FeedbackItem:
    """One checked item. ``at`` is aware, in UTC; ``suggestions`` are sorted, each once.

    ``comment`` is a clinician's free text and may be about the patient: it has no place in logs,
    so ``repr`` leaves it out (5.10).
    """

    card: str
    outcome: Outcome
    at: datetime
    suggestions: tuple[str, ...] = ()
    reason: Reason | None = None
    comment: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Reaction:
    """The part of feedback that reports and repeat suppression use; ``at`` is aware.
    ``suggestions`` are the ids, in the content, of those of the card that were accepted."""

    outcome: Outcome
    reason: str | None  # a code that the card offered, or OTHER
    at: datetime
    suggestions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PastReaction:
    """A reaction to a card that had the repeat key, in an encounter (its pseudonym)."""

    repeat_key: str
    encounter: str | None
    reaction: Reaction
