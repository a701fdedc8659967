"""The ``%answers`` view: one questionnaire response as rules read it.

Per choice item one boolean per option code (true = chosen, false = answered without it, absent =
unknown), numbers as numbers. What the chart filled in and the person was not shown says what is,
never what is not: where several may be chosen, the others stay unknown. Built from the
Questionnaire alone: no item is named here. Whatever cannot be used (a code that is no option, a
number out of range) is left out and counted, and the item then answers nothing but what was plainly
chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from cds_service.content.extensions import ANSWER_CONFIRMED, INFORMATION_ORIGIN, is_called
from cds_service.content.model import EnableWhen, Item, Questionnaire, Resource
from cds_service.fhir.questionnaire_response.form import dicts

Answers = dict[str, dict[str, bool] | int | Decimal]


@dataclass(frozen=True, slots=True)
class AnswerSheet:
    """``view`` is ``%answers``; the rest says how it came about, by linkId."""

    view: Answers
    authored: datetime | None = None
    age: timedelta | None = None
    unanswered: frozenset[str] = frozenset()  # enabled, and nothing usable was answered
    unusable: tuple[str, ...] = ()
    stale: frozenset[str] = frozenset()  # older than the item's answers hold
    texts: Mapping[str, str] = field(default_factory=dict)  # the person's own words


EMPTY = AnswerSheet({})


@dataclass(slots=True)
class Reading:
    """Answers as sent, by linkId, before enableWhen and freshness."""

    codes: dict[str, set[str]] = field(default_factory=dict)
    numbers: dict[str, Decimal | int] = field(default_factory=dict)
    present: set[str] = field(default_factory=set)
    unconfirmed: set[str] = field(default_factory=set)  # of the chart, and nobody has looked
    unusable: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)


def read_answers(
    form: Questionnaire, response: Resource, authored: datetime, now: datetime
) -> AnswerSheet:
    """The view of one response; ``authored`` and ``now`` are aware datetimes."""
    reading = Reading()
    sent: dict[str, list[Any]] = {}
    for link_id, answers in _answered(response.get("item")):
        sent.setdefault(link_id, []).extend(answers)  # the same item sent twice is one item
    for link_id, answers in sent.items():
        item = form.items.get(link_id)
        if item is None:
            reading.unusable.append(link_id)
        elif answers:
            _read_item(item, answers, reading)
    age = max(now - authored, timedelta())
    return _sheet(form, reading, authored, age)


def _sheet(
    form: Questionnaire, reading: Reading, authored: datetime, age: timedelta
) -> AnswerSheet:
    view: Answers = {}
    unanswered, stale = set(), set()
    enabled: dict[str, bool] = {}
    for link_id, item in form.items.items():
        enabled[link_id] = is_enabled(item, reading, enabled)
        if not enabled[link_id] or item.kind not in ("choice", "integer", "decimal"):
            continue
        too_old = item.valid_hours is not None and age > timedelta(hours=item.valid_hours)
        if too_old:
            stale.add(link_id)
        answer = _answer(item, reading, too_old)
        if answer is None:
            unanswered.add(link_id)
        else:
            view[link_id] = answer
            nobody = link_id in reading.unconfirmed
            if nobody or (isinstance(answer, dict) and answer.keys() <= item.unknown):
                unanswered.add(link_id)
    return AnswerSheet(
        view,
        authored,
        age,
        frozenset(unanswered),
        tuple(reading.unusable),
        frozenset(stale),
        {link_id: text for link_id, text in reading.texts.items() if enabled[link_id]},
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
        yield from _answered(item.get("item"))
        for answer in answers:
            if isinstance(answer, dict):
                yield from _answered(answer.get("item"))


def _read_item(item: Item, answers: list[Any], reading: Reading) -> None:
    reading.present.add(item.link_id)
    if len(answers) > 1 and not item.repeats:
        reading.unusable.append(item.link_id)
        return
    for answer in answers:
        read = _READERS.get(item.kind)
        if not isinstance(answer, dict) or read is None or not read(item, answer, reading):
            reading.unusable.append(item.link_id)
        elif _is_unconfirmed(answer):
            reading.unconfirmed.add(item.link_id)


def _is_unconfirmed(answer: dict[str, Any]) -> bool:
    """Filled in by a machine (Da Vinci DTR: ``auto``, ``auto-client``, ``auto-server``), and not
    marked as seen by the person."""
    automatic = confirmed = False
    for extension in dicts(answer.get("extension")):
        if extension.get("url") == INFORMATION_ORIGIN:
            sources = (p for p in dicts(extension.get("extension")) if p.get("url") == "source")
            automatic = any(str(p.get("valueCode")).startswith("auto") for p in sources)
        elif is_called(extension.get("url"), ANSWER_CONFIRMED):
            confirmed = extension.get("valueBoolean") is True
    return automatic and not confirmed


def _read_code(item: Item, answer: dict[str, Any], reading: Reading) -> bool:
    coding = answer.get("valueCoding")
    if not isinstance(coding, dict) or not isinstance(coding.get("code"), str):
        return False
    code, system = coding["code"], coding.get("system")
    if code not in item.system or (system is not None and system != item.system[code]):
        return False
    reading.codes.setdefault(item.link_id, set()).add(code)
    return True


def _read_number(item: Item, answer: dict[str, Any], reading: Reading) -> bool:
    value = answer.get("valueInteger" if item.kind == "integer" else "valueDecimal")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    too_low = item.minimum is not None and value < item.minimum
    too_high = item.maximum is not None and value > item.maximum
    if too_low or too_high or (item.kind == "integer" and not isinstance(value, int)):
        return False
    reading.numbers[item.link_id] = value if isinstance(value, int) else Decimal(str(value))
    return True


def _read_text(item: Item, answer: dict[str, Any], reading: Reading) -> bool:
    value = answer.get("valueString")
    if not isinstance(value, str):
        return False
    if value.strip():
        reading.texts[item.link_id] = value
    return True


_READERS = {
    "choice": _read_code,
    "integer": _read_number,
    "decimal": _read_number,
    "text": _read_text,
    "string": _read_text,
}


def _answer(item: Item, reading: Reading, too_old: bool) -> dict[str, bool] | int | Decimal | None:
    if item.kind != "choice":
        return None if too_old else reading.numbers.get(item.link_id)
    chosen = reading.codes.get(item.link_id)
    if not chosen:
        return None
    if too_old:  # a ticked answer stays true; what was not ticked, and "none", are unknown again
        return dict.fromkeys(sorted(chosen - item.exclusive), True) or None
    open_ended = item.repeats and item.link_id in reading.unconfirmed
    if chosen <= item.unknown or item.link_id in reading.unusable or open_ended:
        return dict.fromkeys(sorted(chosen), True)
    return {code: code in chosen for code in item.system}


# -- enableWhen (R4: Questionnaire.item.enableWhen) ------------------------------------------


def is_enabled(item: Item, reading: Reading, enabled: Mapping[str, bool]) -> bool:
    """Whether the form shows an item, given what was answered and which items are shown."""
    if not item.enable_when:
        return True
    met = (_is_met(when, reading, enabled) for when in item.enable_when)
    return all(met) if item.enable_all else any(met)


def _is_met(when: EnableWhen, reading: Reading, enabled: Mapping[str, bool]) -> bool:
    """An answer to a disabled question does not count; ``!=`` needs an answer to differ from."""
    asked = enabled.get(when.link_id, True)
    if when.operator == "exists":
        return (asked and when.link_id in reading.present) is bool(when.value)
    if not asked:
        return False
    if when.link_id in reading.numbers:
        return _compare(reading.numbers[when.link_id], when.operator, when.value)
    codes = reading.codes.get(when.link_id, set())
    if when.operator == "=":
        return when.value in codes
    return when.operator == "!=" and bool(codes) and when.value not in codes


def _compare(left: Any, operator: str, right: Any) -> bool:
    return bool(_OPERATORS[operator](left, right))


_OPERATORS = {"=": eq, "!=": ne, ">": gt, "<": lt, ">=": ge, "<=": le}
