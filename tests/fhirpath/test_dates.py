"""Dates and times of partial precision: compared only as far as they are known."""

from datetime import UTC, datetime

import pytest

from cds_service.fhirpath import FhirDate, compile_expression, to_json

from .asking import NOW, ask, refusal


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("@2018-03 < @2018-03-01", []),
        ("@2018-02 < @2018-03-01", [True]),
        ("@2018 = @2018", [True]),
        ("@2018 = @2018-01", []),
        ("@2018 != @2019-01", [True]),
        ("@2018-03-01 = @2018-03-01T10:00:00", []),
        ("@2018-03-01T10:30:00 = @2018-03-01T10:30:00.0", [True]),
        ("@2018-03-01T10 <= @2018-03-01T10:00", []),
        ("@T10:30 < @T10:31:00", [True]),
        ("@T10:30 < @T10:30:00", []),
        ("@2018-03 ~ @2018-03-01", [False]),
    ],
)
def test_precision(text: str, answer: list[bool]) -> None:
    assert ask(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("@2018-03-01T10:00:00+02:00 = @2018-03-01T08:00:00Z", [True]),
        ("@2018-03-01T23:30:00-05:00 > @2018-03-02T04:00:00Z", [True]),
        ("@2018-03-01T10:00:00Z = @2018-03-01T10:00:00", []),
        ("@2018-03-01T10:00:00Z < @2018-03-01T20:00:00", []),
        ("@2018-03-01T10:00:00Z < @2018-03-04T12:00:00", [True]),
        ("@2018-03-01T10:30Z = @2018-03-01T16:00+05:30", [True]),
        ("@2018-03-01T10+00:00 < @2018-03-01T16:00+05:30", []),
        ("@2018-03-01T10+00:00 < @2018-03-01T11:30+00:30", [True]),
        ("now() > today()", []),
        ("now() > today() - 3 days", [True]),
    ],
)
def test_an_unknown_offset_leaves_a_day_open(text: str, answer: list[bool]) -> None:
    assert ask(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("@2024-01-31 + 1 month", "2024-02-29"),
        ("@2024-02-29 - 1 year", "2023-02-28"),
        ("@2024-11-30 + 3 months", "2025-02-28"),
        ("@2024 + 18 months", "2025"),
        ("@2024-03 - 3 months", "2023-12"),
        ("@2024-12-31 + 1 day", "2025-01-01"),
        ("@2024-01-01 + 25 hours", "2024-01-02"),
        ("@2024-01-01T23:59:59Z + 1 second", "2024-01-02T00:00:00+00:00"),
        ("@2024-01-01T10:00:00.000 + 10 'ms'", "2024-01-01T10:00:00.010"),
        ("@2024-01-01T10 + 90 minutes", "2024-01-01T11"),
        ("@T23:30 + 45 minutes", "00:15"),
        ("@2024-03-10 - 2 weeks", "2024-02-25"),
        ("@2024-01-01 + 7.9 days", "2024-01-08"),
    ],
)
def test_arithmetic(text: str, answer: str) -> None:
    assert to_json(ask(text)) == [answer]


def test_arithmetic_out_of_the_calendar_is_empty() -> None:
    assert ask("@9999-12-31 + 1 day") == ask("@0001-01-01 - 1 month") == ask("@9999 + 1 year") == []


@pytest.mark.parametrize(
    "text",
    [
        "@2024-01-01 + 1 'mo'",
        "@2024-01-01 + 1 'a'",
        "@2024-01-01 + 1 'mg'",
        "@2024-01-01 + 7",
        "@2024 + 7 days",
        "@2024-01-01T10:00:00 + 0.5 seconds",
        "@2024-01-02 - @2024-01-01",
        "@T10:00 + 1 month",
        "@2024-01-01 > '2023-01-01'",
        "@2024-01-01 > @T10:00",
        "@2024-13-01",
        "@2023-02-29",
        "@T25:00",
    ],
)
def test_what_has_no_meaning_is_refused(text: str) -> None:
    assert refusal(text).position is not None


def test_text_is_no_date() -> None:
    assert refusal("today() > %x", x="2024-01-01").hint == "write a date as @2024-12-31"
    assert refusal("%x = today()", x="2024-01-01").hint == "write a date as @2024-12-31"
    assert ask("%x.toDate() < today()", x="2024-01-01") == [True]


def test_the_clock_is_the_one_given() -> None:
    assert to_json(ask("today() | now() | timeOfDay()")) == [
        "2026-06-01",
        "2026-06-01T12:30:15.123+02:00",
        "12:30:15.123",
    ]


def test_without_a_clock_there_is_one_instant_an_evaluation() -> None:
    before = datetime.now(UTC)

    answer = compile_expression("now() = now() and today() <= now().toDate()").evaluate(None)
    (today,) = compile_expression("today()").evaluate(None)

    assert answer == [True]
    assert isinstance(today, FhirDate)
    assert abs(today.parts[0] - before.year) <= 1


def test_age_in_years() -> None:
    rule = compile_expression("%patient.birthDate > today() - 18 years")

    minors = [
        rule.evaluate(None, {"patient": {"resourceType": "Patient", "birthDate": born}}, NOW)
        for born in ("2008-06-02", "2008-06-01", "2008", "2000")
    ]

    assert minors == [[True], [False], [], [False]]


def test_conversions_keep_precision() -> None:
    assert to_json(ask("'2024-02'.toDate()")) == ["2024-02"]
    assert to_json(ask("'2024-02-03T10:11'.toDateTime()")) == ["2024-02-03T10:11"]
    assert to_json(ask("'10:11'.toTime()")) == ["10:11"]
    assert ask("'2024-2-3'.toDate()") == ask("'24:00'.toTime()") == ask("'x'.toDateTime()") == []
