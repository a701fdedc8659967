"""Answers and chart entries in words: the form's own, and those of the facts library.

Nothing is put into words here: labels, short names and phrases come from content, values and dates
from the call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import Any

from cds_service.content.model import Card, Content, Question, View
from cds_service.decision.chart import Entry
from cds_service.decision.evaluate import Evaluation
from cds_service.decision.since import result_codes
from cds_service.decision.support import Fact
from cds_service.decision.support_reader import SupportReader
from cds_service.fhir.dates import Span, parse_span
from cds_service.fhirpath import FhirPathError
from cds_service.hooks.request import PRACTITIONERS

MAX_OPTIONS = 4  # of one question; the rest are counted
RECENT = timedelta(hours=24)  # a chart entry so young carries its time
MINUTE = 16  # characters of a dateTime up to the minute
PRONOUN = re.compile(r"I\b")
DATED = frozenset({"Observation", "DiagnosticReport", "Procedure", "Encounter"})


class Quotes:
    """Words for facts, of one content."""

    def __init__(self, content: Content, reader: SupportReader) -> None:
        self.content = content
        self.reader = reader
        self.say = content.strategy.wording
        self.items = content.items
        self.months = self.say["months"].split()
        self.sources = {s.id: s for s in content.sources}
        self.needed = next(view.name for view in content.views.values() if not view.prefix)

    def may_quote(self, evaluation: Evaluation, link_id: str, card: Card) -> bool:
        """An item may bind its answers to one card (``quoted-only-on``), and restricted answers
        are quoted to health professionals only (clinical specification 1.6)."""
        item = self.items.get(link_id)
        if item is None or item.quoted_only_on not in (None, card.plan["id"]):
            return False
        return not item.restricted or evaluation.facts.variables["user"]["type"] in PRACTITIONERS

    def is_quotable(self, evaluation: Evaluation, fact: Fact, card: Card) -> bool:
        """Checks whether a card may name a fact."""
        if fact.kind in ("option", "number"):
            item = self.items.get(fact.name)
            if item is None or item.never_quoted:
                return False
            if fact.kind == "number" and fact.name not in evaluation.facts.answers.view:
                return False  # a preview for somebody who did not answer it
            return self.may_quote(evaluation, fact.name, card)
        if fact.kind == "entry":
            return self.content.requirements[fact.name].quotable
        return fact.kind != "source" or bool(self.sources[fact.name].short_title)

    def groups(self, evaluation: Evaluation, facts: Iterable[Fact], card: Card) -> list[str]:
        """Facts as phrases: age and the chart first, then the needed form with the sources that the
        rule names, then each other form behind its heading; options of one question together,
        grouped items last."""
        first: list[str] = []
        by_view: dict[str, list[Fact]] = {}
        charted: list[str] = []
        for fact in facts:
            item = self.items.get(fact.name) if fact.kind in ("option", "number") else None
            if fact.kind == "age":
                first = [self.say["age"].format(value=evaluation.facts.variables["age"])]
            elif fact.kind == "source":  # stands where the rule names it
                by_view.setdefault(self.needed, []).append(fact)
            elif item is None:
                charted.append(self.phrase(evaluation, fact))
            else:
                by_view.setdefault(item.view, []).append(fact)
        words = [*first, *dict.fromkeys(charted)]
        for view in self.content.views.values():  # in their order, whatever led to them
            told = self._answers(evaluation, by_view.get(view.name, []), card)
            if told:
                words += [self._headed(evaluation, view, told[0]), *told[1:]]
        return words

    def _answers(self, evaluation: Evaluation, facts: Iterable[Fact], card: Card) -> list[str]:
        """The answers of one form."""
        groups: dict[str, list[Fact]] = {}
        last: dict[str, list[Fact]] = {}
        for fact in facts:
            if fact.kind == "source":
                groups.setdefault(self.phrase(evaluation, fact), [])
                continue
            item = self.items[fact.name]
            where, label = (last, item.group) if item.group else (groups, item.label)
            where.setdefault(label, []).append(fact)
        words = [
            self._item(evaluation, listed, card) if listed else phrase
            for phrase, listed in groups.items()
        ]
        return words + [self._group(evaluation, label, listed) for label, listed in last.items()]

    def _headed(self, evaluation: Evaluation, view: View, text: str) -> str:
        """The first answer of a form with its heading; the needed form needs none."""
        heading = self.heading(evaluation, view.name)
        return f"{heading}: {text}" if heading else text

    def heading(self, evaluation: Evaluation, view_name: str) -> str:
        """The words that stand before answers of a view, with the date; none for the needed
        form."""
        view = self.content.views[view_name]
        return view.heading.format(date=self.view_day(evaluation, view.name)) if view.prefix else ""

    def view_day(self, evaluation: Evaluation, view: str) -> str:
        """The day of the response in use of a view; empty without one."""
        response = evaluation.facts.variables.get(f"{view}Response")
        when = parse_span(response.get("authored")) if response else None
        return self.calendar_day(when) if when else ""

    def _item(self, evaluation: Evaluation, facts: list[Fact], card: Card) -> str:
        item = self.items[facts[0].name]
        values = [self._value(evaluation, item, fact, card) for fact in facts]
        shown = list(_separated(values[:MAX_OPTIONS]))
        if len(values) > MAX_OPTIONS:
            shown.append(self.say["and-more"].format(count=len(values) - MAX_OPTIONS))
        text = f"{item.label}: {', '.join(shown)}"
        ago = self.ago(evaluation, item.view)
        if facts[0].name in evaluation.facts.answers.stale:
            return self.say["still-so"].format(quote=text, ago=ago)
        return text

    def _group(self, evaluation: Evaluation, label: str, facts: list[Fact]) -> str:
        ordered = sorted(facts, key=lambda f: list(self.items).index(f.name))
        values = [self._value(evaluation, self.items[f.name], f, None) for f in ordered]
        return f"{label}: {', '.join(_separated(values))}"

    def _value(self, evaluation: Evaluation, item: Question, fact: Fact, card: Card | None) -> str:
        if fact.kind == "number":
            value = item.number.format(value=evaluation.facts.answers.view[fact.name])
        else:
            value = _small(self._option(item, fact.code, card))
        return item.template.format(value=value)

    def _option(self, item: Question, code: str, card: Card | None) -> str:
        only_here = card is not None and card.style.is_private
        if code in item.masked and not only_here:
            return item.masked[code]
        if card is not None and card.style.full_words:
            return item.displays[code]
        return item.quotes.get(code, item.displays[code])

    def option(self, link_id: str, code: str) -> str:
        """An option as it is named where it was not chosen."""
        item = self.items[link_id]
        return _small(item.quotes.get(code, item.displays[code]))

    # -- the chart ---------------------------------------------------------------------

    def phrase(self, evaluation: Evaluation, fact: Fact) -> str:
        """A chart entry, a value of the chart or another source."""
        if fact.kind == "source":
            return self.sources[fact.name].short_title
        if fact.kind == "value":
            return self._measured(evaluation, fact.name)
        return "" if fact.entry is None else self._entry(evaluation, fact.name, fact.entry)

    def _entry(self, evaluation: Evaluation, name: str, entry: Entry) -> str:
        requirement = self.content.requirements[name]
        words = requirement.short_name
        if requirement.type not in DATED:
            part = self.content.strategy.chart_parts.get(requirement.type)
            return f"{words} ({part})" if part else words
        result = self._result(entry.resource) if requirement.type == "Observation" else ""
        words = f"{words} {result}" if result else words
        return f"{words}, {self.day(evaluation, entry.when)}" if entry.when else words

    def _result(self, resource: Mapping[str, Any]) -> str:
        codes = result_codes(resource)
        for value_set, words in self.content.strategy.results.items():
            if not codes.isdisjoint(self.content.value_sets[value_set]):
                return words
        return self.say["result-unknown"]

    def _measured(self, evaluation: Evaluation, name: str) -> str:
        """A named number with the entry it was read from."""
        requirements = self.reader.requirements_of(name)
        found = [
            (entry.when.start, key, entry.when)
            for key in requirements
            for entry in evaluation.facts.entries.get(key, ())[:1]
            if entry.when is not None
        ]
        text = self.number(evaluation, name)
        if not found:
            return text
        _, key, when = max(found, key=itemgetter(0))
        short = self.content.requirements[key].short_name
        return f"{short} {text}, {self.day(evaluation, when)}"

    def number(self, evaluation: Evaluation, name: str) -> str:
        """The value of a named number, with its unit; empty when there is none."""
        try:
            values = evaluation.evaluator.bindings[name]
        except FhirPathError:
            return ""
        if len(values) != 1:
            return ""
        value = values[0].get("value") if isinstance(values[0], dict) else values[0]
        value = Decimal(str(value)) if isinstance(value, float) else value
        plain = format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)
        return plain + self.content.names[name].unit

    # -- dates -------------------------------------------------------------------------

    def day(self, evaluation: Evaluation, when: Span) -> str:
        """A date as precise as it was written; with its time when it is a day old at most."""
        now = evaluation.now
        if len(when.text) >= MINUTE and timedelta() <= now - when.start <= RECENT:
            local = _local(when)
            here = now.astimezone(local.tzinfo)
            word = self.say["today" if local.date() == here.date() else "yesterday"]
            return f"{word} {local:%H:%M}"
        return self.calendar_day(when)

    def calendar_day(self, when: Span) -> str:
        """A date as precise as it was written, without its time."""
        year, *rest = when.text[:10].split("-")
        month = self.months[int(rest[0]) - 1] if rest else ""
        day = str(int(rest[1])) if len(rest) > 1 else ""
        return " ".join(word for word in (day, month, year) if word)

    def ago(self, evaluation: Evaluation, view: str = "") -> str:
        """Returns how long ago the answers of a view (without one: of the needed form) were given,
        in calendar days, or that the date is not known."""
        authored = evaluation.facts.others.get(view, evaluation.facts.answers).authored
        if authored is None:
            return self.say["unknown-date"]
        days = (evaluation.now.astimezone(authored.tzinfo).date() - authored.date()).days
        if days <= 1:
            return self.say["yesterday" if days == 1 else "today"]
        return self.say["days-ago"].format(count=days)


def _local(when: Span) -> datetime:
    """The start in the offset it was written with."""
    text = when.text.replace("Z", "+00:00")
    written = datetime.fromisoformat(text)
    return written if written.tzinfo else when.start


def _small(text: str) -> str:
    """The first letter small, unless it begins with "I" or two capitals."""
    if PRONOUN.match(text) or text[1:2].isupper():
        return text
    return text[:1].lower() + text[1:]


def _separated(values: list[str]) -> Iterator[str]:
    """Values that can be told apart when commas stand between them."""
    for value in values:
        yield f'"{value}"' if "," in value and len(values) > 1 else value
