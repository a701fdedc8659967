"""Bundles of others are read for what they hold, whatever else is in them."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.fhir.bundles import next_links, resources

PATIENT = {"resourceType": "Patient"}


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ([{"relation": "self", "url": "a"}, {"relation": "next", "url": "b"}], ["b"]),
        ([{"relation": "next"}], [""]),
        ([{"relation": "next", "url": "a"}, {"relation": "next", "url": "b"}], ["a", "b"]),
        ([], []),
        (None, []),
        ({"relation": "next"}, []),
        ([None, "next", ["next"]], []),
    ],
    ids=["one", "no-address", "two", "none", "null", "not-a-list", "odd"],
)
def test_next_links_are_those_named_so(link: Any, expected: list[str]) -> None:
    assert list(next_links({"link": link})) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (PATIENT, [PATIENT]),
        ([PATIENT, PATIENT], [PATIENT, PATIENT]),
        ({"resourceType": "Bundle", "entry": [{"resource": PATIENT}, {}, None]}, [PATIENT]),
        ({"resourceType": "Bundle", "entry": "x"}, []),
        ({"resourceType": 5}, []),
        (None, []),
        ("Patient/1", []),
    ],
    ids=["itself", "list", "bundle", "odd-bundle", "odd-type", "null", "text"],
)
def test_resources_are_what_says_it_is_one(value: Any, expected: list[Any]) -> None:
    assert list(resources(value)) == expected
