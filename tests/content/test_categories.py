"""Categories of ICD: which codes are below one, in a value set and in a chart."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_service.content import Content
from cds_service.content.codes import ICD10, ICD10CM, ICD10GM, LOINC, SNOMED, CodeSet, normalise

from .breaking import SET, Broken, find

N80 = CodeSet([], [normalise(ICD10CM, "N80")], [normalise(ICD10CM, "N80.03")])


@pytest.mark.parametrize(
    ("system", "code", "expected"),
    [
        (ICD10CM, "N80", True),
        (ICD10CM, "N80.00", True),
        (ICD10CM, "n80.A41", True),
        ("urn:oid:2.16.840.1.113883.6.90", "N80121", True),
        (ICD10CM, "N80.03", False),
        (ICD10CM, "N8", False),
        (ICD10CM, "N81.0", False),
        (ICD10CM, "", False),
        (ICD10, "N80.1", False),
        (SNOMED, "N80", False),
        (None, "N80", False),
    ],
)
def test_a_category_holds_what_is_below_it_but_for_exceptions(
    system: str | None, code: str, expected: bool
) -> None:
    assert ((system, code) in N80) is expected


@pytest.mark.parametrize(
    ("system", "code", "words"),
    [
        (ICD10CM, "N80.9", "Endometriosis"),  # the title of the set, for want of a display
        (ICD10GM, "N80.1", "Endometriosis"),
        (SNOMED, "129103003", "Endometriosis (disorder)"),
        (SNOMED, "1", "1"),
    ],
)
def test_a_code_below_a_category_is_shown_by_the_title_of_the_set(
    system: str, code: str, words: str, content: Content
) -> None:
    assert content.display_of(normalise(system, code)) == words


def a_filter(**changes: str) -> dict[str, object]:
    node = {"property": "concept", "op": "is-a", "value": "N80"} | changes
    return {"system": changes.pop("system", ICD10CM), "filter": [node]}


ABOVE = {"property": "concept", "op": "is-a", "value": "N81"}
BROKEN: list[Broken] = [
    (
        name,
        SET,
        lambda d, part=part, at=at: d["compose"].setdefault(at, []).append(part),
        SET,
        "compose",
        words,
    )
    for name, at, part, words in [
        (
            "another-system",
            "include",
            a_filter() | {"system": LOINC},
            "is matched by its expansion",
        ),
        ("another-operator", "include", a_filter(op="descendent-of"), "only the filter"),
        ("another-property", "include", a_filter(property="parent"), "only the filter"),
        ("a-chapter", "include", a_filter(value="N8"), "three characters"),
        (
            "two-filters",
            "include",
            {
                "system": ICD10CM,
                "filter": 2 * [{"property": "concept", "op": "is-a", "value": "N81"}],
            },
            "one filter 'concept is-a' is matched",
        ),
        (
            "a-value-set",
            "include",
            {"valueSet": ["https://dyspareunia-cds.example/fhir/ValueSet/ptsd"], "system": SNOMED},
            "other value sets",
        ),
        (
            "an-exception-by-code",
            "exclude",
            {"system": ICD10CM, "concept": [{"code": "N80.1"}]},
            "an exception is a filter too",
        ),
    ]
]


@pytest.mark.parametrize("broken", BROKEN, ids=[name for name, *_ in BROKEN])
def test_what_is_wrong_is_found_where_it_is(broken: Broken, folder: Path) -> None:
    find(broken, folder)
