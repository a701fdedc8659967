"""The content as the service uses it: frozen, resolved, compiled.

Built once by ``content.build`` from the FHIR resources of the content folders. Nothing in here
changes after load, so one object may be shared by all threads and forked workers. Its parts stand
in ``elements``, ``chart_model``, ``form_model`` and ``card_model``; others import them from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cds_service.content.card_model import (
    Card,
    CardStyle,
    Contribution,
    Due,
    Fragment,
    Group,
    Moment,
    Note,
    Placement,
    SheetLine,
    Source,
    Strategy,
    Suggestion,
)
from cds_service.content.chart_model import (
    DATES,
    CodeFilter,
    Requirement,
    ResultState,
    Since,
    ValueReading,
)
from cds_service.content.codes import CodeSet, Key, categories
from cds_service.content.drawings import Drawing
from cds_service.content.elements import (
    CONTEXT_BUNDLES,
    INDICATORS,
    INPUTS,
    PRESSING,
    URGENCY,
    Applicability,
    Coding,
    Finding,
    InputRef,
    NamedFact,
    Priority,
    Resource,
    clinical_id,
)
from cds_service.content.form_model import (
    AnsweredBy,
    Prefill,
    Question,
    Questionnaire,
    View,
    view_inputs,
)
from cds_service.fhirpath import Expression, NamedExpressions

__all__ = [
    "CONTEXT_BUNDLES",
    "DATES",
    "INDICATORS",
    "INPUTS",
    "PRESSING",
    "URGENCY",
    "AnsweredBy",
    "Applicability",
    "Card",
    "CardStyle",
    "CodeFilter",
    "Coding",
    "Content",
    "Contribution",
    "Due",
    "Finding",
    "Fragment",
    "Group",
    "InputRef",
    "Moment",
    "NamedFact",
    "Note",
    "Placement",
    "Prefill",
    "Priority",
    "Question",
    "Questionnaire",
    "Requirement",
    "Resource",
    "ResultState",
    "SheetLine",
    "Since",
    "Source",
    "Strategy",
    "Suggestion",
    "ValueReading",
    "View",
    "clinical_id",
    "view_inputs",
]


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
