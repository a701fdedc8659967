"""`+ - * / div mod` on single values (FHIRPath 2.0, 6.6 and 6.7).

Each takes two System values and answers one; None stands for the empty collection (division by
zero, results out of range). FhirPathError for operands that do not go together.
"""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from . import quantities
from .comparison import kind_of
from .dates import (
    DATE_PARTS,
    DAY,
    HOUR,
    MINUTE,
    TIME_PARTS,
    Calendar,
    FhirDate,
    FhirDateTime,
    FhirTime,
    Parts,
    Temporal,
)
from .errors import FhirPathError
from .limits import check_text
from .quantities import Quantity

_INTEGERS = range(-(2**31), 2**31)
_SECONDS = {
    "week": 7 * DAY, "wk": 7 * DAY, "day": DAY, "d": DAY, "hour": HOUR, "h": HOUR,
    "minute": MINUTE, "min": MINUTE, "second": 1, "s": 1,
}  # fmt: skip
_MILLISECONDS = ("millisecond", "ms")
_MONTHS = {"year": 12, "month": 1}
_STEPS = (DAY, HOUR, MINUTE)  # the smallest step of a value that ends at day, hour or minute


def _refuse(symbol: str, left: Any, right: Any, hint: str | None = None) -> FhirPathError:
    told = f"{kind_of(left)} and {kind_of(right)}"
    return FhirPathError(f"cannot apply {symbol} to {told}", hint=hint)


def bounded(value: Any) -> Any:
    """The number itself; None for an integer out of FHIRPath's 32-bit range."""
    return None if type(value) is int and value not in _INTEGERS else value


def _seconds(duration: Quantity) -> int | Decimal:
    """The length of a definite duration; decimals of a unit above a millisecond are dropped."""
    whole = int(duration.value)
    if duration.unit in _MILLISECONDS:
        return Decimal(whole).scaleb(-3)
    if duration.unit not in _SECONDS:
        hint = "use years, months, weeks, days, hours, minutes, seconds or milliseconds"
        raise FhirPathError("cannot add this unit to a date or time", hint=hint)
    if _SECONDS[duration.unit] == 1 and whole != duration.value:
        raise FhirPathError("a part of a second is ambiguous", hint="write it in milliseconds")
    return whole * _SECONDS[duration.unit]


def _shift_months(value: Calendar, months: int) -> Parts | None:
    parts = value.parts
    if len(parts) == 1:
        year = int(parts[0]) + int(months / 12)
        return (year,) if 0 < year <= date.max.year else None
    year, month = divmod(int(parts[0]) * 12 + int(parts[1]) - 1 + months, 12)
    if not 0 < year <= date.max.year:
        return None
    following = date(year + month // 11, (month + 1) % 12 + 1, 1) if year < date.max.year else None
    last = 31 if following is None else (following - timedelta(days=1)).day
    day = tuple(min(int(one), last) for one in parts[2:DATE_PARTS])
    return (year, month + 1, *day, *parts[DATE_PARTS:])


def _shift_clock(clock: Parts, seconds: int | Decimal) -> tuple[int, Parts]:
    """Days carried over and the clock moved, at the clock's own precision."""
    if len(clock) < TIME_PARTS:
        step = _STEPS[len(clock)]
        seconds = int(seconds / step) * step
    total = seconds + sum(part * unit for part, unit in zip(clock, (HOUR, MINUTE, 1), strict=False))
    days = int(total // DAY)
    rest = total - days * DAY
    hours, rest = divmod(rest, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    moved: Parts = (int(hours), int(minutes), Decimal(rest))
    return days, moved[: len(clock)]


def _shift_seconds(value: Calendar, seconds: int | Decimal) -> Parts | None:
    parts = value.parts
    if len(parts) < DATE_PARTS:
        raise FhirPathError(
            "a date without a day, to count days from", hint="add years or months to it"
        )
    days, clock = _shift_clock(parts[DATE_PARTS:], seconds)
    try:
        day = date(*map(int, parts[:DATE_PARTS])) + timedelta(days=days)
    except OverflowError:
        return None
    return (day.year, day.month, day.day, *clock)


def add_duration(value: Temporal, duration: Quantity, sign: int) -> Temporal | None:
    """A date or time moved by a duration; a month's last day is kept within the month."""
    if isinstance(value, FhirTime):
        if duration.unit in _MONTHS:
            raise FhirPathError("cannot add months or years to a time of day")
        return FhirTime(_shift_clock(value.parts, sign * _seconds(duration))[1])
    if duration.unit in _MONTHS:
        parts = _shift_months(value, sign * int(duration.value) * _MONTHS[duration.unit])
    else:
        parts = _shift_seconds(value, sign * _seconds(duration))
    if parts is None:
        return None
    return FhirDateTime(parts, value.offset) if isinstance(value, FhirDateTime) else FhirDate(parts)


def _add(left: Any, right: Any) -> Any:
    match kind_of(left), kind_of(right):
        case "number", "number":
            return bounded(left + right)
        case "String", "String":
            return check_text(left + right)
        case "Quantity", "Quantity":
            return quantities.add(left, right, 1)
        case "date" | "Time", "Quantity":
            return add_duration(left, right, 1)
        case "date" | "Time", "number":
            raise _refuse("+", left, right, "write a unit, as in 7 days")
    raise _refuse("+", left, right)


def _subtract(left: Any, right: Any) -> Any:
    match kind_of(left), kind_of(right):
        case "number", "number":
            return bounded(left - right)
        case "Quantity", "Quantity":
            return quantities.add(left, right, -1)
        case "date" | "Time", "Quantity":
            return add_duration(left, right, -1)
        case "date" | "Time", "number":
            raise _refuse("-", left, right, "write a unit, as in 7 days")
    raise _refuse("-", left, right)


def _as_quantity(value: Any) -> Quantity:
    return value if isinstance(value, Quantity) else Quantity(Decimal(value), "1")


def _multiply(left: Any, right: Any) -> Any:
    match kind_of(left), kind_of(right):
        case "number", "number":
            return bounded(left * right)
        case "Quantity" | "number", "Quantity" | "number":
            return quantities.multiply(_as_quantity(left), _as_quantity(right), ".")
    raise _refuse("*", left, right)


def _divide(left: Any, right: Any) -> Any:
    match kind_of(left), kind_of(right):
        case "number", "number":
            return Decimal(left) / Decimal(right) if right else None
        case "Quantity", "Quantity" | "number":
            return quantities.multiply(left, _as_quantity(right), "/")
    raise _refuse("/", left, right)


def _whole(left: Any, right: Any) -> Any:
    if (kind_of(left), kind_of(right)) != ("number", "number"):
        raise _refuse("div", left, right)
    return bounded(int(Decimal(left) // Decimal(right))) if right else None


def _remainder(left: Any, right: Any) -> Any:
    if (kind_of(left), kind_of(right)) != ("number", "number"):
        raise _refuse("mod", left, right)
    if not right:
        return None
    rest = Decimal(left) % Decimal(right)  # has the sign of the dividend, as `div` truncates
    return int(rest) if type(left) is int and type(right) is int else rest


ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": _add,
    "-": _subtract,
    "*": _multiply,
    "/": _divide,
    "div": _whole,
    "mod": _remainder,
}
