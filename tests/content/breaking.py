"""Breaking one thing in a copy of the content, and reading what is found.

A row of a table: what is broken, the file, the change, the file of the finding, its path, and words
in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cds_service.content import ContentError, Finding, load_content

CANONICAL_BASE = "https://dyspareunia-cds.example/fhir"
CAUSE = "plan_definitions/causes/urinary-infection-no-penis.json"
CARD = "plan_definitions/cards/urine-testing.json"
STRATEGY = "plan_definitions/dyspareunia-workup.json"
FLAGS = "plan_definitions/red-flags.json"
FACTS = "libraries/dyspareunia-facts.json"
FORM = "questionnaires/dyspareunia-intake.json"
ORDER = "activity_definitions/urine-culture.json"
SET = "value_sets/endometriosis.json"

Document = dict[str, Any]
Edit = Callable[[Document], Any]
Broken = tuple[str, str, Edit, str, str, str]


def edit(folder: Path, file: str, change: Edit) -> None:
    path = folder / file
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def findings(folder: Path) -> tuple[Finding, ...]:
    with pytest.raises(ContentError) as caught:
        load_content(folder)
    return caught.value.findings


def findings_of(folder: Path) -> tuple[Finding, ...]:
    """The findings, none when the content is good."""
    try:
        load_content(folder)
    except ContentError as error:
        return error.findings
    return ()


def item(document: Document, link_id: str) -> Document:
    return next(i for i in document["item"] if i["linkId"] == link_id)


def variable(document: Document, name: str) -> Document:
    return next(
        e["valueExpression"]
        for e in document["extension"]
        if e.get("valueExpression", {}).get("name") == name
    )


def named(document: Document, name: str, expression: str) -> None:
    """Adds a named expression that something refers to: itself, by the first fact."""
    document["extension"].append(
        {
            "url": "http://hl7.org/fhir/StructureDefinition/variable",
            "valueExpression": {
                "name": name,
                "description": "A made-up fact.",
                "language": "text/fhirpath",
                "expression": expression,
            },
        }
    )


def first(document: Document) -> Document:
    """The first action of a plan."""
    return document["action"][0]


def expression(document: Document) -> Document:
    """The expression of the first condition of the first action."""
    return first(document)["condition"][0]["expression"]


def without(key: str) -> Edit:
    return lambda document: document.pop(key)


def put(key: str, value: Any) -> Edit:
    return lambda document: document.update({key: value})


def say(document: Document, text: str) -> None:
    first(document)["title"] = text


def find(broken: Broken, folder: Path) -> None:
    """Breaks what the row says; fails unless it is found where the row says."""
    _, file, change, in_file, path, words = broken
    edit(folder, file, change)

    found = findings(folder)

    hits = [f for f in found if in_file in f.file and path in f.path and words in f.message]
    assert hits, [str(finding) for finding in found]
    assert all(str(f).startswith(f.file) and f.message for f in found)
