"""An evaluation as CDS Hooks cards (``docs/conformance.md`` section 4).

All words come from content: summaries, reasons and orders from the plans, the fixed phrases from
the strategy's ``card-wording``. A card says the finding and the next step in its summary, the
reasons in this person's own words below it, what to do now, and what is still open; the full
reasoning stands behind a link. Whatever a person typed is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from cds_service.content import extensions as ext
from cds_service.content.justification import Evidence, EvidenceReader
from cds_service.content.model import INDICATORS, Card, Content, Contribution, Suggestion
from cds_service.decision.evaluate import Evaluation, WantedCard
from cds_service.decision.support import Fact, Values
from cds_service.decision.support_reader import SupportReader
from cds_service.hooks.detail import ORDERS, Detail
from cds_service.hooks.drafts import Call, suggestion_json
from cds_service.hooks.own_words import escape
from cds_service.hooks.quotes import Quotes
from cds_service.hooks.sheet import Sheet, compose, message, told_lines
from cds_service.hooks.still_open import StillOpen
from cds_service.hooks.templates import FACTS, Templates

NAMED = 3  # sources named where a card is told elsewhere
MAX_ALSO = 2  # further sources named among the things to do
MAX_TOPICS = 5  # of the self-care sheet, named on its card
MAX_DEFERRED = 3
MAX_QUOTE = 500  # characters of a person's own words
MAX_SHORT_STRENGTH = 2  # words
MESSAGE = "CommunicationRequest"  # the order that sends the sheet


@dataclass(slots=True)
class _Response:
    """State shared by the cards of one response."""

    values: Values
    asks_now: bool
    exam_said: bool = False


class CardWriter:
    """Writes cards for one content; what does not depend on a call is worked out once."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self.say = content.strategy.wording
        reader, evidence = SupportReader(content), EvidenceReader(content.names, content.prefixes)
        self.reader = reader
        self.quotes = Quotes(content, reader)
        self.templates = Templates(content, self.quotes)
        self.open = StillOpen(content, self.quotes, reader)
        self.support = self.open.parts
        self.evidence: dict[Contribution, Evidence] = {
            c: evidence.of(c.conditions) for c in self.support
        }
        self.basis = {c: _documents(c) for c in self.support}
        self.restricted = frozenset(
            path for path, i in content.items.items() if i.restricted and not i.never_quoted
        )

    def cards(self, evaluation: Evaluation, call: Call) -> list[dict[str, Any]]:
        """The cards shown, in order, as CDS Hooks JSON without nulls or empties."""
        response = self._response(evaluation)
        return [self._card(evaluation, wanted, call, response) for wanted in evaluation.shown]

    def details(self, evaluation: Evaluation) -> Iterator[tuple[WantedCard, Detail]]:
        """The cards shown with the parts of their details, for authors."""
        response = self._response(evaluation)
        for wanted in evaluation.shown:
            yield wanted, self.detail(evaluation, wanted, response, _sheet(wanted))

    def sheets(self, evaluation: Evaluation) -> Iterator[tuple[WantedCard, str]]:
        """The cards shown that hold a self-care sheet, with its text, for authors."""
        response = self._response(evaluation)
        for wanted in evaluation.shown:
            sheet = _sheet(wanted)
            if sheet:
                parts = message(sheet, self.support, response.values, self.say)
                yield wanted, " ".join(part["contentString"] for part in parts)

    def _response(self, evaluation: Evaluation) -> _Response:
        values = Values(evaluation.facts, evaluation.evaluator.bindings, self.restricted)
        return _Response(values, any(w.card.style.names_emergencies for w in evaluation.shown))

    def _card(
        self, evaluation: Evaluation, wanted: WantedCard, call: Call, response: _Response
    ) -> dict[str, Any]:
        plan = wanted.card.plan
        sheet = _sheet(wanted)
        card: dict[str, Any] = {
            "uuid": call.uuid(plan["url"]),
            "summary": self.summary(evaluation, wanted),
            "detail": self.detail(evaluation, wanted, response, sheet).render(),
            "indicator": INDICATORS[wanted.priority],
            "source": self._source(wanted),
        }
        payload = message(sheet, self.support, response.values, self.say) if sheet else []
        suggestions = [
            suggestion_json(s, plan["url"], call, evaluation.now, payload)
            for s in wanted.suggestions
            if s.order
        ]
        if suggestions:
            card["suggestions"] = suggestions
            card["selectionBehavior"] = wanted.card.selection_behavior
        reasons = list(self._override_reasons(wanted))
        if reasons:
            card["overrideReasons"] = reasons
        links = self._links(wanted, call)
        if sheet and any(_is_message(s) for s in wanted.suggestions):
            links = chain([self._print_link(sheet, response.values, call)], links)
        card["links"] = list(links)
        return card

    def _source(self, wanted: WantedCard) -> dict[str, Any]:
        documents: list[Mapping[str, Any]] = [*self._basis(wanted), *wanted.card.documentation[:1]]
        first = documents[0] if documents else {}
        label = first.get("display", self.say["specification"])
        source = {
            "label": self.say["source"].format(source=label),
            "topic": dict(wanted.card.topic),
        }
        if "url" in first:
            source["url"] = first["url"]
        return source

    def _override_reasons(self, wanted: WantedCard) -> Iterator[dict[str, str]]:
        offered = {code for c in wanted.reasons for code in c.overrides} or wanted.card.overrides
        return (
            dict(coding)
            for code, coding in self.content.override_reasons.items()
            if code in offered
        )

    def _form_url(self, canonical: str, call: Call) -> str:
        """The address of a form; the needed one keeps its own."""
        is_needed = canonical == self.content.questionnaire.url
        return call.form_url(canonical.rpartition("/")[2], is_needed=is_needed)

    def _links(self, wanted: WantedCard, call: Call) -> Iterator[dict[str, str]]:
        for suggestion in wanted.suggestions:
            if suggestion.form:
                yield {
                    "label": suggestion.label,
                    "url": self._form_url(suggestion.form, call),
                    "type": "absolute",
                }
        anchor = f"#{wanted.speaker.source.id}" if wanted.speaker else ""
        url = f"{call.content_url}/cards/{wanted.card.plan['id']}{anchor}"
        yield {"label": self.say["full-reasoning"], "url": url, "type": "absolute"}

    def _print_link(self, sheet: Sheet, values: Values, call: Call) -> dict[str, str]:
        """The page that prints the sheet; its fragment, which no server sees, ticks the lines."""
        lines = ".".join(line.id for line in told_lines(sheet, self.support, values))
        url = f"{call.content_url}/sheet#l={lines}"
        return {"label": self.say["print-sheet"], "url": url, "type": "absolute"}

    # -- the summary -------------------------------------------------------------------

    def summary(self, evaluation: Evaluation, wanted: WantedCard) -> str:
        """The most pressing source's own summary, and how many more there are."""
        text = self.templates.fill(wanted.summary, evaluation)
        more = len(self._further(evaluation, wanted))
        if not more or not wanted.card.style.counts or wanted.card.style.is_generic:
            return text
        return self.say["summary-more"].format(summary=text, count=more)

    def _further(self, evaluation: Evaluation, wanted: WantedCard) -> list[str]:
        """The own summaries of the other sources, each once."""
        own = self.templates.fill(wanted.summary, evaluation)
        texts = (
            self.templates.fill(c.summary, evaluation)
            for c in wanted.reasons[1:]
            if c.summary and c.counted
        )
        return [text for text in dict.fromkeys(texts) if text != own]

    # -- the detail --------------------------------------------------------------------

    def detail(
        self,
        evaluation: Evaluation,
        wanted: WantedCard,
        response: _Response,
        sheet: Sheet | None = None,
    ) -> Detail:
        """The parts of the detail, shortened to the card's budget."""
        style = wanted.card.style
        place = evaluation.shown.index(wanted)
        detail = Detail(self.say, basis=self._basis_line(wanted))
        detail.why = list(dict.fromkeys(self._why(evaluation, wanted, response.values)))[
            : style.reasons
        ]
        detail.not_reported = self._not_reported(evaluation, wanted)
        detail.answered = self._answered(evaluation)
        self._add_to_do(detail, evaluation, wanted)
        if not response.exam_said and any(s.is_exam for s in wanted.suggestions):
            detail.exam, response.exam_said = self.say["exam"], True
        if wanted.speaker:
            detail.think_of = self.templates.fill(wanted.speaker.think_of, evaluation)
        if sheet is not None:
            self._add_sheet(detail, wanted, sheet)
        notes = [n for n in evaluation.notes if place == 0 or not n.only_first]
        told = {
            part: [self.templates.fill(n.text, evaluation) for n in notes if n.part == part]
            for part in ("still-open", "privacy")
        }
        detail.still_open = list(
            self.open.lines(evaluation, wanted, response.values, response.asks_now)
        )
        detail.still_open += told["still-open"]
        detail.privacy = told["privacy"]
        detail.own_words = self._own_words(evaluation, wanted.card)
        if place == len(evaluation.shown) - 1:
            self._add_deferred(detail, evaluation)
        detail.shorten(style.words, ORDERS[style.shorten])
        return detail

    def _why(self, evaluation: Evaluation, wanted: WantedCard, values: Values) -> Iterator[str]:
        """One line a source: its reason, with what made it true and is not on the card yet."""
        style = wanted.card.style
        seen: set[object] = set()
        most = style.facts
        kept = False
        for reason in wanted.told:
            new, hidden = self._new_facts(evaluation, reason, wanted.card, values, seen)
            kept = kept or hidden
            words = self.quotes.groups(evaluation, new, wanted.card)
            if f"{{{FACTS}}}" in reason.reason and not words:
                continue
            shown = words[: most + any(f.kind == "age" for f in new)]
            if len(words) > len(shown):
                shown.append(self.say["and-more"].format(count=len(words) - len(shown)))
            yield self.templates.fill(reason.reason, evaluation, {FACTS: "; ".join(shown)})
            most = style.more_facts
        if kept:
            yield self.say["kept-private"]

    def _new_facts(
        self,
        evaluation: Evaluation,
        reason: Contribution,
        card: Card,
        values: Values,
        seen: set[object],
    ) -> tuple[list[Fact], bool]:
        """Returns what supports a reason, is not quoted yet and may be; and whether anything may
        not."""
        new, hidden = [], False
        for fact in self.support[reason].support(values):
            if fact.key in seen:
                continue
            seen.add(fact.key)
            if fact.kind == "source" and self._is_told(fact, values, seen):
                continue
            if self.quotes.is_quotable(evaluation, fact, card):
                new.append(fact)
            elif fact.name in self.restricted:
                item = self.content.items[fact.name]
                hidden = hidden or item.quoted_only_on in (None, card.plan["id"])
        return new, hidden

    def _is_told(self, fact: Fact, values: Values, seen: set[object]) -> bool:
        """Checks whether everything another source rests on is on the card already."""
        rule = self.quotes.sources[fact.name].rule
        return rule is not None and all(
            f.key in seen for f in self.reader.named(rule).support(values)
        )

    def _not_reported(self, evaluation: Evaluation, wanted: WantedCard) -> str:
        sheet, named = evaluation.facts.answers, []
        for link_id, code in wanted.speaker.not_reported if wanted.speaker else ():
            answer = sheet.view.get(link_id)
            if link_id in sheet.stale or not isinstance(answer, dict):
                continue
            if code.startswith("="):  # an option that itself says no
                if answer.get(code[1:]):
                    named.append(self.content.items[link_id].label)
            elif answer.get(code) is False:
                named.append(self.quotes.option(link_id, code))
        return self.say["not-reported"].format(items=", ".join(named)) if named else ""

    def _answered(self, evaluation: Evaluation) -> str:
        if evaluation.facts.answers.authored is None:
            return ""  # said among what is still open
        return self.say["answered"].format(ago=self.quotes.ago(evaluation))

    def _add_to_do(self, detail: Detail, evaluation: Evaluation, wanted: WantedCard) -> None:
        style, own = wanted.card.style, [c for c in wanted.reasons if c.do_now]
        instead = next((s.label for s in wanted.suggestions if s.instead), None)
        if wanted.speaker is None:  # a rule could not be asked: the card's own lines
            detail.do_now = [s.label for s in wanted.suggestions if not s.order]
        if instead or own:
            text = instead or self.templates.fill(own[0].do_now, evaluation)
            detail.do_now = [text]
        if style.also == "do-now":
            detail.do_now += [self.templates.fill(c.do_now, evaluation) for c in own[1:2]]
        elif style.also == "summary":
            texts = self._further(evaluation, wanted)
            detail.also = [self.say["also"].format(text=t) for t in texts[:MAX_ALSO]]
            detail.also_more = max(len(texts) - MAX_ALSO, 0)
        detail.do_now += [
            self.templates.fill(c.do_now, evaluation) for c in wanted.advice if c.do_now
        ]

    def _add_sheet(self, detail: Detail, wanted: WantedCard, sheet: Sheet) -> None:
        if any(s.instead == "no-sheet" for s in wanted.suggestions):
            return
        topics = sheet.topics
        detail.sheet, detail.sheet_more = topics[:MAX_TOPICS], max(len(topics) - MAX_TOPICS, 0)
        detail.sheet_end = [self.say["topic-seek-care"]]
        if sheet.has_relief:
            detail.sheet_end.insert(0, self.say["topic-relief"])
            detail.check_first = sheet.check_first

    def _add_deferred(self, detail: Detail, evaluation: Evaluation) -> None:
        named = evaluation.deferred[:MAX_DEFERRED]
        detail.deferred_titles = [w.card.title for w in named]
        detail.deferred = [
            w.card.title
            if w.card.style.is_generic or not w.card.style.counts  # it names no finding
            else self.templates.fill(w.summary, evaluation)
            for w in named
        ]
        detail.deferred_more = len(evaluation.deferred) - len(named)

    def _own_words(self, evaluation: Evaluation, card: Card) -> str:
        """The person's own words, on the card that may quote them."""
        told = [
            escape(text[:MAX_QUOTE])
            for link_id, text in evaluation.facts.answers.texts.items()
            if self.quotes.may_quote(evaluation, link_id, card)
        ]
        return self.say["in-own-words"].format(text=" ".join(told)) if told else ""

    # -- what it rests on --------------------------------------------------------------

    def _basis(self, wanted: WantedCard) -> list[dict[str, Any]]:
        """The first document of the speaker, and of the next source that has another."""
        found: dict[str, dict[str, Any]] = {}
        for reason in wanted.reasons[: wanted.card.style.reasons]:
            for document in self.basis[reason][:1]:
                found.setdefault(document["display"], document)
        return list(found.values())[:2]

    def _basis_line(self, wanted: WantedCard) -> str:
        named = [document["line"] for document in self._basis(wanted)]
        version = self.content.strategy.plan["version"]
        phrase = "version-draft" if self.content.draft else "version"
        return self.say[phrase].format(
            basis="; ".join(named) or self.say["specification"], version=version
        )

    # -- what may be told elsewhere ----------------------------------------------------

    def may_tell(self, evaluation: Evaluation, reason: Contribution, card: Card) -> bool:
        """Checks whether the conditions of a reason may be told with a card: nothing they look at
        is kept from it."""
        evidence = self.evidence[reason]
        leaves = {*(clue.leaf for clue in evidence.supporting), *evidence.contrary}
        return all(
            self._may_name(name) if where == "%" else self.quotes.may_quote(evaluation, where, card)
            for where, name in leaves
        )

    def _may_name(self, name: str) -> bool:
        requirement = self.content.requirements.get(name)
        return requirement is None or requirement.quotable


def _is_message(suggestion: Suggestion) -> bool:
    return (suggestion.order or {}).get("resourceType") == MESSAGE


def _sheet(wanted: WantedCard) -> Sheet | None:
    """The self-care sheet of the card that has one."""
    return compose(wanted) if any(c.sheet for c in wanted.advice) else None


def _documents(contribution: Contribution) -> list[dict[str, Any]]:
    """Documents with ``line``: the display, and what the plan's citation says of its strength."""
    cited = {a.get("label"): a for a in contribution.source.plan.get("relatedArtifact", ())}
    found = []
    for document in contribution.documentation:
        if "display" not in document:
            continue
        artifact = cited.get(document.get("label"), {})
        strength = ext.value(artifact, ext.STRENGTH, {}).get("text", "")
        short = strength if len(strength.split()) <= MAX_SHORT_STRENGTH else strength.split()[0]
        line = f"{document['display']} ({short.rstrip(',;')})" if short else document["display"]
        found.append({**document, "line": line})
    return found
