"""Entries of odd shapes cost nothing but themselves."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.decision.chart import ChartIndex
from cds_service.decision.elements import choice
from cds_service.decision.unread import Why
from tests.support.clinic import NOW, chart_entry, observation

from .reading import CODE, requirement, seen

GOOD = observation(id="good", code=CODE, effectiveDateTime="2026-11-01")


@pytest.mark.parametrize(
    "code",
    [
        {"coding": 5},
        {"coding": "x"},
        {"coding": [5]},
        {"coding": ["x"]},
        {"coding": [None]},
        {"coding": [{"system": ["x"], "code": "it"}]},
        {"coding": [{"system": {"a": 1}, "code": "it"}]},
        5,
        "it",
    ],
    ids=str,
)
def test_a_shape_that_cannot_be_read_is_counted_and_costs_no_other_entry(code: Any) -> None:
    index = ChartIndex.of([requirement()])

    found, unread = index.match([observation(code=code), GOOD], NOW)

    assert [entry.resource["id"] for entry in found["it"]] == ["good"]
    assert [(one.type, one.why) for one in unread] == [("Observation", Why.SHAPE)]


@pytest.mark.parametrize(
    "code",
    [
        None,
        [],
        {},
        {"coding": None},
        {"coding": []},
        {"coding": [{}]},
        {"text": "it"},
        {"coding": [{"system": "urn:local", "code": "it"}]},
    ],
    ids=str,
)
def test_an_entry_without_a_code_of_a_known_system_is_not_understood(code: Any) -> None:
    index = ChartIndex.of([requirement()])

    found, unread = index.match([observation(code=code), GOOD], NOW)

    assert [entry.resource["id"] for entry in found["it"]] == ["good"]
    assert [one.why for one in unread] == [Why.CODE]


def test_another_code_of_a_known_system_is_understood() -> None:
    other = {"coding": [{"system": "urn:test", "code": "other"}]}

    assert ChartIndex.of([requirement()]).match([observation(code=other)], NOW) == ({}, [])


def test_an_encounter_lists_its_types() -> None:
    entry = chart_entry("Encounter", type=[{"text": "x"}, CODE])

    assert seen(requirement("Encounter"), entry)


@pytest.mark.parametrize(
    ("resource", "found"),
    [
        ({"onsetDateTime": "2020"}, "2020"),
        ({"onset": "2020"}, "2020"),
        ({"onsetting": "2020"}, None),
        ({"_onsetDateTime": "2020"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_a_choice_element_is_found_under_any_type(resource: dict[str, Any], found: Any) -> None:
    assert choice(resource, "onset") == found
