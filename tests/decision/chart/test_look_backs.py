"""How far back an entry may lie, what its date is, and which ones are newest."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import orjson
import pytest

from cds_service.content import Content
from cds_service.content.codes import LOINC
from cds_service.content.model import Requirement
from cds_service.decision.chart import ChartIndex
from cds_service.decision.elements import entry_date
from tests.support.clinic import NOW, QUIET, ROOT, Clinic, ago, chart_entry, meeting, observation

from .reading import CODE, matched, requirement, seen


@pytest.mark.parametrize(
    ("when", "within"),
    [
        ("2026-11-22T11:59:59Z", True),
        ("2026-11-19T12:00:00Z", True),
        ("2026-11-19T00:00:00Z", True),  # the third calendar day back, from its first moment
        ("2026-11-18T23:59:59Z", False),
        ("2026-11-19T01:00:00+02:00", False),  # still the 18th where the visit is
        ("2026-11-18T23:00:00-02:00", True),  # already the 19th where the visit is
        ("2026-11-19", True),
        ("2026-11-18", False),
        ("2026-11", False),  # may be the 1st
        ("2026", False),
    ],
)
def test_days_are_calendar_days_of_the_visit(when: str, within: bool) -> None:
    entry = observation(code=CODE, effectiveDateTime=when)

    assert seen(requirement(window=(3, "d")), entry) is within


def test_calendar_days_are_those_of_the_visits_own_clock() -> None:
    visit = datetime(2026, 11, 22, 1, 0, tzinfo=timezone(timedelta(hours=13)))
    entry = observation(code=CODE, effectiveDateTime="2026-11-18T10:59:59Z")
    later = observation(code=CODE, effectiveDateTime="2026-11-18T11:00:00Z")

    assert not seen(requirement(window=(3, "d")), entry, visit)
    assert seen(requirement(window=(3, "d")), later, visit)


def test_a_month_is_within_when_all_of_it_is() -> None:
    entry = observation(code=CODE, effectiveDateTime="2026-11")

    assert seen(requirement(window=(21, "d")), entry)
    assert not seen(requirement(window=(20, "d")), entry)


@pytest.mark.parametrize(
    ("when", "within"),
    [
        ("2026-11-21T12:00:00Z", True),
        ("2026-11-21T11:59:59Z", False),
        ("2026-11-21T14:00:00+02:00", True),
        ("2026-11-21T13:59:59+02:00", False),
        ("2026-11-22", True),
        ("2026-11-21", False),  # may be the morning
        ("2026-11", False),
    ],
)
def test_hours_are_counted_to_the_second(when: str, within: bool) -> None:
    entry = observation(code=CODE, effectiveDateTime=when)

    assert seen(requirement(window=(24, "h")), entry) is within


def test_an_undated_entry_is_in_no_window_but_counts_without_one() -> None:
    entry = observation(code=CODE)

    assert seen(requirement(), entry)
    assert not seen(requirement(window=(9999, "d")), entry)


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-02-30", "", "22.11.2026", 5])
def test_a_date_that_cannot_be_read_is_no_date(text: Any) -> None:
    entry = observation(code=CODE, effectiveDateTime=text)

    assert seen(requirement(), entry)
    assert not seen(requirement(window=(9999, "d")), entry)


@pytest.mark.parametrize(
    ("when", "counts"),
    [
        (ago(hours=-23), True),
        ("2026-11-23", True),
        ("2026-11-23T12:00:00Z", True),
        ("2026-11-23T12:00:01Z", False),
        ("2026-11-24", False),
        ("2036", False),
        ("9998-12-31", False),
    ],
)
def test_an_entry_over_a_day_ahead_is_a_mistake(when: str, counts: bool) -> None:
    entry = observation(code=CODE, effectiveDateTime=when)

    assert seen(requirement(), entry) is counts
    assert seen(requirement(window=(30, "d")), entry) is counts


@pytest.mark.parametrize(
    ("kind", "elements", "date"),
    [
        ("Condition", {"onsetDateTime": "2020", "recordedDate": "2021"}, "2020"),
        ("Condition", {"onsetString": "long ago", "recordedDate": "2021"}, "2021"),
        ("Condition", {"onsetAge": {"value": 30}, "recordedDate": "2021"}, "2021"),
        ("Condition", {"onsetPeriod": {"end": "2019"}}, "2019"),
        ("Observation", {"effectivePeriod": {"start": "2018", "end": "2019"}}, "2018"),
        ("Observation", {"issued": "2020-01-01T00:00:00Z"}, "2020-01-01T00:00:00Z"),
        ("Observation", {"effectiveTiming": {"event": ["2020"]}, "issued": "2021"}, "2021"),
        ("Procedure", {"performedPeriod": {"start": "2018"}}, "2018"),
        ("DiagnosticReport", {"effectiveDateTime": "2017"}, "2017"),
        ("MedicationRequest", {"authoredOn": "2016"}, "2016"),
        ("MedicationStatement", {"dateAsserted": "2015"}, "2015"),
        ("Encounter", {"period": {"start": "2014", "end": "2015"}}, "2014"),
        ("Encounter", {"period": {"end": "2015"}}, "2015"),
    ],
)
def test_the_date_of_an_entry(kind: str, elements: dict[str, Any], date: str) -> None:
    found = entry_date(chart_entry(kind, **elements), kind)

    assert found is not None
    assert found.text == date


def test_newest_entries_come_first_and_undated_ones_last() -> None:
    old, new, undated = (
        observation(id=name, code=CODE, **when)
        for name, when in (
            ("old", {"effectiveDateTime": "2025-01-01"}),
            ("new", {"effectiveDateTime": "2026-01-01T00:00:00+01:00"}),
            ("undated", {}),
        )
    )

    assert [e["id"] for e in matched(requirement(), old, undated, new)] == ["new", "old", "undated"]


def test_a_limit_keeps_the_newest(clinic: Clinic) -> None:
    entries = [
        observation(
            id=f"t{hours}",
            code={"coding": [{"system": LOINC, "code": "8310-5"}]},
            effectiveDateTime=ago(hours=hours),
            valueQuantity={"value": 37, "unit": "Cel"},
        )
        for hours in (5, 1, 3)
    ]

    facts = clinic.found(QUIET, entries).evaluation.facts

    assert [e["id"] for e in facts.variables["bodyTemperature"]] == ["t1"]


def windows() -> list[str]:
    facts = (ROOT / "libraries" / "dyspareunia-facts.json").read_bytes()
    return [n["id"] for n in orjson.loads(facts)["dataRequirement"] if "dateFilter" in n]


@pytest.mark.parametrize("name", windows())
def test_both_edges_of_every_window_of_the_facts_library(name: str, content: Content) -> None:
    wanted = content.requirements[name]
    amount, unit = wanted.window or (0, "")
    days = unit == "d"
    length = timedelta(days=amount) if days else timedelta(hours=amount)
    beyond = length + (timedelta(days=1) if days else timedelta(seconds=1))
    inside, outside = (
        (NOW - back).date().isoformat() if days else (NOW - back).isoformat()
        for back in (length, beyond)
    )

    assert seen_as(wanted, inside)
    assert not seen_as(wanted, outside)


def seen_as(wanted: Requirement, when: str) -> bool:
    return wanted.id in ChartIndex.of([wanted]).match([meeting(wanted, when)], NOW)[0]
