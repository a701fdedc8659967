"""The drawings of the body, and what stands for their regions."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_service.content.drawings import NotADrawing, read_drawing

from .breaking import FORM, Broken, Document, find, findings, item

DRAWING = "questionnaires/drawings/close-up-v.svg"


def option(document: Document, code: str) -> Document:
    options = item(document, "where")["answerOption"]
    return next(o for o in options if o["valueCoding"]["code"] == code)


def maps(document: Document) -> list[Document]:
    return [e for e in item(document, "where")["extension"] if e["url"].endswith("/body-map")]


def broken(name: str, change: object, words: str) -> Broken:
    return (name, FORM, change, FORM, "item where", words)  # type: ignore[return-value]


BROKEN = [
    broken(
        "no-drawing",
        lambda d: maps(d)[0]["extension"][0].update(valueString="zebra"),
        "there is no drawing zebra in questionnaires/drawings",
    ),
    broken(
        "region-without-option",
        lambda d: option(d, "clitoris").pop("extension"),
        "no option stands for the region 'v-clitoris'",
    ),
    broken(
        "option-for-no-region",
        lambda d: option(d, "clitoris")["extension"][0].update(valueString="zebra"),
        "no drawing of the item has the region 'zebra'",
    ),
    broken(
        "two-options-for-a-region",
        lambda d: option(d, "clitoris")["extension"].append(option(d, "glans")["extension"][0]),
        "two options stand for the region 'p-head'",
    ),
    broken(
        "shown-for-no-option",
        lambda d: maps(d)[2]["extension"][2].update(valueCode="zebra"),
        "body-map: item 'organs' has no option 'zebra'",
    ),
]


@pytest.mark.parametrize("row", BROKEN, ids=[row[0] for row in BROKEN])
def test_a_break_between_form_and_drawing_is_found(row: Broken, folder: Path) -> None:
    find(row, folder)


@pytest.mark.parametrize(
    ("was", "becomes", "words"),
    [
        ("<svg", "<s", "not well-formed XML"),
        ('viewBox="0 0', 'viewBox="5 0', "must be an svg whose viewBox"),
        ("<path", "<circle", "may hold paths alone"),
        ('d="M', 'd="m', "may hold paths alone"),
        (' data-at="68 92"', "", "a region needs an id of small letters"),
    ],
)
def test_what_is_no_drawing_is_told(folder: Path, was: str, becomes: str, words: str) -> None:
    path = folder / DRAWING
    text = path.read_text()
    path.write_text(text.replace(was, becomes, 1))

    assert any(f.file == DRAWING and words in f.message for f in findings(folder))


def test_a_region_too_small_for_a_thumb_is_found(folder: Path) -> None:
    path = folder / DRAWING
    small = '<path id="v-opening" data-at="68 92" d="M68 43L90 60L68 123Z"/>'
    text = path.read_text()
    start = text.index('<path id="v-opening"')
    path.write_text(text[:start] + small + text[text.index("/>", start) + 2 :])

    found = [f for f in findings(folder) if f.file == DRAWING]

    assert [f.path for f in found] == ["path v-opening"]
    assert "smaller than 44 units" in found[0].message


def test_dashes_are_numbers_alone() -> None:
    path = '<path stroke-dasharray="red" d="M0 0Z"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{path}</svg>'

    with pytest.raises(NotADrawing, match="numbers alone"):
        read_drawing("x", svg)
