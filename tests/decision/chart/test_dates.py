"""FHIR dates as spans of time, and ages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cds_service.fhir.dates import parse_span, whole_years
from tests.support.clinic import NOW


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026", utc(2026, 1, 1), utc(2027, 1, 1)),
        ("2026-02", utc(2026, 2, 1), utc(2026, 3, 1)),
        ("2026-12", utc(2026, 12, 1), utc(2027, 1, 1)),
        ("2024-02-29", utc(2024, 2, 29), utc(2024, 3, 1)),
        ("2026-02-03T04:05Z", utc(2026, 2, 3, 4, 5), utc(2026, 2, 3, 4, 5)),
        ("2026-02-03T04:05:06", utc(2026, 2, 3, 4, 5, 6), utc(2026, 2, 3, 4, 5, 6)),
        ("2026-02-03T04:05:06+02:00", utc(2026, 2, 3, 2, 5, 6), utc(2026, 2, 3, 2, 5, 6)),
        (
            "2026-02-03T04:05:06.123456789-10:00",
            utc(2026, 2, 3, 14, 5, 6, 123456),
            utc(2026, 2, 3, 14, 5, 6, 123456),
        ),
    ],
)
def test_a_coarse_date_is_all_it_may_mean(text: str, start: datetime, end: datetime) -> None:
    span = parse_span(text)

    assert span is not None
    assert (span.start, span.end, span.text) == (start, end, text)


@pytest.mark.parametrize(
    "value",
    [
        None,
        2026,
        "",
        "0000",
        "9999",
        "9999-12-31",
        "2026-00",
        "2023-02-29",
        "2026-1-1",
        "2026-01-01T",
        "2026-01-01T25:00Z",
        "2026-01-01 10:00",
        "x2026",
        "2026-01-01\n",
    ],
    ids=repr,
)
def test_what_is_no_date_is_none(value: Any) -> None:
    assert parse_span(value) is None


@pytest.mark.parametrize(
    ("born", "age"),
    [
        ("1990-11-22", 36),
        ("1990-11-23", 35),
        ("2000-02-29", 26),
        ("1990", None),  # 35 or 36
        ("1990-11", None),
        ("1990-01", 36),
        ("1990-12", 35),
        ("2026-11-22", 0),
        ("2026-11-23", None),
        ("2030", None),
        ("soon", None),
    ],
)
def test_age_is_whole_years_or_unknown(born: str, age: int | None) -> None:
    assert whole_years(born, NOW.date()) == age
