"""The content as the service uses it: frozen, resolved, compiled.

Built once by ``content.build`` from the FHIR resources of the content folders. Nothing in here
changes after load, so one object may be shared by all threads and forked workers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from cds_service.content.codes import CodeSet, Key, categories
from cds_service.content.drawings import Drawing
from cds_service.fhir.questionnaire_response import Form, Item
from cds_service.fhir.questionnaire_response.tree import Answer
from cds_service.fhirpath import Expression, NamedExpressions

Resource = Mapping[str, Any]
Coding = Mapping[str, str]
Priority = Literal["routine", "urgent", "asap", "stat"]

PRESSING: tuple[Priority, ...] = ("routine", "asap", "urgent", "stat")
# FHIR request priority -> CDS Hooks indicator (asap has no counterpart of its own)
INDICATORS = {"routine": "info", "asap": "warning", "urgent": "warning", "stat": "critical"}
URGENCY = tuple(dict.fromkeys(INDICATORS[priority] for priority in PRESSING))  # least first

# The elements that date an entry, most telling first (R4 element names, choice types resolved).
DATES = {
    "Condition": ("onset", "recordedDate"),
    "Observation": ("effective", "issued"),
    "Procedure": ("performed",),
    "DiagnosticReport": ("effective", "issued"),
    "MedicationRequest": ("authoredOn",),
    "MedicationStatement": ("effective", "dateAsserted"),
    "MedicationAdministration": ("effective",),
    "MedicationDispense": ("whenHandedOver", "whenPrepared"),
    "Encounter": ("period",),
    "Appointment": ("created",),
}


def clinical_id(plan: Resource) -> str:
    """The plan's id in the clinical specification."""
    return str(plan["identifier"][0]["value"])


# ("urine", "burn"), ("sev", "") or ("%", "endometriosis"); an item of another form than the needed
# one is named with its view: ("findings.xvulva", "white")
InputRef = tuple[str, str]

# Hook context fields that hold resources; each is an input, empty on the other hooks.
CONTEXT_BUNDLES = ("draftOrders", "conditions", "appointments")
# What facts supply beside the dataRequirements and the views of the forms
# (manual: plan_definitions/README.md). Responses and stale answers are those of the needed form.
INPUTS = (
    "patient",
    "age",
    "encounter",
    "user",
    "staleAnswers",
    "hiddenChecks",
    "hiddenChecksTrue",
    "questionnaireResponse",
    "expiredQuestionnaireResponse",
    "unfinishedQuestionnaireResponse",
    *CONTEXT_BUNDLES,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with the content, worded so that its author can mend it."""

    file: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.path}: {self.message}" if self.path else self.message_only()

    def message_only(self) -> str:
        """The finding of a whole file."""
        return f"{self.file}: {self.message}"


@dataclass(frozen=True, slots=True, eq=False)
class Applicability:
    """One ``applicability`` condition: true acts, false and unknown do not.

    ``prerequisites``: without one of these inputs in a call it is not true (see the module of that
    name); None: it may be true whatever is there.
    """

    description: str
    expression: Expression
    prerequisites: frozenset[InputRef] | None = None


@dataclass(frozen=True, slots=True)
class NamedFact:
    """A named expression of the facts library or of a plan."""

    name: str
    description: str
    expression: Expression
    owner: str  # id of the resource that declares it
    is_reason: bool = True  # False: no card quotes what it rests on
    asks: str | None = None  # the question that would settle it, if it is unknown
    unit: str = ""  # printed after its number
    counts_hidden: bool = False  # True: it reads the flags a site does not show as well


@dataclass(frozen=True, slots=True)
class CodeFilter:
    """Codes one element of a resource must hold; ``value_set`` is None for an inline list."""

    path: str
    codes: CodeSet
    value_set: str | None
    allows_absent: bool


class ResultState(StrEnum):
    """The state of a result. ``STATED`` is a value that is neither of the first three."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    AMOUNT = "amount"
    STATED = "stated"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ValueReading:
    """Conditions on the value of an entry, for it to meet a requirement.

    ``units`` maps the codes and texts of a unit to its UCUM code: the entry is a measurement.
    Without them it is a result in one of the states ``results``, by the codes of ``positive`` and
    ``negative``. ``panels`` are the codes of entries that hold it in a component.
    """

    results: frozenset[ResultState]
    positive: CodeSet
    negative: CodeSet
    units: Mapping[str, str]
    panels: frozenset[Key]
    value_sets: frozenset[str]  # canonicals of all that it names


@dataclass(frozen=True, slots=True)
class Since:
    """The other requirements, and the value set their result must be in, if it must."""

    requirements: tuple[str, ...]
    result: str | None


@dataclass(frozen=True, slots=True)
class Requirement:
    """A ``dataRequirement`` of the facts library: which chart entries ``%id`` stands for.

    ``window`` is the look-back: an amount and ``"d"`` (calendar days) or ``"h"`` (hours).
    """

    id: str
    type: str
    filters: tuple[CodeFilter, ...]
    window: tuple[int, Literal["d", "h"]] | None
    limit: int | None
    tag: str | None
    quotable: bool  # False: used silently, no card quotes it
    reading: ValueReading | None = None  # None: that it is there is enough
    context: str | None = None  # the field of the hook context it reads in place of the chart
    may_quiet: str | None = None  # why one that cannot be read may hold a card back
    since: Since | None = None  # only entries on or after those of another requirement
    short_name: str = ""  # one to four words, as a card names an entry
    is_vital_sign: bool = False

    @property
    def main(self) -> CodeFilter:
        """The filter that picks the entries by value set."""
        return self.filters[0]


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


@dataclass(frozen=True, slots=True)
class Question:
    """An item of a form with what only this dialect says of it.

    ``valid_hours`` is how long its answers hold, ``quoted_only_on`` a card plan's id, ``view`` the
    name of the view it is read in.
    """

    item: Item
    label: str
    options: Mapping[str, Answer]  # by code: a Coding with system and code
    unknown: frozenset[str]  # codes of options that mean "unknown"
    exclusive: frozenset[str]  # codes of options that exclude all others
    valid_hours: float | None
    quoted_only_on: str | None
    is_emergency: bool = False  # its answers hold for a shorter time than the form's
    never_quoted: bool = False
    group: str = ""  # items of one group are quoted together, last
    template: str = "{value}"  # how an answer reads in its group
    number: str = "{value}"
    displays: Mapping[str, str] = field(default_factory=dict)  # option code -> its words
    quotes: Mapping[str, str] = field(default_factory=dict)  # option code -> shorter words
    masked: Mapping[str, str] = field(default_factory=dict)  # option code -> words elsewhere
    view: str = ""
    copied_from: tuple[str, str] | None = None  # url of another form, and its linkId

    @property
    def system(self) -> dict[str, str | None]:
        """Option code -> system."""
        return {code: option.value["system"] for code, option in self.options.items()}

    @property
    def link_id(self) -> str:
        """The item's linkId."""
        return self.item.link_id

    @property
    def kind(self) -> str:
        """The item's type."""
        return self.item.kind

    @property
    def repeats(self) -> bool:
        """Checks whether it takes several answers."""
        return self.item.repeats

    @property
    def restricted(self) -> bool:
        """Checks whether its answers are restricted."""
        return self.item.restricted


class AnsweredBy(StrEnum):
    """Kinds of people who answer a form."""

    PROFESSIONAL = "professional"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """A form: ``items`` by linkId, in form order; ``view`` is the name rules read it by.

    ``is_needed``: a response that cannot be read stops the call. ``same_encounter``: a response of
    the encounter of the call may be used whatever its age. ``heading`` stands before quotes.
    """

    form: Form
    items: Mapping[str, Question]
    valid_hours: float | None
    view: str = ""
    is_needed: bool = False
    same_encounter: bool = False
    answered_by: AnsweredBy = AnsweredBy.PERSON
    heading: str = ""

    @property
    def canonical(self) -> str:
        """Returns the canonical url with the version."""
        return f"{self.url}|{self.form.resource['version']}"

    @property
    def id(self) -> str:
        """Returns the id of the resource, as addresses hold it."""
        return str(self.form.resource["id"])

    @property
    def resource(self) -> Resource:
        """The Questionnaire itself."""
        return self.form.resource

    @property
    def url(self) -> str:
        """Its canonical url, without version."""
        return str(self.form.resource["url"])


@dataclass(frozen=True, slots=True)
class View:
    """A name by which rules read the answers to a form: ``%findings.item.option``.

    ``prefix`` stands before a linkId where items of several forms are told apart. A derived view
    has the newest response authored so many hours before the one in use of the view
    ``earlier_than``, or (``is_unfinished``) what was ticked in a form that was begun.
    """

    name: str
    form: Questionnaire
    prefix: str
    heading: str
    earlier_than: str | None = None
    least_hours: float = 0.0
    most_hours: float = 0.0
    is_unfinished: bool = False

    @property
    def is_derived(self) -> bool:
        """Checks whether it has other answers than the response in use of its form."""
        return self.earlier_than is not None or self.is_unfinished

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names that are inputs of rules: the view, the response in use, its age."""
        return view_inputs(self.name, is_derived=self.is_derived)


def view_inputs(name: str, *, is_derived: bool) -> tuple[str, ...]:
    """The names that a view gives to expressions (manual: plan_definitions/README.md)."""
    names = (name, f"{name}Hours", f"{name}Response")
    return names if is_derived else (*names, f"{name}Unusable")


@dataclass(frozen=True, slots=True)
class Prefill:
    """The ``initialExpression`` of an item: what the chart already says.

    ``source`` tells the person where the answer comes from, by language ("" as it is written);
    ``requirements`` are the chart keys
    the expression rests on, names followed.
    """

    link_id: str
    source: Mapping[str, str]
    expression: Expression
    expressions: NamedExpressions  # what the expression may name: facts, the form's own, %qitem
    requirements: frozenset[str]
    form: str = ""  # url of the Questionnaire


@dataclass(frozen=True, slots=True)
class Content:
    """All content, resolved. ``version`` is the content version plus a digest of its files."""

    version: str
    draft: bool
    resources: Mapping[str, Resource]  # url -> resource
    forms: tuple[Questionnaire, ...]  # the needed one first
    views: Mapping[str, View]  # by name, derived ones last
    items: Mapping[str, Question]  # of all views, by path: linkId, or view.linkId
    prefixes: Mapping[str, str]  # of the views, by name
    prefills: tuple[Prefill, ...]  # in form order
    names: Mapping[str, NamedFact]
    expressions: NamedExpressions
    requirements: Mapping[str, Requirement]
    value_sets: Mapping[str, CodeSet]
    displays: Mapping[Key, str]  # of a category: the title of its value set
    sources: tuple[Source, ...]
    contributions: Mapping[str, tuple[Contribution, ...]]  # card plan id -> in rank order
    cards: Mapping[str, Card]  # card plan id -> card
    strategy: Strategy
    override_reasons: Mapping[str, Coding]
    site_codes: Mapping[str, frozenset[Key]]  # url of a value set -> codes of the site, as written
    files: Mapping[str, str]  # url -> file, for findings
    drawings: Mapping[str, Drawing]  # by name
    placeholders: tuple[str, ...]  # words of the site that are still to be given
    compiled: tuple[tuple[Expression, str, str], ...]  # every expression with file and path

    @property
    def topic(self) -> str:
        """The id by which this content is told from others in one process: the strategy's."""
        return str(self.strategy.plan["id"])

    @property
    def questionnaire(self) -> Questionnaire:
        """The needed form: the one whose answers a call is about."""
        return self.forms[0]

    def path_of(self, prefill: Prefill) -> str:
        """The path of the item that a prefill answers."""
        form = next(form for form in self.forms if form.url == prefill.form)
        return self.prefixes[form.view] + prefill.link_id

    def own_path(self, path: str) -> str:
        """The path of an item in the own view of its form, which is another one for a derived
        view."""
        item = self.items[path]
        return self.prefixes[self.views[item.view].form.view] + item.link_id

    def form(self, form_id: str) -> Questionnaire | None:
        """The form of that id; None where there is none."""
        return next((form for form in self.forms if form.id == form_id), None)

    def display_of(self, key: Key) -> str:
        """Returns the words for a normalised code: its own, those of the nearest category above
        it, else the code."""
        known = (self.displays[above] for above in categories(key) if above in self.displays)
        return self.displays.get(key) or [key[1], *known][-1]
