"""Every code is one that somebody has seen with its display in a public source."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

import pytest

from cds_service.content import Content
from cds_service.content.codes import has_valid_check_digit, normalise
from tests.support.clinic import ROOT

from .breaking import CANONICAL_BASE

VERIFIED = ROOT.parent / "shared" / "codes.tsv"


@pytest.fixture(scope="module")
def verified() -> dict[tuple[str, str], set[str]]:
    if not VERIFIED.exists():
        pytest.skip("../shared/codes.tsv, the list of verified codes, is not here")
    found: dict[tuple[str, str], set[str]] = {}
    with VERIFIED.open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["code"] and row["status"].startswith("verified"):
                unusable = "[DO-NOT-USE]" in row["evidence"]
                if not unusable:
                    found.setdefault((row["system"], row["code"]), set()).add(row["display"])
    return found


def value_set_codes(content: Content) -> Iterator[tuple[dict[str, Any], str, dict[str, str]]]:
    for resource in content.resources.values():
        if resource["resourceType"] == "ValueSet":
            for include in resource["compose"]["include"]:
                for concept in include["concept"]:
                    yield resource, include["system"], concept


def order_codes(content: Content) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    for resource in content.resources.values():
        if resource["resourceType"] == "ActivityDefinition":
            for concept in (resource["code"], *resource.get("topic", ())):
                for coding in concept.get("coding", ()):
                    yield resource, coding


def test_codes_of_value_sets_are_verified_ours_or_named_with_their_source(
    content: Content, verified: dict[tuple[str, str], set[str]]
) -> None:
    unknown = [
        f"{value_set['id']}: {system} {concept['code']}"
        for value_set, system, concept in value_set_codes(content)
        if (system, concept["code"]) not in verified
        and not system.startswith(CANONICAL_BASE)
        and concept["code"] not in value_set["purpose"]
    ]

    assert unknown == []


def test_displays_of_verified_codes_are_those_of_their_source(
    content: Content, verified: dict[tuple[str, str], set[str]]
) -> None:
    changed = [
        f"{value_set['id']}: {concept['code']} {concept['display']}"
        for value_set, system, concept in value_set_codes(content)
        if concept["display"] not in verified.get((system, concept["code"]), {concept["display"]})
    ]

    assert changed == []


def test_codes_of_orders_are_verified_and_may_be_written(
    content: Content, verified: dict[tuple[str, str], set[str]]
) -> None:
    unknown = [
        f"{activity['id']}: {coding['code']}"
        for activity, coding in order_codes(content)
        if (coding["system"], coding["code"]) not in verified
    ]

    assert unknown == []


@pytest.mark.parametrize(
    ("system", "code", "expected"),
    [
        ("http://snomed.info/sct", "71315007", True),
        ("http://snomed.info/sct", "71315008", False),
        ("http://snomed.info/sct", "7131500x", False),
        ("http://loinc.org", "46154-1", True),
        ("http://loinc.org", "46154-3", False),
        ("http://loinc.org", "461541", False),
        ("http://example.org/other", "anything", True),
    ],
)
def test_check_digits(system: str, code: str, expected: bool) -> None:
    assert has_valid_check_digit(system, code) is expected


def test_one_spelling_for_each_code() -> None:
    dotted = normalise("urn:oid:2.16.840.1.113883.6.90", "N94.10")

    assert dotted == normalise("http://hl7.org/fhir/sid/icd-10-cm", "n9410")
