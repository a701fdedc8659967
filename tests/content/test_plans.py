"""Causes, cards and orders: what each must carry, and how it is worded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cds_service.content import Content, load_content
from tests.support.clinic import ROOT

from .breaking import (
    CANONICAL_BASE,
    CARD,
    CAUSE,
    ORDER,
    Broken,
    Document,
    edit,
    find,
    first,
    put,
    say,
    variable,
    without,
)

BROKEN: list[Broken] = [
    (
        "no-condition",
        CAUSE,
        lambda d: first(d).pop("condition"),
        CAUSE,
        "action pregnancy-test",
        "would always apply",
    ),
    (
        "no-reason-line",
        CAUSE,
        lambda d: first(d).pop("textEquivalent"),
        CAUSE,
        "action pregnancy-test",
        "needs textEquivalent",
    ),
    (
        "yields-to-no-priority",
        CAUSE,
        lambda d: (
            first(d)
            .setdefault("extension", [])
            .append({"url": f"{CANONICAL_BASE}/StructureDefinition/yields-to", "valueCode": "high"})
        ),
        CAUSE,
        "action pregnancy-test",
        "yields-to is one of",
    ),
    (
        "no-card",
        CAUSE,
        lambda d: first(d).pop("definitionCanonical"),
        CAUSE,
        "action pregnancy-test",
        "needs definitionCanonical",
    ),
    (
        "dangling-card",
        CAUSE,
        lambda d: first(d).update(definitionCanonical=f"{CANONICAL_BASE}/PlanDefinition/nothing"),
        CAUSE,
        "action pregnancy-test",
        "nothing in the content is",
    ),
    (
        "wrong-version-of-a-card",
        CAUSE,
        lambda d: first(d).update(
            definitionCanonical=f"{CANONICAL_BASE}/PlanDefinition/pregnancy-test|9.9.9"
        ),
        CAUSE,
        "action pregnancy-test",
        "|9.9.9",
    ),
    (
        "a-cause-as-a-card",
        CAUSE,
        lambda d: first(d).update(definitionCanonical=f"{CANONICAL_BASE}/PlanDefinition/sti"),
        CAUSE,
        "action pregnancy-test",
        "is not a card plan",
    ),
    (
        "action-id-used-twice",
        CAUSE,
        lambda d: d["action"][1].update(id="pregnancy-test"),
        CAUSE,
        "action pregnancy-test",
        "used twice",
    ),
    (
        "summary-of-140",
        CAUSE,
        lambda d: say(d, "x" * 140),
        CAUSE,
        "action pregnancy-test.title",
        "more than 139",
    ),
    (
        "card-summary-of-140",
        CARD,
        lambda d: say(d, "x" * 140),
        CARD,
        "title",
        "more than 139",
    ),
    (
        "no-citation",
        CAUSE,
        lambda d: d.update(
            relatedArtifact=[a for a in d["relatedArtifact"] if a["type"] == "depends-on"]
        ),
        CAUSE,
        "relatedArtifact",
        "needs at least one citation",
    ),
    (
        "dangling-dependency",
        CAUSE,
        lambda d: d["relatedArtifact"][0].update(resource=f"{CANONICAL_BASE}/Library/nothing"),
        CAUSE,
        "relatedArtifact[0]",
        "nothing is",
    ),
    ("no-usage", CAUSE, without("usage"), CAUSE, "usage", "expected to be wrong"),
    ("no-description", CAUSE, without("description"), CAUSE, "description", "is required"),
    ("no-publisher", CAUSE, without("publisher"), CAUSE, "publisher", "is required"),
    ("draft-not-experimental", CAUSE, put("experimental", False), CAUSE, "experimental", "true"),
    (
        "unknown-override-reason",
        CAUSE,
        lambda d: first(d)["extension"].append(
            {
                "url": f"{CANONICAL_BASE}/StructureDefinition/override-reason",
                "valueCode": "because",
            }
        ),
        CAUSE,
        "action pregnancy-test",
        "'because' is not in the override-reasons",
    ),
    (
        "dangling-order",
        CARD,
        lambda d: first(d)["action"][0].update(
            definitionCanonical=f"{CANONICAL_BASE}/ActivityDefinition/nothing"
        ),
        CARD,
        "action ",
        "nothing in the content is",
    ),
    ("two-cards-in-a-plan", CARD, lambda d: d["action"].append({"id": "x"}), CARD, "action", "one"),
    (
        "banned-words",
        CAUSE,
        lambda d: first(d).update(description="Patient denies fever."),
        CAUSE,
        "action[pregnancy-test].description",
        "'denies' must not be written: write does not report",
    ),
    (
        "unfinished-words",
        CAUSE,
        lambda d: first(d).update(description="TODO"),
        CAUSE,
        "action[pregnancy-test].description",
        "is unfinished",
    ),
    (
        "html",
        CAUSE,
        lambda d: first(d).update(description="Look for <b>fever</b>."),
        CAUSE,
        "action[pregnancy-test].description",
        "holds HTML",
    ),
    (
        "two-equal-orders",
        ORDER,
        lambda d: d.update(
            code=json.loads((ROOT / "activity_definitions/urine-pregnancy-test.json").read_text())[
                "code"
            ]
        ),
        "activity_definitions/urine-pregnancy-test.json",
        "code",
        f"is the same order as {ORDER}",
    ),
]


@pytest.mark.parametrize("broken", BROKEN, ids=[name for name, *_ in BROKEN])
def test_what_is_wrong_is_found_where_it_is(broken: Broken, folder: Path) -> None:
    find(broken, folder)


def test_a_new_cause_is_one_file(folder: Path) -> None:
    def change(document: Document) -> None:
        document.update(id="new-cause", url=f"{CANONICAL_BASE}/PlanDefinition/new-cause")
        document["identifier"][0]["value"] = "C99"
        variable(document, "C18").update(name="C99", expression="%answers.urine.burn")
        for action in document["action"]:
            action["condition"][0]["expression"]["expression"] = "%C99"

    shutil.copy(folder / CAUSE, folder / "plan_definitions/causes/new-cause.json")
    edit(folder, "plan_definitions/causes/new-cause.json", change)

    found = load_content(folder)

    assert "C99" in {source.id for source in found.sources}
    assert "C99" in {c.source.id for c in found.contributions["urine-testing"]}


def test_contributions_stand_in_rank_order(content: Content) -> None:
    for contributions in content.contributions.values():
        ranks = [(c.rank, c.source.order) for c in contributions]

        assert ranks == sorted(ranks)


def test_every_rule_has_a_source_and_every_source_a_title(content: Content) -> None:
    rules = [source.rule for source in content.sources if source.rule]

    assert len(rules) == len(set(rules))
    assert all(source.title for source in content.sources)
