"""Codes of RxNorm's files: everything made of an ingredient, and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_service.authoring.expansion.pinned import ExpansionError
from cds_service.authoring.expansion.rxnorm import CONCEPTS, RELATIONS, RxNorm, read_rxnorm

# id, term type, name. Made-up medicines: no row is RxNorm's.
NAMES = """
1 IN alphazol
2 PIN alphazol sodium
3 SCDC alphazol 10 MG
4 SCD alphazol 10 MG Oral Tablet
5 SBD alphazol 10 MG Oral Tablet [Zolpha]
6 BN Zolpha
7 IN betanol
8 SCDC betanol 5 MG
9 SCD alphazol 10 MG / betanol 5 MG Oral Tablet
10 GPCK {7 (alphazol 10 MG Oral Tablet) } Pack
11 SCD betanol 5 MG Vaginal Cream
12 DF Oral Tablet
13 DF Vaginal Cream
14 BPCK {7 (alphazol 10 MG Oral Tablet) } Pack [Zolpha Pack]
15 SCDC alphazol sodium 20 MG
16 SCD alphazol sodium 20 MG Oral Tablet
"""
# first, relation of the second to the first, second
LINKS = """
1 form_of 2
1 has_ingredient 3
2 has_precise_ingredient 15
15 consists_of 16
3 consists_of 4
3 consists_of 9
8 consists_of 9
7 has_ingredient 8
8 consists_of 11
4 tradename_of 5
1 tradename_of 6
6 has_ingredient 5
4 contains 10
4 contains 14
12 has_dose_form 4
12 has_dose_form 5
12 has_dose_form 9
12 has_dose_form 16
13 has_dose_form 11
"""


def write_rrf(folder: Path) -> Path:
    """Writes the two files in RxNorm's columns."""
    concepts = []
    for line in NAMES.strip().splitlines():
        code, kind, name = line.split(" ", 2)
        for term_type, text in ((kind, name), ("SY", f"{name} (also)")):
            row = [code, "ENG", *[""] * 9, "RXNORM", term_type, code, text, "", "N", "4096"]
            concepts.append("|".join(row) + "|")
    relations = []
    for line in LINKS.strip().splitlines():
        first, relation, second = line.split()
        row = [first, "", "CUI", "RO", second, "", "CUI", relation, "", "", "RXNORM", *[""] * 5]
        relations.append("|".join(row) + "|")
    folder.mkdir(exist_ok=True)
    (folder / CONCEPTS).write_text("\n".join([*concepts, ""]), encoding="utf-8")
    (folder / RELATIONS).write_text("\n".join([*relations, ""]), encoding="utf-8")
    return folder


@pytest.fixture
def rxnorm(tmp_path: Path) -> RxNorm:
    return read_rxnorm(write_rrf(tmp_path / "RxNorm_10062025"), lambda _: None)


def has(name: str, concept: int) -> dict[str, str]:
    return {"property": name, "op": "=", "value": f"CUI:{concept}"}


def ids(rxnorm: RxNorm, *filters: dict[str, str]) -> set[int]:
    return {int(code.code) for code in rxnorm.select(filters)}


def test_an_ingredient_brings_its_salts_drugs_brands_and_packs(rxnorm: RxNorm) -> None:
    found = ids(rxnorm, has("has_ingredient", 1))

    assert found == {1, 2, 4, 5, 9, 10, 14, 16}  # not the component, not the brand's name


def test_two_filters_both_have_to_hold(rxnorm: RxNorm) -> None:
    cream = ids(rxnorm, has("has_ingredient", 7), has("has_dose_form", 13))
    tablets = ids(rxnorm, has("has_ingredient", 1), has("has_dose_form", 12))

    assert cream == {11}
    assert tablets == {4, 5, 9, 16, 10, 14}  # a pack comes with the drug in it


def test_names_are_those_of_the_concept_not_its_synonyms(rxnorm: RxNorm) -> None:
    displays = {code.display for code in rxnorm.select([has("has_ingredient", 7)])}

    assert displays == {
        "betanol",
        "betanol 5 MG Vaginal Cream",
        "alphazol 10 MG / betanol 5 MG Oral Tablet",
    }


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (has("has_ingredient", 99), "has no concept 99"),
        ({"property": "concept", "op": "is-a", "value": "1"}, "is filtered by has_ingredient or"),
    ],
)
def test_a_filter_that_cannot_be_met_is_refused(
    rxnorm: RxNorm, condition: dict[str, str], words: str
) -> None:
    with pytest.raises(ExpansionError, match=words):
        rxnorm.select([condition])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: (f / RELATIONS).unlink(), "Name the folder of RxNorm"),
        (lambda f: (f / CONCEPTS).write_text("1|ENG|", encoding="utf-8"), "line 1 has 3 columns"),
        (
            lambda f: (f / RELATIONS).write_text("", encoding="utf-8"),
            "holds no concept or relation",
        ),
        (lambda f: (f / CONCEPTS).write_bytes(b"\xff\xfe1|"), "is not UTF-8"),
    ],
    ids=["a file missing", "cut off", "empty", "other encoding"],
)
def test_files_that_cannot_be_read_are_refused(tmp_path: Path, spoil: object, words: str) -> None:
    folder = write_rrf(tmp_path / "rxnorm")
    assert callable(spoil)
    spoil(folder)

    with pytest.raises(ExpansionError, match=words):
        read_rxnorm(folder, lambda _: None)
