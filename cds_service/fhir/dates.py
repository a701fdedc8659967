"""FHIR dates as spans of time: a coarse date (``2026-05``) is the whole span it may mean."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

Clock = Callable[[], datetime]  # answers the time now, aware

_SHAPE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?)?)?"
)


@dataclass(frozen=True, slots=True)
class Span:
    """``start`` (included) to ``end`` (not included); aware. ``text`` is the date as written."""

    start: datetime
    end: datetime
    text: str


def parse_span(value: Any) -> Span | None:
    """The span of a FHIR date, dateTime or instant; None for anything else.

    A time without an offset, and a plain date, are taken as UTC.
    """
    match = _SHAPE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    try:
        return _span(value, *match.groups())
    except (ValueError, OverflowError):
        return None


def _span(value: str, year: str, month: str | None, day: str | None, time: str | None) -> Span:
    if time:
        moment = datetime.fromisoformat(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return Span(moment, moment, value)
    start = datetime(int(year), int(month or 1), int(day or 1), tzinfo=UTC)
    if day:
        return Span(start, start + timedelta(days=1), value)
    if month:
        return Span(start, _first_of_next_month(start), value)
    return Span(start, start.replace(year=start.year + 1), value)


def _first_of_next_month(start: datetime) -> datetime:
    return (start.replace(day=28) + timedelta(days=4)).replace(day=1)


def whole_years(born: str, today: date) -> int | None:
    """Age in whole years, or None when a coarse or impossible birth date leaves it open."""
    span = parse_span(born)
    if span is None:
        return None
    oldest = _years(span.start.date(), today)
    youngest = _years(
        (span.end - timedelta(days=1)).date() if span.end > span.start else span.start.date(), today
    )
    return oldest if oldest == youngest and oldest >= 0 else None


def _years(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
