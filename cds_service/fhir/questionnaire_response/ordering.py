"""Which of two values comes first, and whether they are the same: for limits and enableWhen."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from cds_service.fhirpath import FhirPathError, Quantity
from cds_service.fhirpath.dates import Temporal, compare, parse_date, parse_datetime, parse_time
from cds_service.fhirpath.elements import quantity_of
from cds_service.fhirpath.quantities import order

from .primitives import MAX_BITS


def sign(kind: str, value: Any, limit: Any) -> int | None:
    """-1, 0 or 1 as the value is before, at or after the limit; None where that is not known."""
    if kind in ("Integer", "Decimal"):
        return _numbers(value, limit) if _is_number(limit) else None
    if kind == "Quantity":
        return _quantities(value, limit)
    if kind not in ("Date", "DateTime", "Time"):
        return None
    one, other = _moment(kind, value), _moment(kind, limit)
    return None if one is None or other is None else compare(one, other)


def _moment(kind: str, value: Any) -> Temporal | None:
    """A time of day only beside times; dates and date-times may meet."""
    if not isinstance(value, str):
        return None
    return parse_time(value) if kind == "Time" else parse_date(value) or parse_datetime(value)


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= MAX_BITS


def _numbers(value: float, limit: float) -> int:
    one, other = Decimal(str(value)), Decimal(str(limit))
    return (one > other) - (one < other)


def _quantities(value: Any, limit: Any) -> int | None:
    one, other = _quantity(value), _quantity(limit)
    if one is None or other is None:
        return None
    try:
        return order(one, other)
    except FhirPathError:
        return None


def _quantity(value: Any) -> Quantity | None:
    try:
        return quantity_of(value)
    except FhirPathError:
        return None


def same(kind: str, value: Any, other: Any) -> bool | None:
    """Checks whether an answer equals what a condition names; None where that is not known."""
    if kind == "Coding":
        return _same_coding(value, other)
    if kind == "Reference":
        return isinstance(other, dict) and value.get("reference") == other.get("reference")
    if kind in ("Boolean", "String", "Uri"):
        return type(value) is type(other) and bool(value == other)
    order_ = sign(kind, value, other)
    return None if order_ is None else order_ == 0


def _same_coding(value: Any, other: Any) -> bool:
    """By code, and by system where both name one: a missing system has its own problem."""
    if not isinstance(other, dict) or value.get("code") is None:
        return False
    one, another = value.get("system"), other.get("system")
    return value["code"] == other.get("code") and (None in (one, another) or one == another)
