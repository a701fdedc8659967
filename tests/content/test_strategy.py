"""The strategy: which cards have a place, what it must say, and what it must list."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .breaking import (
    CANONICAL_BASE,
    FLAGS,
    STRATEGY,
    Broken,
    Document,
    Edit,
    edit,
    find,
    findings,
    first,
)


def unextended(extension: str) -> Edit:
    """Takes an extension of ours out."""

    def change(document: Document) -> None:
        found = [e for e in document["extension"] if e["url"].rpartition("/")[2] == extension]
        document["extension"].remove(found[0])

    return change


def mistyped_cause(document: Document) -> None:
    document["action"][0]["action"][0]["action"][-1]["definitionCanonical"] += "-x"


def third_level(document: Document) -> None:
    child = document["action"][0]["action"][0]
    child["action"] = [{**child, "id": "deeper"}]


BROKEN: list[Broken] = [
    (
        "card-without-a-place",
        STRATEGY,
        lambda d: [
            group.update(
                action=[
                    a
                    for a in group["action"]
                    if not a.get("definitionCanonical", "").endswith("/bowel-workup")
                ]
            )
            for moment in d["action"]
            for group in moment["action"]
        ],
        STRATEGY,
        "action",
        "the card bowel-workup has no place",
    ),
    (
        "missing-phrase",
        STRATEGY,
        lambda d: d.update(
            extension=[e for e in d["extension"] if '"and-more"' not in json.dumps(e)]
        ),
        STRATEGY,
        "card-wording",
        "the phrase 'and-more' is missing",
    ),
    (
        "unused-phrase",
        STRATEGY,
        lambda d: d["extension"].append(
            {
                "url": f"{CANONICAL_BASE}/StructureDefinition/card-wording",
                "extension": [
                    {"url": "code", "valueCode": "zebra"},
                    {"url": "text", "valueString": "Zebra"},
                ],
            }
        ),
        STRATEGY,
        "card-wording",
        "the phrase 'zebra' is never used",
    ),
    (
        "no-hook",
        STRATEGY,
        lambda d: first(d).pop("trigger"),
        STRATEGY,
        "action workup",
        "the hook it answers",
    ),
    (
        "no-strategy",
        STRATEGY,
        lambda d: d["type"]["coding"][0].update(code="eca-rule"),
        "plan_definitions",
        "",
        "exactly one PlanDefinition of type workflow-definition",
    ),
    ("no-cap", STRATEGY, unextended("card-cap"), STRATEGY, "card-cap", "needs it"),
    ("no-repeats", STRATEGY, unextended("repeat-window"), STRATEGY, "repeat-window", "needs it"),
    ("no-orders", STRATEGY, unextended("order-window"), STRATEGY, "order-window", "needs it"),
    (
        "no-card-for-failures",
        STRATEGY,
        unextended("card-for-failed-rule"),
        STRATEGY,
        "card-for-failed-rule",
        "needs it",
    ),
    ("mistyped-cause", STRATEGY, mistyped_cause, STRATEGY, "action workup", ""),
    ("third-level", FLAGS, third_level, FLAGS, "action", "holds no more actions"),
]


@pytest.mark.parametrize("broken", BROKEN, ids=[name for name, *_ in BROKEN])
def test_what_is_wrong_is_found_where_it_is(broken: Broken, folder: Path) -> None:
    find(broken, folder)


def test_a_plan_the_strategy_does_not_list_is_found(folder: Path) -> None:
    """Causes and cards are found by their folders; any other plan runs because it is listed."""
    copy = "plan_definitions/more-flags.json"
    shutil.copy(folder / FLAGS, folder / copy)

    def change(document: Document) -> None:
        document.update(id="more-flags", url=f"{CANONICAL_BASE}/PlanDefinition/more-flags")
        del document["extension"]

    edit(folder, copy, change)

    found = [f for f in findings(folder) if f.message.startswith("the strategy does not list")]
    assert [f.file for f in found] == [copy]
