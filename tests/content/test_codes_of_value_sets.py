"""Codes of value sets: their check digits, and that there are any."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_service.content.codes import has_valid_check_digit, normalise

from .breaking import CANONICAL_BASE, SET, Broken, find

BROKEN: list[Broken] = [
    (
        "wrong-snomed-check-digit",
        SET,
        lambda d: d["compose"]["include"][0]["concept"][0].update(code="129103004"),
        SET,
        "code 129103004",
        "wrong check digit",
    ),
    (
        "wrong-loinc-check-digit",
        "value_sets/body-temperature.json",
        lambda d: d["compose"]["include"][0]["concept"][0].update(code="8310-6"),
        "value_sets/body-temperature.json",
        "code 8310-6",
        "wrong check digit",
    ),
    (
        "code-listed-twice",
        SET,
        lambda d: d["compose"]["include"][0]["concept"].append(
            d["compose"]["include"][0]["concept"][0]
        ),
        SET,
        "code ",
        "is listed twice",
    ),
    (
        "empty-value-set",
        SET,
        lambda d: d["compose"].update(include=[{"system": "http://snomed.info/sct"}]),
        SET,
        "compose",
        "would silently match nothing",
    ),
    (
        "value-set-with-a-filter",
        SET,
        lambda d: (
            d["compose"]["include"][0].update(
                system="http://loinc.org",
                filter=[{"property": "parent", "op": "=", "value": "LP1"}],
                concept=None,
            )
            or d["compose"]["include"][0].pop("concept")
        ),
        SET,
        "compose",
        "is matched by its expansion",
    ),
    (
        "code-of-ours-that-does-not-exist",
        SET,
        lambda d: d["compose"]["include"].append(
            {"system": f"{CANONICAL_BASE}/CodeSystem/chart-concepts", "concept": [{"code": "no"}]}
        ),
        SET,
        "code no",
        "is not in the code system",
    ),
]


@pytest.mark.parametrize("broken", BROKEN, ids=[name for name, *_ in BROKEN])
def test_what_is_wrong_is_found_where_it_is(broken: Broken, folder: Path) -> None:
    find(broken, folder)


@pytest.mark.parametrize(
    ("system", "code", "valid"),
    [
        ("http://snomed.info/sct", "71315007", True),
        ("http://snomed.info/sct", "71315008", False),
        ("http://snomed.info/sct", "7131500x", False),
        ("http://loinc.org", "8310-5", True),
        ("http://loinc.org", "8310-4", False),
        ("http://loinc.org", "83105", False),
        ("http://loinc.org", "LA15173-0", True),
        ("http://hl7.org/fhir/sid/icd-10-cm", "anything", True),
    ],
)
def test_check_digits(system: str, code: str, valid: bool) -> None:
    assert has_valid_check_digit(system, code) is valid


def test_a_code_has_one_key() -> None:
    assert normalise("http://hl7.org/fhir/sid/icd-10-cm", "n80.9") == (
        "http://hl7.org/fhir/sid/icd-10-cm",
        "N809",
    )
    assert normalise(None, "x") == ("", "x")
