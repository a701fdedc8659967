"""Cards and what asks for them: sources, contributions, suggestions, and the order of cards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cds_service.content.elements import Applicability, Coding, InputRef, Priority, Resource


@dataclass(frozen=True, slots=True)
class Source:
    """A cause, a red flag or a small plan: something that asks for cards.

    ``id`` is the clinical id (``C18``, ``RF01``); ``rule`` is the name of its rule, if it has one.
    """

    id: str
    title: str
    plan: Resource
    rule: str | None
    order: int
    short_title: str = ""  # as a card names it among its facts; empty: never named


@dataclass(frozen=True, slots=True, eq=False)
class Contribution:
    """A source asking for a card, or (``advice``) adding a line to it.

    ``reason``, ``do_now`` and ``think_of`` are templates (``plan_definitions/README.md``).
    """

    source: Source
    id: str
    card: str  # id of the card plan
    rank: int
    advice: bool
    summary: str | None
    reason: str
    considering: str | None
    priority: Priority
    overrides: tuple[str, ...]
    documentation: tuple[Resource, ...]
    conditions: tuple[Applicability, ...]
    do_now: str = ""
    think_of: str = ""
    not_reported: tuple[InputRef, ...] = ()  # answers whose absence is worth a word
    counted: bool = True  # False: not among the "+n more" of a summary
    sheet: SheetLine | None = None  # a line of the self-care sheet
    yields_to: Priority | None = None  # does not apply beside another card as pressing as this


@dataclass(frozen=True, slots=True)
class SheetLine:
    """Place of a line on the self-care sheet: its ``block``; ``key`` is its meaning, said once;
    ``of`` the source whose turn it takes; ``topic`` names it on the card."""

    block: str
    key: str
    of: str
    topic: str


@dataclass(frozen=True, slots=True)
class CardStyle:
    """Style of the detail of a card (``plan_definitions/README.md``, A card).

    ``also``: what a further source adds to the things to do: ``summary``, ``do-now`` or ``none``.
    ``facts`` and ``more_facts``: how many a first and a further reason quote. ``words``: at most.
    """

    is_generic: bool = False  # the summary is the card's own, whatever the reason
    counts: bool = True  # "(+n more)" stands after the summary
    also: str = "summary"
    is_private: bool = False  # masked answers are named in clear here
    every_variant: bool = False  # all reasons of a source speak, not its first alone
    still_open: bool = True
    names_emergencies: bool = False  # other cards leave the emergency questions to this one
    full_words: bool = False  # answers are quoted word for word, however long
    shorten: str = "ordinary"  # which steps come first: "emergency", "self-care"
    words: int = 130
    reasons: int = 3
    facts: int = 6
    more_facts: int = 4


@dataclass(frozen=True, slots=True)
class Fragment:
    """Words filled into a template where a condition holds: ``{pregtest}``."""

    code: str
    text: str
    conditions: tuple[Applicability, ...]


@dataclass(frozen=True, slots=True)
class Due:
    """When a task is due, in hours after the call: ``at``, and from when to when it may be done."""

    at: float
    begin: float | None
    end: float


@dataclass(frozen=True, slots=True, eq=False)
class Suggestion:
    """A nested action of a card: a draft order, a form to open, or a line of text."""

    id: str
    label: str
    description: str
    recommended: bool
    conditions: tuple[Applicability, ...]
    order: Resource | None  # template of the draft request
    order_key: str | None  # what makes two orders the same: the code, else the text
    activity: str | None  # canonical|version of the ActivityDefinition
    form: str | None  # canonical of a Questionnaire to open
    is_exam: bool = False
    instead: str = ""  # a text said instead of what to do: "with-sheet" or "no-sheet"
    due: Due | None = None  # of a Task


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    """A card plan: its one top-level action."""

    id: str  # clinical id, REC-UA
    plan: Resource
    title: str  # neutral name
    summary: str
    opening: str
    topic: Coding
    priority: Priority
    overrides: tuple[str, ...]
    documentation: tuple[Resource, ...]
    conditions: tuple[Applicability, ...]
    suggestions: tuple[Suggestion, ...]
    selection_behavior: str
    never_suppressed: bool  # shown again even after it was settled
    style: CardStyle = CardStyle()

    @property
    def takes_one(self) -> bool:
        """Checks whether one of its suggestions is to be chosen, and not several."""
        return self.selection_behavior == "at-most-one"


@dataclass(frozen=True, slots=True)
class Placement:
    """A place a card may take in a group, if it is at least so pressing."""

    card: str
    conditions: tuple[Applicability, ...]
    least: Priority = "routine"


@dataclass(frozen=True, slots=True)
class Group:
    """Cards in rank order, shown only when the conditions hold; ``text`` says what if not.
    ``by_priority``: the most pressing cards come first, in rank order inside one priority."""

    id: str
    text: str | None
    conditions: tuple[Applicability, ...]
    placements: tuple[Placement, ...]
    by_priority: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """A line about what is uncertain, where its conditions hold: on every card of a moment, or on
    the first. ``part`` is the part of the detail it stands in."""

    id: str
    text: str
    conditions: tuple[Applicability, ...]
    part: str = "still-open"
    only_first: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """A top-level action of the strategy: when it applies its cards are considered. ``hooks`` maps
    a hook to the least priority a card must have to be shown there."""

    id: str
    hooks: Mapping[str, Priority]
    conditions: tuple[Applicability, ...]
    groups: tuple[Group, ...]
    notes: tuple[Note, ...]
    speaking: frozenset[str] | None = None  # ids of the sources that may speak here; None: all


@dataclass(frozen=True, slots=True)
class Strategy:
    """Which hooks are served, in which order cards come, how many, and the fixed phrases."""

    plan: Resource
    moments: tuple[Moment, ...]
    cap: int
    reserved: str | None
    failed: str | None  # card shown when a rule could not be evaluated
    repeat_days: int  # a settled card is held back for so many days
    order_days: int  # an active order of the last so many days is not suggested again
    wording: Mapping[str, str]
    fragments: tuple[Fragment, ...] = ()
    chart_parts: Mapping[str, str] = field(default_factory=dict)  # resource type -> words
    results: Mapping[str, str] = field(default_factory=dict)  # value set url -> words

    @property
    def hooks(self) -> tuple[str, ...]:
        """Every hook some moment is triggered by, in order."""
        return tuple(dict.fromkeys(hook for moment in self.moments for hook in moment.hooks))
