"""`lowBoundary()` and `highBoundary()`: the least and greatest value a given precision allows.

(FHIRPath 2.0, 5.7 and 5.5, as the official tests for R4 read them.) A number with n decimals stands
for half a unit of the last decimal to both sides; a partial date or time for all it may be.
"""

from calendar import monthrange
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from ..dates import DATE_PARTS, DATETIME_PARTS, TIME_PARTS, FhirDate, FhirDateTime, FhirTime, Parts
from ..decimals import decimals_of
from ..elements import Items
from ..errors import FhirPathError
from ..quantities import Quantity
from .arguments import integer_of, value_of
from .registry import value

_MAX_DECIMALS, _DECIMALS = 28, 8
_DATE_DIGITS = {4: 1, 6: 2, 8: 3, 10: 4, 12: 5, 17: 6}  # digits asked for -> parts
_TIME_DIGITS = {2: 1, 4: 2, 9: 3}
_LOW: Parts = (1, 1, 0, 0, Decimal("0.000"))  # month, day, hour, minute, second
_HIGH: Parts = (12, 31, 23, 59, Decimal("59.999"))
_MILLISECOND, _LAST = Decimal("0.001"), Decimal("0.999")
_EASTMOST, _WESTMOST = 14 * 60, -12 * 60  # minutes: where a moment comes first, and last


def _number(number: Decimal, digits: int | None, sign: int) -> Decimal | None:
    digits = _DECIMALS if digits is None else digits
    if not 0 <= digits <= _MAX_DECIMALS:
        return None
    if number and abs(number) < Decimal(1).scaleb(-digits):
        raise FhirPathError("no boundary: the number is too small for so few decimals")
    bound = number + sign * Decimal(5).scaleb(-decimals_of(number) - 1)
    rounding = ROUND_FLOOR if sign < 0 else ROUND_CEILING
    return bound.quantize(Decimal(1).scaleb(-digits), rounding)


def _clock_bound(clock: Parts, sign: int, fill: Parts) -> Parts:
    """The clock filled up to milliseconds, where the tests do not contradict the specification."""
    if sign > 0 and len(clock) == 1:
        raise FhirPathError("no high boundary for whole hours")
    if len(clock) < TIME_PARTS:
        return (*clock, *fill[len(clock) :])
    seconds = Decimal(clock[2])
    rest = _LAST.scaleb(-decimals_of(seconds)) if sign > 0 else Decimal(0)
    return (*clock[:2], (seconds + rest).quantize(_MILLISECOND, ROUND_FLOOR))


def _date_bound(parts: Parts, sign: int) -> Parts:
    fill = _LOW if sign < 0 else _HIGH
    days = (*parts, *fill[len(parts) - 1 :])[:DATE_PARTS] if len(parts) < DATE_PARTS else parts
    year, month, day = map(int, days[:DATE_PARTS])
    if len(parts) < DATE_PARTS:
        day = min(day, monthrange(year, month)[1])
    return (year, month, day, *_clock_bound(parts[DATE_PARTS:], sign, fill[2:]))


def _wanted(digits: int | None, known: dict[int, int], most: int) -> int:
    if digits is not None and known.get(digits, most + 1) > most:
        raise FhirPathError(f"no boundary to {digits} digits")
    return most if digits is None else known[digits]


def _boundary(item: Any, digits: int | None, sign: int) -> Any:
    match item:
        case None:
            return None
        case int() | Decimal() if not isinstance(item, bool):
            return _number(Decimal(item), digits, sign)
        case Quantity():
            number = _number(item.value, digits, sign)
            return None if number is None else Quantity(number, item.unit)
        case FhirTime():
            fill = (_LOW if sign < 0 else _HIGH)[2:]
            count = _wanted(digits, _TIME_DIGITS, TIME_PARTS)
            return FhirTime(_clock_bound(item.parts, sign, fill)[:count])
        case FhirDate():
            count = _wanted(digits, _DATE_DIGITS, DATE_PARTS)
            return FhirDate(_date_bound(item.parts, sign)[:count])
        case FhirDateTime(parts=parts, offset=offset):
            count = _wanted(digits, _DATE_DIGITS, DATETIME_PARTS)
            if offset is None and count > DATE_PARTS:
                offset = _EASTMOST if sign < 0 else _WESTMOST
            return FhirDateTime(_date_bound(parts, sign)[:count], offset)
    raise FhirPathError("a boundary needs a number, a quantity, a date or a time")


def _declare(name: str, sign: int) -> None:
    def answer(items: Items, digits: Items | None = None) -> Any:
        return _boundary(value_of(items), None if digits is None else integer_of(digits), sign)

    value(name, 0, 1)(answer)


_declare("lowBoundary", -1)
_declare("highBoundary", 1)
