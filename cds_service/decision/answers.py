"""The view of a form: one questionnaire response as rules read it, such as ``%answers``.

Per choice item one boolean per option code (true = chosen, false = answered without it, absent =
unknown), numbers as numbers. What the chart filled in and the person was not shown says what is,
never what is not: where several may be chosen, the others stay unknown. Built from the
Questionnaire alone: no item is named here. Whatever cannot be used (a code that is no option, a
number out of range) is left out and counted, and the item then answers nothing but what was plainly
chosen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from cds_service.content.extensions import ANSWER_CONFIRMED, INFORMATION_ORIGIN, is_called
from cds_service.content.model import Question, Questionnaire, Resource
from cds_service.fhir.questionnaire_response import Showing
from cds_service.fhir.questionnaire_response.form import dicts
from cds_service.fhir.questionnaire_response.header import ROOT
from cds_service.fhir.questionnaire_response.limits import MAX_VALUE, MIN_VALUE
from cds_service.fhir.questionnaire_response.tree import Answer

Answers = dict[str, dict[str, bool] | int | Decimal]


@dataclass(frozen=True, slots=True)
class AnswerSheet:
    """``view`` is the input of rules; the rest says how it came about, by linkId (of several forms
    together: by path)."""

    view: Answers
    authored: datetime | None = None
    age: timedelta | None = None
    unanswered: frozenset[str] = frozenset()  # enabled, and nothing usable was answered
    unusable: tuple[str, ...] = ()
    stale: frozenset[str] = frozenset()  # older than the item's answers hold
    texts: Mapping[str, str] = field(default_factory=dict)  # the person's own words


EMPTY = AnswerSheet({})


def merged(first: AnswerSheet, others: Mapping[str, AnswerSheet]) -> AnswerSheet:
    """The sheets of several views by path, ``others`` by prefix; the dates are those of the
    first."""
    sheet = first
    for prefix, other in others.items():
        named = (
            {f"{prefix}{link_id}" for link_id in links}
            for links in (other.unanswered, other.unusable, other.stale)
        )
        unanswered, unusable, stale = named
        sheet = replace(
            sheet,
            view=sheet.view | {f"{prefix}{k}": answer for k, answer in other.view.items()},
            unanswered=sheet.unanswered | unanswered,
            unusable=(*sheet.unusable, *sorted(unusable)),
            stale=sheet.stale | stale,
        )
    return sheet


HOUR = timedelta(hours=1)


@dataclass(slots=True)
class GivenAnswers:
    """Answers as sent, before enableWhen and freshness. ``usable`` holds, by linkId, what could be
    read of every question that was answered."""

    usable: dict[str, list[Answer]] = field(default_factory=dict)
    unconfirmed: set[str] = field(default_factory=set)  # filled in by a machine, not looked at
    unusable: list[str] = field(default_factory=list)
    is_finished: bool = True


def read_answers(
    form: Questionnaire,
    response: Resource,
    authored: datetime | None,
    now: datetime,
    is_finished: bool = True,
    *,
    hold_for_ever: bool = False,
) -> AnswerSheet:
    """The view of one response; ``authored`` and ``now`` are aware datetimes.

    Without ``authored`` the answers are older than any question allows (clinical specification,
    section 9). Of a form that is not finished, what was not chosen is unknown. ``hold_for_ever``:
    no answer is too old, because the past is what is asked about.
    """
    given = GivenAnswers()
    sent: dict[str, list[Any]] = {}
    for link_id, answers in _answered(response.get("item")):
        sent.setdefault(link_id, []).extend(answers)  # the same item sent twice is one item
    for link_id, answers in sent.items():
        question = form.items.get(link_id)
        if question is None:
            given.unusable.append(link_id)
        elif answers:
            given.usable[link_id] = list(_usable(question, answers, given))
    given.is_finished = is_finished
    age = None if authored is None else max(now - authored, timedelta())
    return _sheet(form, given, authored, timedelta() if hold_for_ever else age)


def _sheet(
    form: Questionnaire, given: GivenAnswers, authored: datetime | None, age: timedelta | None
) -> AnswerSheet:
    view: Answers = {}
    texts: dict[str, str] = {}
    unanswered, stale = set(), set()
    hours = math.inf if age is None else age / HOUR
    showing = Showing.of_answers(form.form, given.usable)
    for link_id, question in form.items.items():
        kind = question.item.kind
        if kind not in _PARSERS:
            continue
        if showing.shown(question.item) is not True:
            if given.usable.get(link_id) and not form.is_needed:
                given.unusable.append(link_id)  # a finding of what is not there, not a leftover
            continue
        if kind in TYPED:
            written = [a.value for a in given.usable.get(link_id, ()) if a.value.strip()]
            texts |= {link_id: written[-1]} if written else {}
            continue
        too_old = question.valid_hours is not None and hours > question.valid_hours
        if too_old:
            stale.add(link_id)
        answer = _answer(question, given, too_old)
        if answer is not None:
            view[link_id] = answer
        if (
            answer is None
            or link_id in given.unconfirmed
            or (isinstance(answer, dict) and answer.keys() <= question.unknown)
        ):
            unanswered.add(link_id)
    return AnswerSheet(
        view,
        authored,
        age,
        frozenset(unanswered),
        tuple(given.unusable),
        frozenset(stale),
        texts,
    )


def _answered(items: Any) -> Iterator[tuple[str, list[Any]]]:
    """(linkId, answers) of every item, nested ones included; shapes that are no items are passed
    over, because one bad element must not cost the rest."""
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, dict) or not isinstance(item.get("linkId"), str):
            continue
        answers = item.get("answer")
        answers = answers if isinstance(answers, list) else []
        yield item["linkId"], answers
        for inner in (item, *answers):
            if isinstance(inner, dict) and "item" in inner:
                yield from _answered(inner["item"])


def _usable(question: Question, answers: list[Any], given: GivenAnswers) -> Iterator[Answer]:
    """Those answers of a question that can be used; the others are counted."""
    item = question.item
    link_id, parse = item.link_id, _PARSERS.get(item.kind)
    if not item.repeats and any(answer != answers[0] for answer in answers):
        given.unusable.append(link_id)
        return
    for answer in answers:
        parsed = parse(question, answer) if parse and isinstance(answer, dict) else None
        if parsed is None:
            given.unusable.append(link_id)
            continue
        if _is_unconfirmed(answer):
            given.unconfirmed.add(link_id)
        yield parsed


def _is_unconfirmed(answer: dict[str, Any]) -> bool:
    """Filled in by a machine (Da Vinci DTR: ``auto``, ``auto-client``, ``auto-server``), and not
    marked as seen by the person."""
    if "extension" not in answer:
        return False
    automatic = confirmed = False
    for extension in dicts(answer.get("extension")):
        if extension.get("url") == INFORMATION_ORIGIN:
            sources = (p for p in dicts(extension.get("extension")) if p.get("url") == "source")
            automatic = any(str(p.get("valueCode")).startswith("auto") for p in sources)
        elif is_called(extension.get("url"), ANSWER_CONFIRMED):
            confirmed = extension.get("valueBoolean") is True
    return automatic and not confirmed


def _parse_code(question: Question, answer: dict[str, Any]) -> Answer | None:
    coding = answer.get("valueCoding")
    if not isinstance(coding, dict) or not isinstance(coding.get("code"), str):
        return None
    option, system = question.options.get(coding["code"]), coding.get("system")
    known = option is not None and system in (None, option.value["system"])
    return option if known else None


def _parse_number(question: Question, answer: dict[str, Any]) -> Answer | None:
    kind = question.kind.capitalize()
    value = answer.get(f"value{kind}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    least, most = question.item.first(MIN_VALUE), question.item.first(MAX_VALUE)
    too_low = least is not None and value < least
    too_high = most is not None and value > most
    if too_low or too_high or (kind == "Integer" and not isinstance(value, int)):
        return None
    return Answer(kind, value if isinstance(value, int) else Decimal(str(value)), ROOT)


def _parse_text(_question: Question, answer: dict[str, Any]) -> Answer | None:
    value = answer.get("valueString")
    return Answer("String", value, ROOT) if isinstance(value, str) else None


TYPED = ("text", "string")
_PARSERS = {
    "choice": _parse_code,
    "integer": _parse_number,
    "decimal": _parse_number,
    **dict.fromkeys(TYPED, _parse_text),
}


def _answer(
    question: Question, given: GivenAnswers, too_old: bool
) -> dict[str, bool] | int | Decimal | None:
    item = question.item
    link_id, usable = item.link_id, given.usable.get(item.link_id)
    if not usable:
        return None
    if item.kind != "choice":
        number: int | Decimal | None = None if too_old else usable[-1].value
        return number
    chosen = {answer.value["code"] for answer in usable}
    if (
        too_old or not given.is_finished
    ):  # a ticked answer stays true; what was not ticked, and "none", are unknown again
        return dict.fromkeys(sorted(chosen - question.exclusive), True) or None
    open_ended = item.repeats and link_id in given.unconfirmed
    if chosen <= question.unknown or link_id in given.unusable or open_ended:
        return dict.fromkeys(sorted(chosen), True)
    return dict.fromkeys(question.options, False) | dict.fromkeys(chosen, True)
