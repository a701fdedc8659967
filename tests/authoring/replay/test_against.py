"""``--against`` names the people whose cards a change of the content changes, and nobody else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from tests.support.clinic import ROOT

from .exports import cards_by_patient, copied_content, replayed, rows


def test_a_changed_threshold_names_exactly_the_people_whose_cards_change(
    export: Path, tmp_path: Path
) -> None:
    flags = "plan_definitions/red-flags.json"
    changed = copied_content(tmp_path / "changed", flags, "%age < 13", "%age < 40")
    before, after, both = tmp_path / "before", tmp_path / "after", tmp_path / "both"
    replayed(before, export, case_ids=True)
    plain = replayed(after, export, case_ids=True, root=changed)
    report = replayed(both, export, case_ids=True, root=changed, against=ROOT)

    expected = set(differences(cards_by_patient(before), cards_by_patient(after)))
    named = {(row["case"], row["card"], row["change"]) for row in rows(both / "diff.parquet")}

    assert {change for _, _, change in expected} == {"newly speaks", "falls silent"}
    assert named == expected
    assert report["digest"] == plain["digest"]
    assert summed(report["changes"]) == Counter((card, what) for _, card, what in expected)
    assert all(
        set(row["speaksCases"]) <= {case for case, _, _ in expected} for row in report["changes"]
    )


def test_the_same_content_changes_nothing_and_no_case_is_named_unasked(
    export: Path, tmp_path: Path
) -> None:
    flags = "plan_definitions/red-flags.json"
    changed = copied_content(tmp_path / "changed", flags, "%age < 13", "%age < 40")

    assert replayed(tmp_path / "same", export, against=ROOT)["changes"] == []
    assert rows(tmp_path / "same" / "diff.parquet") == []
    report = replayed(tmp_path / "run", export, root=changed, against=ROOT)
    assert report["changes"]
    assert not any("speaksCases" in row for row in report["changes"])


def differences(
    before: dict[str, list[str]], after: dict[str, list[str]]
) -> list[tuple[str, str, str]]:
    assert before.keys() == after.keys()
    return [
        (name, card, "newly speaks" if card in after[name] else "falls silent")
        for name in before
        for card in {*before[name]} ^ {*after[name]}
    ]


def summed(changes: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """(card, change) -> people, of a report."""
    counts = Counter[tuple[str, str]]()
    for row in changes:
        counts[row["card"], "newly speaks"] = row["speaks"]
        counts[row["card"], "falls silent"] = row["silent"]
    return +counts
