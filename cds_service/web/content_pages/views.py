"""The values each kind of page gives its template."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cds_service.authoring.last_run import LastRun, Outcome
from cds_service.content import extensions as ext
from cds_service.content.codes import SYSTEM_NAMES
from cds_service.content.model import (
    INDICATORS,
    Card,
    Contribution,
    Requirement,
    Resource,
    Source,
    Suggestion,
)
from cds_service.content.overview import (
    cards_asked_for,
    citations,
    contributions_of,
    is_flag,
    look_back,
    strengths,
    suggestions_of,
)
from cds_service.content.translations import languages, text_in
from cds_service.fhir.questionnaire_response.form import Condition
from cds_service.fhir.questionnaire_response.limits import MAX_VALUE, MIN_VALUE
from cds_service.web.content_pages.figures import Figure, of_conditions, of_fact
from cds_service.web.content_pages.index import ContentIndex, PageEntry, source_link
from cds_service.web.content_pages.previews import WIDTHS, Previews
from cds_service.web.diagram import Link

KINDS = frozenset({"causes", "flags", "cards", "questions", "facts", "value-sets", "strategy"})
Page = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A contribution with its card and source as links."""

    contribution: Contribution
    card: PageEntry
    source: PageEntry
    indicator: str
    when: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """A suggestion with its card, its order's codes and the conditions of its own."""

    suggestion: Suggestion
    card: PageEntry
    kind: str
    codes: tuple[tuple[str, str, str], ...]  # system, code, display
    form: str | None
    when: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class IndexRow:
    """A line of the index: an entry with the cards it asks for and what its vignettes found."""

    entry: PageEntry
    cards: tuple[PageEntry, ...]
    strengths: tuple[str, ...]
    people: tuple[Outcome, ...]

    @property
    def wrong(self) -> int:
        """Returns how many vignettes found something else than they expect."""
        return sum(bool(outcome.differences) for outcome in self.people)


class Views:
    """The pages of a catalogue, beside the last run of the vignettes if there was one."""

    def __init__(self, catalogue: ContentIndex, previews: Previews, run: LastRun | None) -> None:
        self.catalogue = catalogue
        self.previews = previews
        self.content = catalogue.content
        self.run = run if run and run.content == self.content.version else None
        self.always: Page = {"run": self.run, "other_run": run if run and not self.run else None}

    def page(self, kind: str, name: str) -> Page:
        """Returns the values of an existing page."""
        views: Mapping[str, Callable[[str], Page]] = {
            "causes": self._cause,
            "flags": self._flag,
            "cards": self._card,
            "questions": self._question,
            "facts": self._fact,
            "value-sets": self._value_set,
            "strategy": self._strategy,
        }
        entry = self.catalogue.entry(Link(kind, name))
        return {"entry": entry, **self.always, **views[kind](name)}

    # -- index -----------------------------------------------------------------------

    def index(self) -> Page:
        """Tables of everything."""
        catalogue = self.catalogue
        return {
            **self.always,
            "causes": [self._row(s) for s in self.content.sources if not is_flag(s)],
            "flags": [self._row(s) for s in self.content.sources if is_flag(s)],
            "cards": [(e, self.content.cards[e.link.name]) for e in catalogue.of_kind("cards")],
            "questions": [(e, catalogue.form[e.link.name]) for e in catalogue.of_kind("questions")],
            "facts": catalogue.of_kind("facts"),
            "value_sets": [
                (e, len(list(_members(self._resource(e.link.name)))))
                for e in catalogue.of_kind("value-sets")
            ],
            "strategy": catalogue.of_kind("strategy"),
            "indicators": INDICATORS,
        }

    def _row(self, source: Source) -> IndexRow:
        return IndexRow(
            entry=self.catalogue.entry(source_link(source)),
            cards=tuple(self._cards_of(source)),
            strengths=strengths(source.plan),
            people=self._people(source),
        )

    def _cards_of(self, source: Source) -> Iterator[PageEntry]:
        for plan_id in cards_asked_for(self.content, source):
            yield self.catalogue.entry(Link("cards", plan_id))

    def _people(self, source: Source) -> tuple[Outcome, ...]:
        """The vignettes of a source's file; of a flag, those that have its id."""
        found = self.run.of_plan(source.plan["id"]) if self.run else ()
        if not is_flag(source):
            return found
        return tuple(o for o in found if o.id.rpartition("-")[0] == source.id)

    # -- causes and flags ------------------------------------------------------------

    def _cause(self, plan_id: str) -> Page:
        sources = [s for s in self.content.sources if s.plan["id"] == plan_id]
        own = [s for s in sources if not is_flag(s)]
        flags = [self._row(s) for s in sources if is_flag(s)]
        rules = {s.rule for s in sources if is_flag(s)}
        return {
            "flags": flags,
            **self._plan(sources[0].plan),
            "rules": [
                of_fact(fact, self.catalogue.words)
                for fact in self.content.names.values()
                if fact.owner == plan_id and fact.name not in rules
            ],
            "asks": [a for s in own for a in self._asks(s, advice=False)],
            "advice": [a for s in own for a in self._asks(s, advice=True)],
            "offers": [o for s in own for o in self._own_offers(s)],
            "people": [o for s in own for o in self._people(s)],
        }

    def _flag(self, name: str) -> Page:
        source = next(s for s in self.content.sources if is_flag(s) and s.id == name)
        rule = self.content.names[source.rule] if source.rule else None
        return {
            **self._about_flag(source),
            "parent": self.catalogue.entry(Link("causes", source.plan["id"])),
            "rules": [of_fact(rule, self.catalogue.words)] if rule else [],
            "asks": list(self._asks(source, advice=False)),
            "advice": list(self._asks(source, advice=True)),
            "offers": list(self._own_offers(source)),
            "people": self._people(source),
        }

    def _about_flag(self, source: Source) -> Page:
        """Returns what a plan says of one flag: the sources it names, and the lines with its id."""
        found = contributions_of(self.content, source)
        named = {d.get("label") for c in found for d in c.documentation}
        mentions = re.compile(rf"\b{re.escape(source.id)}\b")
        page = self._plan(source.plan)
        return {
            "plan": source.plan,
            "evidence": [c for c in page["evidence"] if c.label in named],
            "open_questions": list(filter(mentions.search, page["open_questions"])),
            "unverified": list(filter(mentions.search, page["unverified"])),
        }

    def _plan(self, plan: Resource) -> Page:
        return {
            "plan": plan,
            "evidence": list(citations(plan)),
            "open_questions": list(ext.values(plan, "open-question")),
            "unverified": list(ext.values(plan, "unverified-statement")),
        }

    def _asks(self, source: Source, *, advice: bool) -> Iterator[Asked]:
        for contribution in contributions_of(self.content, source):
            if contribution.advice == advice:
                yield self._asked(contribution)

    def _asked(self, contribution: Contribution) -> Asked:
        return Asked(
            contribution=contribution,
            card=self.catalogue.entry(Link("cards", contribution.card)),
            source=self.catalogue.entry(source_link(contribution.source)),
            indicator=INDICATORS[contribution.priority],
            when=of_conditions(contribution.conditions, self.catalogue.words),
        )

    def _own_offers(self, source: Source) -> Iterator[Offer]:
        for plan_id, suggestion in suggestions_of(self.content, source):
            yield self._offer(plan_id, suggestion)

    def _offer(self, plan_id: str, suggestion: Suggestion) -> Offer:
        order = suggestion.order or {}
        concepts = (order.get("code"), *order.get("category", ())[:1])
        concept: Resource = next((c for c in concepts if c), {})
        codes = tuple(_coding(c) for c in concept.get("coding", ()))
        return Offer(
            suggestion=suggestion,
            card=self.catalogue.entry(Link("cards", plan_id)),
            kind=order.get("resourceType", ""),
            codes=codes or ((("", "", concept["text"]),) if "text" in concept else ()),
            form=suggestion.form,
            when=of_conditions(suggestion.conditions, self.catalogue.words),
        )

    # -- cards -----------------------------------------------------------------------

    def _card(self, plan_id: str) -> Page:
        card = self.content.cards[plan_id]
        asked = [self._asked(c) for c in self.content.contributions[plan_id]]
        return {
            **self._plan(card.plan),
            "card": card,
            "previews": list(self.previews.of(card, self.content.contributions[plan_id])),
            "widths": WIDTHS,
            "indicator": INDICATORS[card.priority],
            "held_back": of_conditions(card.conditions, self.catalogue.words),
            "asks": [a for a in asked if not a.contribution.advice],
            "advice": [a for a in asked if a.contribution.advice],
            "offers": [self._offer(plan_id, s) for s in card.suggestions],
            "overrides": list(self._overrides(card)),
            "strategy": self.catalogue.of_kind("strategy"),
        }

    def _overrides(self, card: Card) -> Iterator[Mapping[str, str]]:
        asked = (c.overrides for c in self.content.contributions[card.plan["id"]])
        codes = dict.fromkeys(code for codes in (card.overrides, *asked) for code in codes)
        return (self.content.override_reasons[code] for code in codes)

    # -- what rules read -------------------------------------------------------------

    def _question(self, link_id: str) -> Page:
        item = self.content.items[link_id]
        prefix = self.content.views[item.view].prefix
        return {
            "item": item,
            "limits": (item.item.first(MIN_VALUE), item.item.first(MAX_VALUE)),
            "node": self.catalogue.form[link_id],
            "languages": languages(self.content.views[item.view].form.resource),
            "in_language": text_in,
            "codings": [
                o["valueCoding"]
                for o in self.catalogue.form[link_id].get("answerOption", ())
                if "valueCoding" in o
            ],
            "prefill": ext.value(self.catalogue.form[link_id], ext.INITIAL_EXPRESSION),
            "shown_when": [
                (
                    self.catalogue.entry(Link("questions", prefix + c.question)),
                    c.operator,
                    self._answer(prefix, c),
                )
                for c in item.item.conditions
            ],
            "quoted_only_on": self.catalogue.entry(Link("cards", item.quoted_only_on))
            if item.quoted_only_on
            else None,
            "read_by": self.catalogue.read_by("questions", link_id),
        }

    def _answer(self, prefix: str, condition: Condition) -> str:
        options = self.catalogue.words.options.get(prefix + condition.question, {})
        value = condition.value["code"] if condition.kind == "Coding" else condition.value
        return str(options.get(value, value))

    def _fact(self, name: str) -> Page:
        fact = self.content.names[name]
        owner = Link("causes", fact.owner)
        return {
            "figure": of_fact(fact, self.catalogue.words),
            "owner": self.catalogue.entry(owner)
            if (owner.kind, owner.name) in self.catalogue
            else None,
            "read_by": self.catalogue.read_by("facts", name),
        }

    def _value_set(self, name: str) -> Page:
        resource = self._resource(name)
        return {
            "resource": resource,
            "codes": list(map(_coding, _members(resource))),
            "keys": [
                (r, look_back(r), list(_more_filters(r, resource["url"])))
                for r in self.content.requirements.values()
                if any(f.value_set == resource["url"] for f in r.filters)
            ],
            "read_by": self.catalogue.read_by("value-sets", name),
        }

    def _resource(self, value_set: str) -> Resource:
        kind = "ValueSet"
        return next(
            r
            for r in self.content.resources.values()
            if r["resourceType"] == kind and r["id"] == value_set
        )

    # -- strategy --------------------------------------------------------------------

    def _strategy(self, _name: str) -> Page:
        strategy = self.content.strategy
        return {
            "strategy": strategy,
            "plan": strategy.plan,
            "card_entries": {p: self.catalogue.entry(Link("cards", p)) for p in self.content.cards},
            "figures": lambda conditions: of_conditions(conditions, self.catalogue.words),
        }


def _members(value_set: Resource) -> Iterator[Mapping[str, Any]]:
    """Codings of a value set: its codes, its categories of ICD, and the exceptions to these."""
    for part, words in (("include", "with all below it"), ("exclude", "not in, with all below it")):
        for node in value_set["compose"].get(part, ()):
            for concept in node.get("concept", ()):
                yield {"system": node["system"], **concept}
            for condition in node.get("filter", ()):
                yield {"system": node["system"], "code": condition["value"], "display": words}


def _coding(coding: Mapping[str, Any]) -> tuple[str, str, str]:
    system = coding.get("system", "")
    return SYSTEM_NAMES.get(system, system), coding["code"], coding.get("display", "")


def _more_filters(requirement: Requirement, url: str) -> Iterator[tuple[str, list[str]]]:
    """The other filters of a chart key: element and codes."""
    for code_filter in requirement.filters:
        if code_filter.value_set != url:
            yield code_filter.path, sorted(code for _, code in code_filter.codes)
