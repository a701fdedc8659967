"""Dates, date-times and times of any precision, and what can be decided about them.

`parts` holds the known components from the year (or, of a time, the hour) down; seconds and their
decimals are one component, a Decimal that keeps its digits (FHIRPath 2.0, 5.5 and 6.1). `offset`
is minutes east of UTC, None when unknown. Fewer parts or no offset means "not known": comparison
answers None when the answer depends on what is not known.
"""

import re
from calendar import isleap, monthrange
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

DATE_PARTS, DATETIME_PARTS, TIME_PARTS = 3, 6, 3
DAY, HOUR, MINUTE = 86_400, 3_600, 60  # seconds
WEST, EAST = 14 * HOUR, 12 * HOUR  # an unknown offset lies between +14:00 and -12:00

_DATE = r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?"
_TIME = r"(\d\d)(?::(\d\d)(?::(\d\d(?:\.\d{1,12})?))?)?"
_ZONE = r"(Z|[+-]\d\d:\d\d)?"
_DATE_TEXT = re.compile(_DATE, re.ASCII)
_TIME_TEXT = re.compile(_TIME, re.ASCII)
_DATETIME_TEXT = re.compile(f"{_DATE}(?:T(?:{_TIME}{_ZONE})?)?", re.ASCII)
_LIMITS = (24, 60, 60)  # hours, minutes, seconds stay below these
_MAX_OFFSET = 14 * 60

Parts = tuple[int | Decimal, ...]


def _clock(parts: Parts) -> str:
    texts = [f"{part:02d}" for part in parts[:2] if isinstance(part, int)]
    if len(parts) == TIME_PARTS:
        whole, dot, decimals = format(parts[2], "f").partition(".")
        texts.append(f"{whole:0>2}{dot}{decimals}")
    return ":".join(texts)


def _calendar(parts: Parts) -> str:
    return "-".join([f"{parts[0]:04d}", *(f"{part:02d}" for part in parts[1:DATE_PARTS])])


@dataclass(frozen=True, slots=True)
class FhirDate:
    """A date of year, month or day precision; `str()` is its ISO 8601 form."""

    parts: Parts

    def __str__(self) -> str:
        return _calendar(self.parts)


@dataclass(frozen=True, slots=True)
class FhirDateTime:
    """A date-time of year to second precision, its offset known or not."""

    parts: Parts
    offset: int | None = None

    def __str__(self) -> str:
        text = _calendar(self.parts)
        if len(self.parts) > DATE_PARTS:
            text += "T" + _clock(self.parts[DATE_PARTS:])
        if self.offset is None:
            return text
        hours, minutes = divmod(abs(self.offset), 60)
        return text + (f"{'-' if self.offset < 0 else '+'}{hours:02d}:{minutes:02d}")


@dataclass(frozen=True, slots=True)
class FhirTime:
    """A time of day of hour, minute or second precision."""

    parts: Parts

    def __str__(self) -> str:
        return _clock(self.parts)


Calendar = FhirDate | FhirDateTime
Temporal = FhirDate | FhirDateTime | FhirTime


def _date_parts(texts: tuple[str | None, ...]) -> Parts | None:
    parts = tuple(int(text) for text in texts if text is not None)
    try:
        date(*(*parts, 1, 1)[:DATE_PARTS])
    except ValueError:
        return None
    return parts


def _time_parts(texts: tuple[str | None, ...]) -> Parts | None:
    parts: Parts = tuple(int(text) for text in texts[:2] if text is not None)
    if texts[2] is not None:
        parts += (Decimal(texts[2]),)
    return parts if all(map(lambda part, limit: part < limit, parts, _LIMITS)) else None


def parse_date(text: str) -> FhirDate | None:
    """The date written as YYYY, YYYY-MM or YYYY-MM-DD; None when it is no such thing."""
    found = _DATE_TEXT.fullmatch(text)
    parts = _date_parts(found.groups()) if found else None
    return FhirDate(parts) if parts else None


def parse_time(text: str) -> FhirTime | None:
    """The time written as HH, HH:MM or HH:MM:SS with decimals; None when it is no such thing."""
    found = _TIME_TEXT.fullmatch(text)
    parts = _time_parts(found.groups()) if found else None
    return FhirTime(parts) if parts else None


def parse_datetime(text: str) -> FhirDateTime | None:
    """The date-time in ISO 8601, down to any precision; None when it is no such thing."""
    found = _DATETIME_TEXT.fullmatch(text)
    if found is None:
        return None
    groups = found.groups()
    days, clock = _date_parts(groups[:3]), _time_parts(groups[3:6])
    offset = _offset(groups[6])
    if days is None or clock is None or (offset is not None and abs(offset) > _MAX_OFFSET):
        return None
    if clock and len(days) < DATE_PARTS:
        return None
    return FhirDateTime(days + clock, offset)


def _offset(text: str | None) -> int | None:
    if text is None:
        return None
    if text == "Z":
        return 0
    minutes = int(text[1:3]) * 60 + int(text[4:6])
    return -minutes if text[0] == "-" else minutes


def from_datetime(now: datetime) -> FhirDateTime:
    """An aware datetime as a FhirDateTime of millisecond precision."""
    seconds = Decimal(now.second) + Decimal(now.microsecond // 1000).scaleb(-3)
    parts: Parts = (now.year, now.month, now.day, now.hour, now.minute, seconds)
    offset = now.utcoffset()
    return FhirDateTime(parts, None if offset is None else int(offset.total_seconds() // 60))


def to_date(value: Calendar) -> FhirDate:
    """The date of a date or date-time, as precise as it is."""
    return FhirDate(value.parts[:DATE_PARTS])


def _span(value: Calendar) -> tuple[int | Decimal, int | Decimal]:
    """First and last possible second, counted in UTC; equal when the value is exact."""
    parts = value.parts
    year, month, day = (*parts, 1, 1)[:DATE_PARTS]
    first: int | Decimal = date(int(year), int(month), int(day)).toordinal() * DAY
    match len(parts):
        case 1:
            length: int | Decimal = (366 if isleap(int(year)) else 365) * DAY
        case 2:
            length = monthrange(int(year), int(month))[1] * DAY
        case count:
            for part, unit in zip(parts[DATE_PARTS:], (HOUR, MINUTE, 1), strict=False):
                first += part * unit
            length = (DAY, HOUR, MINUTE, 0)[count - DATE_PARTS]
    offset = (getattr(value, "offset", None) or 0) * MINUTE
    return first - offset, first - offset + length


def instant(value: Calendar) -> int | Decimal:
    """The first possible second of the value, counted in UTC."""
    return _span(value)[0]


def _compare_parts(left: Parts, right: Parts) -> int | None:
    for one, other in zip(left, right, strict=False):
        if one != other:
            return -1 if one < other else 1
    return 0 if len(left) == len(right) else None


def _compare_spans(left: Calendar, right: Calendar, same_knowledge: bool) -> int | None:
    (low, high), (other_low, other_high) = _span(left), _span(right)
    if same_knowledge:
        if len(left.parts) == len(right.parts) and low == other_low:
            return 0
    elif getattr(left, "offset", None) is None:
        low, high = low - WEST, high + EAST
    else:
        other_low, other_high = other_low - WEST, other_high + EAST
    if high < other_low or (high == other_low and low < high):
        return -1
    if other_high < low or (other_high == low and other_low < other_high):
        return 1
    return None


def compare(left: Temporal, right: Temporal) -> int | None:
    """-1, 0 or 1 as left is before, at or after right; None when that is not known.

    Both must be times, or neither (the caller checks). Equal needs equal precision. Where only
    one side knows its offset from UTC, the other may be any time zone's.
    """
    if isinstance(left, FhirTime) or isinstance(right, FhirTime):
        return _compare_parts(left.parts, right.parts)
    offset, other = getattr(left, "offset", None), getattr(right, "offset", None)
    if offset == other:
        return _compare_parts(left.parts, right.parts)
    return _compare_spans(left, right, (offset is None) == (other is None))
