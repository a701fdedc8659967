"""Forms as rules read them: questions, views, and what the chart fills in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cds_service.content.elements import Resource
from cds_service.fhir.questionnaire_response import Form, Item
from cds_service.fhir.questionnaire_response.tree import Answer
from cds_service.fhirpath import Expression, NamedExpressions


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
