"""Bundles of others are read for what they hold, whatever else is in them."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.fhir.bundles import next_links, read_contents, resources

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


# -- is that all there is ----------------------------------------------------------------------

MATCH = {"resource": PATIENT, "search": {"mode": "match"}}
INCLUDED = {"resource": {"resourceType": "Medication"}, "search": {"mode": "include"}}


def search(*entries: Any, **elements: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": list(entries), **elements}


def issue(severity: str, code: str) -> dict[str, Any]:
    issues = [{"severity": severity, "code": code}]
    return {"resourceType": "OperationOutcome", "issue": issues}


PARTIAL = (
    "incomplete",
    "suppressed",
    "timeout",
    "throttled",
    "too-costly",
    "transient",
    "lock-error",
)


@pytest.mark.parametrize(
    "part",
    [
        search(MATCH, total=2),
        search(MATCH, INCLUDED, total=2),
        search(MATCH, {"resource": issue("warning", "x"), "search": {"mode": "outcome"}}, total=2),
        search(MATCH, link=[{"relation": "next", "url": "x"}]),
        search(MATCH, meta={"tag": [{"code": "SUBSETTED"}]}),
        search({"resource": {**PATIENT, "meta": {"tag": [{"code": "SUBSETTED"}]}}}),
        search(MATCH, {}),
        search(MATCH, {"fullUrl": "urn:uuid:x"}),
        search(MATCH, {"response": {"status": "200 OK"}}),
        search(entry=5),
        search({"resource": search(MATCH, total=5)}),
        *(search(MATCH, {"resource": issue("information", code)}) for code in PARTIAL),
    ],
    ids=str,
)
def test_a_bundle_that_shows_it_is_a_part_is_one(part: Any) -> None:
    assert read_contents(part).is_whole is False


@pytest.mark.parametrize(
    "whole",
    [
        None,
        PATIENT,
        search(),
        search(MATCH),
        search(MATCH, total=1),
        search(MATCH, INCLUDED, total=1),
        search({"resource": PATIENT}, total=1),
        search(MATCH, total=0),
        search(MATCH, {"resource": issue("warning", "processing")}),
        search(MATCH, link=[{"relation": "self", "url": "x"}]),
    ],
    ids=str,
)
def test_what_shows_nothing_missing_is_whole(whole: Any) -> None:
    contents = read_contents(whole)

    assert (contents.is_whole, contents.failed, contents.unusable) == (True, False, 0)


@pytest.mark.parametrize(
    "value",
    [
        issue("information", "informational"),
        search({"resource": issue("error", "timeout")}),
        search(MATCH, {"response": {"status": "404 Not Found"}}),
        search(MATCH, {"response": {"status": "500"}}),
        search(MATCH, {"response": {"status": "200", "outcome": issue("fatal", "exception")}}),
        search({"resource": search({"resource": issue("error", "x")})}),
    ],
    ids=str,
)
def test_a_query_that_failed_is_known(value: Any) -> None:
    assert read_contents(value).failed is True


def test_bundles_inside_bundles_are_flattened_with_their_full_urls() -> None:
    inner = search({"fullUrl": "urn:uuid:a", "resource": PATIENT})
    batch = {"resourceType": "Bundle", "type": "batch-response"}
    outer = {**batch, "entry": [{"response": {"status": "200 OK"}, "resource": inner}, MATCH]}

    contents = read_contents(outer)

    assert contents.entries == [("urn:uuid:a", PATIENT), (None, PATIENT)]
    assert contents.is_whole


def test_bundles_without_end_are_cut_and_said() -> None:
    value: Any = PATIENT
    for _ in range(50):
        value = search({"resource": value})

    contents = read_contents(value)

    assert (contents.resources, contents.is_whole, contents.unusable) == ([], False, 1)
