"""Conversion (FHIRPath 2.0, 5.5): `toX()` answers nothing where `convertsToX()` is false."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ..dates import (
    DATE_PARTS,
    FhirDate,
    FhirDateTime,
    FhirTime,
    parse_date,
    parse_datetime,
    parse_time,
    to_date,
)
from ..elements import Items
from ..quantities import Quantity
from ..units import CALENDAR_WORDS
from .arguments import value_of
from .registry import plain, value

_TRUE = frozenset({"true", "t", "yes", "y", "1", "1.0"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "0.0"})
_INTEGER = re.compile(r"[+-]?\d{1,10}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d{1,28}(?:\.\d{1,28})?", re.ASCII)
_QUANTITY = re.compile(r"([+-]?\d{1,28}(?:\.\d{1,28})?)\s*(?:'([^']+)'|([a-z]+))?", re.ASCII)
_INTEGERS = range(-(2**31), 2**31)


def to_boolean(item: Any) -> bool | None:
    """True and false, 1 and 0, and the words for them in any case."""
    match item:
        case bool():
            return item
        case int() | Decimal():
            return bool(item) if item in (0, 1) else None
        case str():
            word = item.lower()
            return True if word in _TRUE else False if word in _FALSE else None
    return None


def to_integer(item: Any) -> int | None:
    """An integer, a boolean as 1 or 0, or the text of an integer."""
    match item:
        case bool():
            return int(item)
        case int():
            return item
        case str() if _INTEGER.fullmatch(item):
            return int(item) if int(item) in _INTEGERS else None
    return None


def to_decimal(item: Any) -> Decimal | None:
    """A number, a boolean as 1.0 or 0.0, or the text of a number."""
    match item:
        case bool():
            return Decimal("1.0") if item else Decimal("0.0")
        case int() | Decimal():
            return Decimal(item)
        case str() if _DECIMAL.fullmatch(item):
            return Decimal(item)
    return None


def to_quantity(item: Any) -> Quantity | None:
    """A quantity, a number or boolean without unit, or the text of either."""
    match item:
        case Quantity():
            return item
        case bool() | int() | Decimal():
            number = to_decimal(item)
            return None if number is None else Quantity(number, "1")
        case str():
            found = _QUANTITY.fullmatch(item)
            return _quantity(found) if found else None
    return None


def _quantity(found: "re.Match[str]") -> Quantity | None:
    number, unit, word = found.groups()
    if word is not None and word not in CALENDAR_WORDS:
        return None
    unit = unit or word or "1"
    return Quantity(Decimal(number), CALENDAR_WORDS.get(unit, unit))


def to_text(item: Any) -> str | None:
    """The text of any System value."""
    match item:
        case bool():
            return "true" if item else "false"
        case Decimal():
            return format(item, "f")
        case str() | int() | FhirDate() | FhirDateTime() | FhirTime() | Quantity():
            return str(item)
    return None


def convert_date(item: Any) -> FhirDate | None:
    """A date, the date of a date-time, or the text of either."""
    match item:
        case FhirDate() | FhirDateTime():
            return to_date(item)
        case str():
            found = parse_date(item) or parse_datetime(item)
            return to_date(found) if found else None
    return None


def convert_datetime(item: Any) -> FhirDateTime | None:
    """A date-time, a date without a time, or the text of either."""
    match item:
        case FhirDateTime():
            return item
        case FhirDate():
            return FhirDateTime(item.parts[:DATE_PARTS])
        case str():
            return parse_datetime(item)
    return None


def convert_time(item: Any) -> FhirTime | None:
    """A time, or its text."""
    if isinstance(item, str):
        return parse_time(item)
    return item if isinstance(item, FhirTime) else None


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "Boolean": to_boolean,
    "Integer": to_integer,
    "Decimal": to_decimal,
    "Quantity": to_quantity,
    "String": to_text,
    "Date": convert_date,
    "DateTime": convert_datetime,
    "Time": convert_time,
}


def _declare(name: str, convert: Callable[[Any], Any]) -> None:
    def to(items: Items) -> Any:
        item = value_of(items)
        return None if item is None else convert(item)

    def converts(items: Items) -> bool | None:
        item = value_of(items)
        return None if item is None else convert(item) is not None

    plain(f"convertsTo{name}", result="Boolean")(converts)
    if name == "Boolean":
        plain("toBoolean", result="Boolean")(to)
    else:
        value(f"to{name}", result=name)(to)


for _name, _convert in _CONVERSIONS.items():
    _declare(_name, _convert)
