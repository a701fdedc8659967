"""Between the fields of a page and the answers of a response. Pure.

The fields of one question are lists of texts under short names: ``v`` values (tokens of options,
or what was typed), ``o`` words of one's own beside options, ``u`` units, ``t`` times of day.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from itertools import zip_longest
from typing import Any
from unicodedata import category

from cds_service.web.form import model as m

Fields = dict[str, list[str]]
Answer = dict[str, Any]
NAMES = ("v", "o", "u", "t")
TRUE, FALSE = "true", "false"
TURNING = "\u202d\u202e"  # overrides of the reading order
NOTHING = 0xFFFE  # the last two code points of each plane (Unicode 23.7)

_INTEGER = re.compile(r"[+-]?\d{1,9}")
_DECIMAL = re.compile(r"[+-]?(\d{1,15}([.,]\d{1,15})?|[.,]\d{1,15})")
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
_TIME = re.compile(r"(\d\d:\d\d)(:\d\d)?")
_VALUE = {  # type -> value[x]
    "integer": "valueInteger",
    "decimal": "valueDecimal",
    "date": "valueDate",
    "dateTime": "valueDateTime",
    "time": "valueTime",
    "url": "valueUri",
}


class Unreadable(Exception):
    """Error: the text typed is not an answer of the question's type."""


def cleaned(fields: Mapping[str, list[str]]) -> Fields:
    """Fields without what is blank around and between them; empty when nothing was given.

    Values, units and times belong together by their places: a row without a value goes as a whole.
    """
    values, units, times = ([_clean(text) for text in fields.get(name, ())] for name in "vut")
    rows = [row for row in zip_longest(values, units, times, fillvalue="") if row[0]]
    found = {name: [row[place] for row in rows] for place, name in enumerate("vut")}
    found["o"] = [own for text in fields.get("o", ()) if (own := _clean(text))]
    return {name: texts for name, texts in found.items() if any(texts)}


def _clean(text: str) -> str:
    """A text as FHIR and XML take it: no control characters but line breaks and tabs, and none that
    turns the reading order of what stands beside it; empty when nothing of it can be seen."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(c for c in lines if c in "\n\t" or _is_text(c)).strip()
    return kept if any(category(c)[0] not in "ZC" for c in kept) else ""


def _is_text(character: str) -> bool:
    number = ord(character)
    stands_for_nothing = number & NOTHING == NOTHING or category(character) in ("Cc", "Cs")
    return not stands_for_nothing and character not in TURNING


# -- fields to answers -------------------------------------------------------------------------


def read(part: m.FormItem, fields: Fields) -> list[Answer]:
    """The answers that cleaned fields stand for; raises Unreadable."""
    if part.control in m.LISTED:
        own = fields.get("o", []) if part.is_open else []
        return [*_chosen(part, fields), *({"valueString": text} for text in own)]
    values = fields.get("v", [])
    return [_READERS[part.control](part, text, fields, n) for n, text in enumerate(values)]


def _chosen(part: m.FormItem, fields: Fields) -> list[Answer]:
    tokens = fields.get("v", [])
    if unknown := set(tokens) - {option.token for option in part.options}:
        raise Unreadable(len(unknown))
    return [option.answer for option in part.options if option.token in tokens]


def _boolean(part: m.FormItem, text: str, fields: Fields, place: int) -> Answer:
    if text not in (TRUE, FALSE):
        raise Unreadable
    return {"valueBoolean": text == TRUE}


def _number(part: m.FormItem, text: str, fields: Fields, place: int) -> Answer:
    return {_VALUE[part.item.kind]: number(text, whole=part.item.kind == "integer")}


def number(text: str, *, whole: bool) -> float:
    """A number as people type it: a comma may stand for the point; raises Unreadable."""
    plain = text.replace(" ", "")
    if whole:
        if not _INTEGER.fullmatch(plain):
            raise Unreadable
        return int(plain)
    if not _DECIMAL.fullmatch(plain):
        raise Unreadable
    value = float(plain.replace(",", "."))
    return int(value) if value.is_integer() and math.fabs(value) < 2**53 else value


def _quantity(part: m.FormItem, text: str, fields: Fields, place: int) -> Answer:
    quantity: Answer = {"value": number(text, whole=False)}
    token = _at(fields.get("u", []), place) or (part.units[0].token if part.units else "")
    unit = next((u for u in part.units if u.token == token), None)
    if token and unit is None:
        raise Unreadable
    if unit is not None:
        named = {"unit": unit.coding.get("display") or unit.coding.get("code")}
        quantity |= named | {k: unit.coding[k] for k in ("system", "code") if k in unit.coding}
    return {"valueQuantity": quantity}


def _date(part: m.FormItem, text: str, fields: Fields, place: int) -> Answer:
    if not _DATE.fullmatch(text):
        raise Unreadable
    return {"valueDate": text}


def _date_time(part: m.FormItem, text: str, fields: Fields, place: int) -> Answer:
    """A day, and a time in UTC where one was given (R4 dateTime: a time needs its zone)."""
    if not _DATE.fullmatch(text):
        raise Unreadable
    time = _at(fields.get("t", []), place)
    return {"valueDateTime": f"{text}T{_clock(time)}Z" if time else text}


def _time(part: m.FormItem, text: str, fields: Fields, place: int) -> Answer:
    return {"valueTime": _clock(text)}


def _at(texts: list[str], place: int) -> str:
    return texts[place] if place < len(texts) else ""


def _clock(text: str) -> str:
    found = _TIME.fullmatch(text)
    if not found:
        raise Unreadable
    return found[1] + (found[2] or ":00")


def _text(part: m.FormItem, text: str, fields: Fields, place: int) -> Answer:
    if part.control == m.LINE and "\n" in text:
        raise Unreadable
    return {_VALUE.get(part.item.kind, "valueString"): text}


_READERS: Mapping[str, Callable[[m.FormItem, str, Fields, int], Answer]] = {
    m.BOOLEAN: _boolean,
    m.NUMBER: _number,
    m.QUANTITY: _quantity,
    m.DATE: _date,
    m.DATE_TIME: _date_time,
    m.TIME: _time,
    m.LINE: _text,
    m.LINES: _text,
}


# -- answers to fields -------------------------------------------------------------------------


def fill(part: m.FormItem, answers: list[Answer]) -> Fields:
    """The fields that show answers; an answer the question cannot take shows nothing."""
    fields: Fields = {name: [] for name in NAMES}
    for answer in answers:
        _fill(part, answer, fields)
    if part.control in m.LISTED:  # in the order of the form, as a page sends them
        fields["v"] = [o.token for o in part.options if o.token in fields["v"]]
    return cleaned(fields)


def _fill(part: m.FormItem, answer: Answer, fields: Fields) -> None:
    name = next((key for key in answer if key.startswith("value")), "")
    value = answer.get(name)
    if part.control in m.LISTED:
        option = part.option_of(answer)
        if option is not None:
            fields["v"].append(option.token)
        elif part.is_open and name == "valueString":
            fields["o"].append(str(value))
    elif name == "valueQuantity" and isinstance(value, dict):
        fields["v"].append(_shown(value.get("value")))
        fields["u"].append(next((u.token for u in part.units if is_unit(u, value)), ""))
    elif name == "valueDateTime" and part.control == m.DATE_TIME:
        day, _, time = str(value).partition("T")
        fields["v"].append(day)
        fields["t"].append(time[:5])
    elif name == "valueTime":
        fields["v"].append(str(value)[:5])
    elif value is not None and not isinstance(value, dict):
        fields["v"].append(_shown(value))


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def is_unit(unit: m.Unit, quantity: Mapping[str, Any]) -> bool:
    """Checks whether a quantity is in that unit: by code, or by its words where it has none."""
    if "code" in unit.coding:
        return bool(unit.coding["code"] == quantity.get("code"))
    return bool(unit.coding.get("display") == quantity.get("unit"))
