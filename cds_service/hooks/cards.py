"""An evaluation as CDS Hooks cards (``docs/conformance.md`` section 4).

All words come from content: summaries, reasons and orders from the plans, the fixed phrases from
the strategy's ``card-wording``. The detail has five parts (README, Try it), as
GitHub-flavoured Markdown; whatever a person typed is escaped.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cds_service.content import extensions as ext
from cds_service.content.justification import Evidence, EvidenceReader
from cds_service.content.model import (
    INDICATORS,
    URGENCY,
    Card,
    Content,
    Contribution,
    InputRef,
    Suggestion,
)
from cds_service.content.orders import SUBJECT
from cds_service.decision.evaluate import Evaluation, WantedCard
from cds_service.fhirpath import FhirPathError
from cds_service.hooks.request import PRACTITIONERS, HookRequest
from cds_service.hooks.unread_lines import unread_lines

NAMED = 4  # sources named on a card; the rest are counted (clinical specification 1.5)
DAY = 10  # characters of a date without its time
MAX_QUOTE = 500  # characters of a person's own words


@dataclass(frozen=True, slots=True)
class Call:
    """What a card takes from the call it answers; ``client`` is the id of the caller."""

    request: HookRequest
    intake_url: str
    client: str
    make_uuid: Callable[..., str]

    def uuid(self, *parts: str) -> str:
        """The id of something in the response to this call, the same whenever the call is repeated.

        A keyed hash of client and patient too: calls about two patients may have one hookInstance,
        and feedback on a card of the one must not settle a card of the other.
        """
        request = self.request
        scope = (self.client, request.patient_id, request.hook_instance)
        return self.make_uuid("call", *scope, *parts)


def unkeyed_uuid(*parts: str) -> str:
    """A uuid that anybody can make: for explain and vignettes, whose cards are sent to nobody."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "\n".join(parts)))


class CardWriter:
    """Writes cards for one content; what does not depend on a call is worked out once."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self.say = content.strategy.wording
        reader = EvidenceReader(content.names)
        self.evidence: dict[Contribution, Evidence] = {
            c: reader.of(c.conditions) for cs in content.contributions.values() for c in cs
        }
        self.basis: dict[Contribution, tuple[str, ...]] = {
            c: tuple(_basis_lines(c)) for cs in content.contributions.values() for c in cs
        }

    def cards(self, evaluation: Evaluation, call: Call) -> list[dict[str, Any]]:
        """The cards shown, in order, as CDS Hooks JSON without nulls or empties."""
        last = len(evaluation.shown) - 1
        return [
            self._card(evaluation, wanted, call, with_deferred=place == last)
            for place, wanted in enumerate(evaluation.shown)
        ]

    def _card(
        self, evaluation: Evaluation, wanted: WantedCard, call: Call, with_deferred: bool
    ) -> dict[str, Any]:
        plan = wanted.card.plan
        card: dict[str, Any] = {
            "uuid": call.uuid(plan["url"]),
            "summary": wanted.summary,
            "detail": self._detail(evaluation, wanted, with_deferred),
            "indicator": INDICATORS[wanted.priority],
            "source": self._source(wanted.card),
        }
        suggestions = [
            _suggestion(s, plan["url"], call, evaluation.now, _advice(wanted))
            for s in wanted.suggestions
            if s.order
        ]
        if suggestions:
            card["suggestions"] = suggestions
            card["selectionBehavior"] = wanted.card.selection_behavior
        reasons = list(self._override_reasons(wanted))
        if reasons:
            card["overrideReasons"] = reasons
        links = list(_links(wanted, call))
        if links:
            card["links"] = links
        return card

    def _source(self, card: Card) -> dict[str, Any]:
        first = card.documentation[0] if card.documentation else {}
        label = first.get("display", card.plan["publisher"])
        source = {"label": self.say["source"].format(source=label), "topic": dict(card.topic)}
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

    # -- detail ----------------------------------------------------------------------

    def _detail(self, evaluation: Evaluation, wanted: WantedCard, with_deferred: bool) -> str:
        parts = [
            (None, [wanted.card.opening] if wanted.card.opening else []),
            ("why", list(self._why(evaluation, wanted))),
            ("unknown", list(self._unknown(evaluation, wanted)) or [self.say["nothing-unknown"]]),
            ("consider", list(self._consider(wanted))),
            ("options", list(self._options(wanted))),
            ("also-consider", self._deferred(evaluation) if with_deferred else []),
            ("basis", list(self._basis(wanted))),
        ]
        return "\n\n".join(
            f"**{self.say[heading]}**\n\n" + "\n".join(f"- {line}" for line in lines)
            if heading
            else "\n".join(lines)
            for heading, lines in parts
            if lines
        )

    def _why(self, evaluation: Evaluation, wanted: WantedCard) -> Iterator[str]:
        sheet = evaluation.facts.answers
        for reason in wanted.reasons[:NAMED]:
            quoted = dict.fromkeys(self._quotes(evaluation, reason, wanted.card))
            yield reason.reason + (f" ({', '.join(quoted)})" if quoted else "")
        if len(wanted.reasons) > NAMED:
            yield self.say["and-more"].format(count=len(wanted.reasons) - NAMED)
        if sheet.authored is not None:
            yield self.say["answers-given"].format(date=sheet.authored.date().isoformat())
        clues = [clue for c in wanted.reasons for clue in self.evidence[c].supporting]
        supporting = {clue.leaf[0] for clue in clues}
        if sheet.age is not None and supporting & sheet.stale:
            hours = int(sheet.age.total_seconds() // 3600)
            yield self.say["answers-old"].format(hours=hours)
        for link_id, text in sheet.texts.items():
            if self._may_quote(evaluation, link_id, wanted.card):
                yield self.say["own-words"].format(text=escape(text[:MAX_QUOTE]))

    def _quotes(self, evaluation: Evaluation, reason: Contribution, card: Card) -> Iterator[str]:
        """Answers and chart entries that speak for a reason, as codes and dates, not prose."""
        for clue in self.evidence[reason].supporting:
            quote = None
            if clue.leaf[0] == "%":
                quote = self._chart_quote(evaluation, clue.leaf[1])
            elif self._may_quote(evaluation, clue.leaf[0], card):
                quote = _answer_quote(evaluation, clue.leaf)
            if quote and all(_holds(evaluation, name) for name in clue.through):
                yield quote

    def _may_quote(self, evaluation: Evaluation, link_id: str, card: Card) -> bool:
        """An item may bind its answers to one card (``quoted-only-on``), and restricted answers
        are quoted to health professionals only (clinical specification 1.6)."""
        item = self.content.questionnaire.items.get(link_id)
        if item is None or item.quoted_only_on not in (None, card.plan["id"]):
            return False
        return not item.restricted or evaluation.facts.variables["user"]["type"] in PRACTITIONERS

    def may_tell(self, evaluation: Evaluation, reason: Contribution, card: Card) -> bool:
        """Whether the conditions of a reason may be told with a card: nothing they look at is kept
        from it."""
        evidence = self.evidence[reason]
        leaves = {*(clue.leaf for clue in evidence.supporting), *evidence.contrary}
        return all(
            self._may_name(name) if where == "%" else self._may_quote(evaluation, where, card)
            for where, name in leaves
        )

    def _may_name(self, name: str) -> bool:
        requirement = self.content.requirements.get(name)
        return requirement is None or requirement.quotable

    def _chart_quote(self, evaluation: Evaluation, name: str) -> str | None:
        requirement = self.content.requirements.get(name)
        entries = evaluation.facts.entries.get(name)
        if requirement is None or not requirement.quotable or not entries:
            return None
        entry = entries[0]
        display = self.content.display_of(entry.coding)
        return f"{display}, {entry.when.text[:DAY]}" if entry.when else display

    def _unknown(self, evaluation: Evaluation, wanted: WantedCard) -> Iterator[str]:
        sheet = evaluation.facts.answers
        watched = {leaf[0] for c in wanted.reasons for leaf in self.evidence[c].contrary}
        items = self.content.questionnaire.items
        labels = dict.fromkeys(items[i].label for i in items if i in watched & sheet.unanswered)
        if labels:
            yield self.say["not-answered"].format(items=", ".join(labels))
        unread = dict.fromkeys(items[i].label for i in sheet.unusable if i in items)
        if unread:
            yield self.say["answers-unusable"].format(items=", ".join(unread))
        yield from (note.text for note in evaluation.notes)
        if evaluation.facts.unavailable:
            keys = ", ".join(sorted(evaluation.facts.unavailable))
            yield self.say["chart-unavailable"].format(keys=keys)
        if evaluation.facts.incomplete:
            keys = ", ".join(sorted(evaluation.facts.incomplete))
            yield self.say["chart-incomplete"].format(keys=keys)
        yield from unread_lines(self.content, evaluation.facts)

    def _consider(self, wanted: WantedCard) -> Iterator[str]:
        named = wanted.reasons[:NAMED]
        for reason in sorted(named, key=lambda c: (-_urgency(c), c.source.title)):
            if reason.considering:
                yield f"*{reason.source.title}*: {reason.considering}"

    def _options(self, wanted: WantedCard) -> Iterator[str]:
        for suggestion in wanted.suggestions:
            yield suggestion.label
        yield from _advice(wanted)
        yield self.say["none-of-these"]

    def _deferred(self, evaluation: Evaluation) -> list[str]:
        """One neutral line each: the card's title tells nothing anybody disclosed."""
        lines = [wanted.card.title for wanted in evaluation.deferred]
        return [*lines, *(evaluation.closed or [self.say["deferred"]])] if lines else []

    def _basis(self, wanted: WantedCard) -> Iterator[str]:
        lines = dict.fromkeys(line for c in wanted.reasons for line in self.basis[c])
        yield from lines or (d["display"] for d in wanted.card.documentation if "display" in d)
        plan = wanted.card.plan
        reviewed = plan.get("lastReviewDate")
        yield self.say["version"].format(
            version=self.content.version,
            author=plan["publisher"],
            reviewed=self.say["reviewed"].format(date=reviewed)
            if reviewed
            else self.say["never-reviewed"],
        )


def _urgency(contribution: Contribution) -> int:
    return URGENCY.index(INDICATORS[contribution.priority])


def _holds(evaluation: Evaluation, name: str) -> bool:
    """Whether a named expression is true or, for one that lists chart entries, lists any."""
    try:
        return evaluation.evaluator.bindings[name] not in ([], [False])
    except FhirPathError:
        return False  # recorded where its conditions were asked


def _answer_quote(evaluation: Evaluation, leaf: InputRef) -> str | None:
    link_id, code = leaf
    answer = evaluation.facts.answers.view.get(link_id)
    if isinstance(answer, dict):
        return f"`{link_id}:{code}`" if answer.get(code) is True else None
    return None if answer is None else f"`{link_id}: {answer}`"


def _basis_lines(contribution: Contribution) -> Iterator[str]:
    """Source, year and strength: the documentation, with what the plan's citation says of it."""
    cited = {a.get("label"): a for a in contribution.source.plan.get("relatedArtifact", ())}
    for document in contribution.documentation:
        artifact = cited.get(document.get("label"), {})
        strength = ext.value(artifact, ext.STRENGTH, {}).get("text")
        line = str(document.get("display", document.get("label", "")))
        yield f"{line} (strength: {strength})" if strength else line


def _links(wanted: WantedCard, call: Call) -> Iterator[dict[str, str]]:
    for suggestion in wanted.suggestions:
        if suggestion.form:
            yield {"label": suggestion.label, "url": call.intake_url, "type": "absolute"}
    documents: Iterable[Any] = (
        *wanted.card.documentation[1:],
        *(d for c in wanted.reasons for d in c.documentation),
    )
    urls = {d["url"]: d["display"] for d in documents if "url" in d and "display" in d}
    for url, label in urls.items():
        yield {"label": label, "url": url, "type": "absolute"}


def _advice(wanted: WantedCard) -> list[str]:
    """The advice lines of the causes, each once."""
    return list(dict.fromkeys(c.reason for c in wanted.advice))


def _suggestion(
    suggestion: Suggestion, plan: str, call: Call, now: datetime, advice: list[str]
) -> dict[str, Any]:
    made: dict[str, Any] = {
        "uuid": call.uuid(plan, suggestion.id),
        "label": suggestion.label,
        "actions": [
            {
                "type": "create",
                "description": suggestion.description,
                "resource": _draft(suggestion, plan, call, now, advice),
            }
        ],
    }
    if suggestion.recommended:
        made["isRecommended"] = True
    return made


def _draft(
    suggestion: Suggestion, plan: str, call: Call, now: datetime, advice: list[str]
) -> dict[str, Any]:
    """The draft order of one call, from the template made at load; a message to the person
    carries the card's advice lines."""
    draft = dict(suggestion.order or {})
    if draft["resourceType"] == "CommunicationRequest" and advice:
        draft["payload"] = [{"contentString": line} for line in advice]
    request = call.request
    draft["id"] = call.uuid(plan, suggestion.id, "order")
    draft[SUBJECT[draft["resourceType"]]] = {"reference": f"Patient/{request.patient_id}"}
    draft["authoredOn"] = now.isoformat(timespec="seconds")
    if request.encounter_id:
        draft["encounter"] = {"reference": f"Encounter/{request.encounter_id}"}
    if request.user[0] in PRACTITIONERS:
        draft["requester"] = {"reference": "/".join(request.user)}
    return draft


_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()#+\-.!|~:@/=\"'$^])")
ISOLATE, END_ISOLATE = "\u2068", "\u2069"  # Unicode TR9: FSI and PDI
# Controls (C0, C1, DEL), the marks, embeddings, overrides and isolates of TR9, line separators.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def escape(text: str) -> str:
    """A person's words as inert Markdown: no markup, no HTML, no links, no control characters, one
    line, in bidirectional isolates (prevents reordering of the card's own words, Trojan Source)."""
    flat = _CONTROL.sub("", " ".join(text.split()))
    marked = _PUNCTUATION.sub(r"\\\1", flat)
    plain = "".join(_HTML.get(character, character) for character in marked)
    return f"{ISOLATE}{plain}{END_ISOLATE}"
