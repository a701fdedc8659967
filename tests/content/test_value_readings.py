"""What the value of a chart entry must be, and no unread result that holds a card back."""

from __future__ import annotations

from pathlib import Path

import pytest

from .breaking import FACTS, Broken, Document, Edit, find


def requirement(document: Document, name: str) -> Document:
    return next(d for d in document["dataRequirement"] if d["id"] == name)


def without_extensions(name: str, *kept: str) -> Edit:
    def change(document: Document) -> None:
        node = requirement(document, name)
        node["extension"] = [e for e in node["extension"] if e["url"].endswith(kept)]
        if not node["extension"]:
            del node["extension"]

    return change


def added(name: str, extension: str, **value: str) -> Edit:
    def change(document: Document) -> None:
        url = f"https://dyspareunia-cds.example/fhir/StructureDefinition/{extension}"
        requirement(document, name).setdefault("extension", []).append({"url": url, **value})

    return change


TTG, TEST, HEAT = "ttgResultWithin730Days", "urinalysisResultWithin7Days", "bodyTemperature"
BROKEN: list[Broken] = [
    ("unread", FACTS, without_extensions(TEST, "result"), "libraries", TEST, "by exists() alone"),
    (
        "no-reason",
        FACTS,
        added(TTG, "unread-may-quiet", valueString="x"),
        "libraries",
        "dataRequirement",
        "says why",
    ),
    ("state", FACTS, added(TEST, "result", valueCode="maybe"), FACTS, TEST, "no state of a result"),
    ("both", FACTS, added(HEAT, "result", valueCode="positive"), FACTS, HEAT, "not for both"),
    ("field", FACTS, added(HEAT, "hook-context", valueCode="x"), FACTS, HEAT, "is one of"),
]


@pytest.mark.parametrize("broken", BROKEN, ids=[name for name, *_ in BROKEN])
def test_what_is_wrong_is_found_where_it_is(broken: Broken, folder: Path) -> None:
    find(broken, folder)
