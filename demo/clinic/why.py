"""Why these cards and not the others: one evaluation as a page for people.

The same request the browser sent to the service is evaluated once more here, by the same code
(``decision.explain``), and grouped by answer. Only this page knows what came before: a card that
is asked for and was not shown by the service was settled earlier.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from cds_service.access.clients import Client
from cds_service.access.fhir_client import FhirClient, Limits
from cds_service.content.justification import Evidence, EvidenceReader
from cds_service.content.model import Contribution, Requirement, Source
from cds_service.decision.evaluate import Answer, Evaluation, WantedCard
from cds_service.decision.explain import explain
from cds_service.fhir.errors import ServiceError
from cds_service.hooks.pipeline import Pipeline
from demo.clinic.body import filled_maps
from demo.clinic.diagram import ContentSteps, PersonDiagrams
from demo.clinic.timeline import settled_topics, timeline

ORDER = ("yes", "unknown", "error", "no")
NOT_ANSWERED, NO_ENTRY = "not answered", "no entry"
MAX_OPEN_WORDS = 250  # of the diagrams that are open when the page opens
DAY = 10  # characters of a date without its time


@dataclass
class WhyNot:
    """Evaluates requests as the service does, fetching from the clinic's FHIR server only."""

    pipeline: Pipeline
    fhir: str
    client: FhirClient = field(default_factory=lambda: FhirClient(Limits()))

    def __post_init__(self) -> None:
        self.steps = ContentSteps(self.pipeline.content)
        self.evidence = EvidenceReader(self.pipeline.content.names, self.pipeline.content.prefixes)
        self._policy = Client(id="clinic", fhirServers=(self.fhir,)).fhir_policy(True)

    def evaluate(self, body: Any) -> Evaluation:
        """Raises ServiceError for what the service would refuse."""
        service = self.pipeline.service_for(body.get("hook") if isinstance(body, dict) else None)
        fetch = partial(self.client.fetch, policy=self._policy)
        return self.pipeline.evaluation(service, body, datetime.now(UTC), fetch)[1]


def why(why_not: WhyNot, request: str, shown: str, settled: str = "") -> dict[str, Any]:
    """Returns the values of the page: ``problems`` when the request cannot be answered, else
    ``diagrams``, ``cards``, ``rules``, ``timeline`` and ``filled``.

    ``request`` is the JSON that was sent, ``shown`` a JSON list of the topics shown, ``settled`` a
    JSON object of topics and the instants at which they were settled.
    """
    try:
        evaluation = why_not.evaluate(json.loads(request))
        topics = {str(topic) for topic in json.loads(shown or "[]")}
        dates = settled_topics(json.loads(settled or "{}"))
    except ServiceError as error:
        return {"problems": [issue.diagnostics for issue in error.issues]}
    except (ValueError, TypeError):
        return {"problems": ["Open this page from a person's chart, after calling the service."]}
    told = explain(evaluation)
    telling = _Telling(evaluation, why_not.evidence, told)
    return {
        "problems": [],
        "told": told,
        "usable": told["answers"]["usable"],
        "diagrams": list(_diagrams(evaluation, PersonDiagrams(evaluation, why_not.steps))),
        "cards": list(_cards(evaluation, topics)),
        "settled": dates,
        "days": evaluation.content.strategy.repeat_days,
        "timeline": timeline(evaluation, dates),
        "filled": filled_maps(evaluation),
        "rules": sorted(map(telling.rule, evaluation.content.sources), key=_order),
        "counts": _counts(telling, evaluation.content.sources),
    }


def _order(rule: Mapping[str, Any]) -> int:
    return ORDER.index(rule["answer"])


def _counts(telling: _Telling, sources: Iterable[Source]) -> dict[str, int]:
    answers = [telling.answer(source) for source in sources]
    return {answer: answers.count(answer) for answer in ORDER if answer in answers}


# -- cards ---------------------------------------------------------------------------------


def _diagrams(evaluation: Evaluation, diagrams: PersonDiagrams) -> Iterator[dict[str, Any]]:
    """Every card shown with one diagram for each source that speaks on it."""
    left = MAX_OPEN_WORDS
    for wanted in evaluation.shown:
        sources = []
        for reason in wanted.reasons:
            source = reason.source
            rule = evaluation.content.names.get(source.rule or "")
            expressions = [rule.expression] if rule else [c.expression for c in reason.conditions]
            steps = [diagrams.diagram(expression.tree) for expression in expressions]
            left -= sum(step.open_words for step in steps)
            is_open = left >= 0 or (not sources and wanted is evaluation.shown[0])
            sources.append(
                {"id": source.id, "title": source.title, "steps": steps, "open": is_open}
            )
        yield {"title": wanted.card.title, "summary": wanted.summary, "sources": sources}


def _cards(evaluation: Evaluation, topics: set[str]) -> Iterator[dict[str, Any]]:
    """Every card of the content with what became of it, the shown ones first."""
    told = set()
    groups = (
        ("shown", evaluation.shown),
        ("deferred", evaluation.deferred),
        ("held", evaluation.held),
    )
    for state, cards in groups:
        for wanted in cards:
            told.add(wanted.card.id)
            settled = state == "shown" and wanted.card.topic["code"] not in topics
            yield _card(wanted, "settled" if settled else state, evaluation)
    for card in evaluation.content.cards.values():
        if card.id not in told:
            yield {"title": card.title, "state": "not asked for", "reasons": [], "conditions": []}


def _card(wanted: WantedCard, state: str, evaluation: Evaluation) -> dict[str, Any]:
    return {
        "topic": wanted.card.topic["code"],
        "title": wanted.card.title,
        "summary": wanted.summary,
        "state": state,
        "reasons": list(dict.fromkeys(reason.reason for reason in wanted.reasons)),
        "conditions": [
            {"description": c.description, "answer": str(evaluation.evaluator.answer(c))}
            for c in wanted.card.conditions
        ],
    }


# -- rules ---------------------------------------------------------------------------------


@dataclass
class _Telling:
    evaluation: Evaluation
    evidence: EvidenceReader
    told: Mapping[str, Any]

    def contributions(self, source: Source) -> list[Contribution]:
        """Everything a source asks for, whichever card it is."""
        everything = self.evaluation.content.contributions.values()
        return [c for found in everything for c in found if c.source is source]

    def answer(self, source: Source) -> str:
        """The answer of the source's rule or, where it has none, of what it asks for."""
        if source.rule:
            return str(self.told["rules"][source.id])
        evaluator = self.evaluation.evaluator
        applies = {str(evaluator.all_hold(c.conditions)) for c in self.contributions(source)}
        return next(answer for answer in ORDER if answer in applies)

    def rule(self, source: Source) -> dict[str, Any]:
        """One rule in words: what it asks for, what speaks for it, what is missing."""
        contributions = self.contributions(source)
        conditions = tuple(c for one in contributions for c in one.conditions)
        evidence = self.evidence.of(conditions)
        named = self.evaluation.content.names.get(source.rule or "")
        asks = [self._asks(c) for c in contributions]
        answers = list(self._answers(evidence))
        return {
            "id": source.id,
            "title": source.title,
            "answer": self.answer(source),
            "words": named.description if named else "",
            "asks": [ask for ask in asks if not ask["advice"]],
            "adds": self._added_lines(contributions),
            "silent": sum(ask["advice"] and ask["applies"] != "yes" for ask in asks),
            "speaks": list(self._speaks(evidence)),
            "missing": [a["label"] for a in answers if a["value"] == NOT_ANSWERED],
            "facts": list(self._facts(named.expression.variables if named else ())),
            "answers": answers,
            "chart": list(self._chart(evidence)),
        }

    def _added_lines(self, contributions: Iterable[Contribution]) -> dict[str, list[str]]:
        """Card -> the lines of advice that apply."""
        lines: dict[str, list[str]] = {}
        for one in contributions:
            applies = self.evaluation.evaluator.all_hold(one.conditions)
            if one.advice and applies is Answer.YES:
                title = self.evaluation.content.cards[one.card].title
                lines.setdefault(title, []).append(one.reason)
        return lines

    def _asks(self, contribution: Contribution) -> dict[str, Any]:
        conditions = [
            {"description": c.description, "answer": str(self.evaluation.evaluator.answer(c))}
            for c in contribution.conditions
        ]
        return {
            "card": self.evaluation.content.cards[contribution.card].title,
            "advice": contribution.advice,
            "applies": str(self.evaluation.evaluator.all_hold(contribution.conditions)),
            "conditions": conditions,
        }

    def _facts(self, names: Iterable[str]) -> Iterator[dict[str, str]]:
        for name in sorted(names):
            fact = self.evaluation.content.names.get(name)
            if fact and name in self.told["facts"]:
                yield {"description": fact.description, "value": _value(self.told["facts"][name])}

    def _speaks(self, evidence: Evidence) -> Iterator[dict[str, Any]]:
        """Answers that were chosen and entries that are there, of those that speak for the rule."""
        leaves = dict.fromkeys(clue.leaf for clue in evidence.supporting)
        chosen = {link_id for link_id, code in leaves if self._is_chosen(link_id, code)}
        items = dict.fromkeys(link_id for link_id, _ in leaves)
        yield from (self._answer(link_id) for link_id in items if link_id in chosen)
        for entry in self._chart(evidence):
            if entry["value"] != NO_ENTRY:
                yield entry

    def _is_chosen(self, link_id: str, code: str) -> bool:
        answer = self.evaluation.facts.answers.view.get(link_id)
        return answer.get(code) is True if isinstance(answer, dict) else answer is not None

    def _answers(self, evidence: Evidence) -> Iterator[dict[str, Any]]:
        leaves = (*(clue.leaf for clue in evidence.supporting), *evidence.contrary)
        for link_id in dict.fromkeys(leaf[0] for leaf in leaves if leaf[0] != "%"):
            yield self._answer(link_id)

    def _answer(self, link_id: str) -> dict[str, Any]:
        sheet = self.evaluation.facts.answers
        item = self.evaluation.content.items[link_id]
        return {
            "label": item.label,
            "value": self._said(link_id),
            "restricted": item.restricted and link_id in sheet.view,
            "stale": link_id in sheet.stale,
        }

    def _said(self, link_id: str) -> str:
        sheet = self.evaluation.facts.answers
        if link_id not in sheet.view:
            return NOT_ANSWERED if link_id in sheet.unanswered else "not asked"
        answer = sheet.view[link_id]
        if not isinstance(answer, dict):
            return str(answer)
        words = self.evaluation.content.items[link_id].displays
        chosen = [words.get(code, code) for code, is_chosen in answer.items() if is_chosen]
        return "; ".join(chosen) or "nothing that still counts"

    def _chart(self, evidence: Evidence) -> Iterator[dict[str, str]]:
        leaves = (*(clue.leaf for clue in evidence.supporting), *evidence.contrary)
        for name in dict.fromkeys(leaf[1] for leaf in leaves if leaf[0] == "%"):
            requirement = self.evaluation.content.requirements.get(name)
            if requirement:
                yield {"label": self._sought(requirement), "value": self._entries(name)}

    def _sought(self, requirement: Requirement) -> str:
        value_set = self.evaluation.content.resources.get(requirement.main.value_set or "", {})
        words = str(value_set.get("title", requirement.id))
        if requirement.window is None:
            return f"{words} ({requirement.type})"
        amount, unit = requirement.window
        return f"{words} ({requirement.type}), last {amount} {'days' if unit == 'd' else 'hours'}"

    def _entries(self, name: str) -> str:
        entries = self.evaluation.facts.entries.get(name, ())
        displays = self.evaluation.content.displays
        found = (
            f"{displays.get(e.coding, e.coding[1])}{f', {e.when.text[:DAY]}' if e.when else ''}"
            for e in entries
        )
        return "; ".join(found) or NO_ENTRY


def _value(value: Any) -> str:
    """A fact's value in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "nothing known"
    if isinstance(value, dict):
        return str(value.get("error") or f"{value.get('value')} {value.get('unit', '')}".strip())
    return "; ".join(map(_value, value)) if isinstance(value, list) else str(value)
