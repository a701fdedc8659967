"""Every code is one that somebody has seen with its display in a public source."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

import pytest

from cds_service.content import Content
from cds_service.content.codes import (
    ICD10,
    ICD10CM,
    ICD10GM,
    ICD10PCS,
    INTERPRETATION,
    SNOMED,
    has_valid_check_digit,
    normalise,
)
from tests.support.clinic import ROOT

from .breaking import CANONICAL_BASE

SOURCES = ROOT / "value_sets" / "sources.tsv"
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


@pytest.fixture(scope="module")
def sources() -> dict[tuple[str, str, str], dict[str, str]]:
    """The rows of ``value_sets/sources.tsv`` by value set, system and code."""
    with SOURCES.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert rows == sorted(rows, key=lambda row: (row["value_set"], row["system"], row["code"]))
    return {(row["value_set"], row["system"], row["code"]): row for row in rows}


def value_set_codes(content: Content) -> Iterator[tuple[dict[str, Any], str, dict[str, str]]]:
    for resource in content.resources.values():
        if resource["resourceType"] == "ValueSet":
            for include in resource["compose"]["include"]:
                for concept in include.get("concept", ()):
                    yield resource, include["system"], concept


def order_codes(content: Content) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    for resource in content.resources.values():
        if resource["resourceType"] == "ActivityDefinition":
            for concept in (resource["code"], *resource.get("topic", ())):
                for coding in concept.get("coding", ()):
                    yield resource, coding


def test_codes_of_value_sets_are_verified_ours_or_named_with_their_source(
    content: Content,
    verified: dict[tuple[str, str], set[str]],
    sources: dict[tuple[str, str, str], dict[str, str]],
) -> None:
    unknown = [
        f"{value_set['id']}: {system} {concept['code']}"
        for value_set, system, concept in value_set_codes(content)
        if (value_set["id"], system, concept["code"]) not in sources
        and (system, concept["code"]) not in verified
        and not system.startswith(CANONICAL_BASE)
        and concept["code"] not in value_set["purpose"]
    ]

    assert unknown == []


def test_a_row_of_sources_says_what_its_value_set_holds(
    content: Content, sources: dict[tuple[str, str, str], dict[str, str]]
) -> None:
    held = {
        (value_set["id"], system, concept["code"]): concept["display"]
        for value_set, system, concept in value_set_codes(content)
    }

    different = [
        key for key, row in sources.items() if held.get(key) != row["display"] or not row["source"]
    ]

    assert different == []


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


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("urn:oid:2.16.840.1.113883.6.90", "N94.10"), (ICD10CM, "n9410")),
        (("http://hl7.org/fhir/sid/icd-10-pcs", "0UT90ZZ"), (ICD10PCS, "0ut90zz")),
        (("http://snomed.info/sct/731000124108", "66348005"), (SNOMED, "66348005")),
        (("http://snomed.info/sct/", "66348005"), (SNOMED, "66348005")),
        (("http://terminology.hl7.org/CodeSystem/v2-0078", "POS"), (INTERPRETATION, "POS")),
        (("http://hl7.org/fhir/v3/ObservationInterpretation", "NEG"), (INTERPRETATION, "NEG")),
        (("http://fhir.de/CodeSystem/dimdi/icd-10-gm", "N80.1"), (ICD10GM, "N801")),
    ],
)
def test_one_spelling_for_each_code(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert normalise(*one) == normalise(*other)


@pytest.mark.parametrize("system", ["http://snomed.info/sctx", "http://hl7.org/fhir/sid/icd-10-x"])
def test_a_system_that_only_begins_alike_is_another(system: str) -> None:
    assert normalise(system, "1")[0] == system


def test_icd_of_the_who_is_not_that_of_the_united_states() -> None:
    assert normalise(ICD10, "N80.0") != normalise(ICD10CM, "N80.0")
