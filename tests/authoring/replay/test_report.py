"""The report and the tables: their figures, their plots, and that they name nobody."""

from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import orjson
import pytest

from cds_service.authoring.replay.look_alikes import LookAlikes, read_words
from cds_service.authoring.replay.report_json import wilson
from cds_service.content import Content
from tests.support.clinic import ROOT

from .conftest import PEOPLE
from .exports import replayed, resources, rows

FIRST = [
    "patients",
    "seconds",
    "workers",
    "patientsPerSecondPerCore",
    "digest",
    "content",
    "cards",
    "rules",
    "unreadable",
    "codes",
]


@pytest.fixture(scope="module")
def report(run: Path) -> dict[str, Any]:
    return json.loads((run / "report.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page(run: Path) -> str:
    return (run / "report.html").read_text(encoding="utf-8")


def test_the_report_begins_with_the_agreed_fields(report: dict[str, Any], content: Content) -> None:
    assert list(report)[: len(FIRST)] == FIRST
    assert report["patients"] == PEOPLE
    assert report["content"] == content.version
    assert report["cards"].keys() == {card.id for card in content.cards.values()}
    assert all(sum(answers.values()) == PEOPLE for answers in report["rules"].values())


def test_tables_and_report_say_the_same(run: Path, report: dict[str, Any]) -> None:
    evaluations = rows(run / "evaluations")
    cards = Counter(card for row in evaluations for card in row["cards"])
    by_rule = Counter[tuple[str, str]]()
    for row in rows(run / "rules.parquet"):
        by_rule.update({(row["rule"], answer): row[answer] for answer in ("yes", "no", "unknown")})
    coded = sum(row["count"] or 0 for row in rows(run / "codes.parquet"))

    assert len({row["case"] for row in evaluations}) == PEOPLE
    assert {card: number for card, number in report["cards"].items() if number} == cards
    assert all(
        by_rule[rule, answer] == number
        for rule, answers in report["rules"].items()
        for answer, number in answers.items()
    )
    assert coded <= sum(sum(counts.values()) for counts in report["codes"].values())


def test_no_id_name_or_date_of_a_patient_is_in_what_was_written(run: Path, export: Path) -> None:
    patients = resources(export / "Patient.ndjson")
    private = {text.encode() for p in patients for text in (p["id"], p["name"][0]["family"])}
    tables = [r for p in run.rglob("*.parquet") for r in rows(p)]
    written = [p.read_bytes() for p in run.iterdir() if p.is_file()] + [orjson.dumps(tables)]

    assert len(private) > PEOPLE
    assert not [text for text in private for data in written if text in data]
    assert "patient" not in rows(run / "evaluations")[0]
    assert not any(p["birthDate"].encode() in data for p in patients for data in written)


def test_codes_of_fewer_than_five_people_are_told_together(run: Path, export: Path) -> None:
    people: dict[str, set[str]] = {}
    for condition in resources(export / "Condition.ndjson"):
        for coding in condition["code"]["coding"]:
            people.setdefault(coding["code"], set()).add(condition["subject"]["reference"])
    rare = {code for code, who in people.items() if len(who) < 5}
    told = {row["code"] for row in rows(run / "codes.parquet") if row["type"] == "Condition"}

    assert rare
    assert not told & rare
    assert told - {None} == people.keys() - rare


def test_the_page_has_no_script_and_needs_no_other_file(page: str) -> None:
    tags = Counter[str]()
    addresses = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags[tag] += 1
            addresses.extend(v for k, v in attrs if k in ("src", "href", "xlink:href", "data"))

    Reader().feed(page)

    assert not tags.keys() & {"script", "link", "img", "iframe", "object"}
    assert all(address.startswith("#") for address in addresses)
    assert "@import" not in page
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_every_plot_has_a_table_and_takes_its_colours_from_the_page(page: str) -> None:
    sections = re.findall(r"<section.*?</section>", page, re.S)
    plotted = [section for section in sections if "<svg" in section]
    colours = {c for svg in re.findall(r"<svg.*?</svg>", page, re.S) for c in COLOUR.findall(svg)}
    ids = re.findall(r'\bid="([^"]+)"', page)

    assert len(plotted) >= 8
    assert all("<table" in section and 'role="img"' in section for section in plotted)
    assert colours <= {"#000000"}, "no colour of its own but black, which text overrides"
    assert len(ids) == len(set(ids))


COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b")


@pytest.mark.parametrize(
    ("yes", "total", "low", "high"),
    # Newcombe 1998, table I, and the bounds of nobody and everybody.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_wilsons(yes: int, total: int, low: float, high: float) -> None:
    assert wilson(yes, total) == pytest.approx((low, high), abs=1e-4)


def test_every_value_set_of_the_chart_has_words_of_its_own(content: Content) -> None:
    asked = {(r.main.value_set or "").rpartition("/")[2] for r in content.requirements.values()}

    assert read_words(ROOT / "value_sets").keys() == asked


@pytest.mark.parametrize(
    ("kind", "display", "expected"),
    [
        ("Condition", "Endometriosis (local list)", ["endometriosis"]),
        ("Condition", "Pain during intercourse", ["dyspareunia-reason"]),
        ("Condition", "Irritable bowel syndrome", []),
        ("MedicationRequest", "Sertraline 50 mg tablets", ["antidepressants"]),
        ("Condition", "Sertraline 50 mg tablets", []),
    ],
)
def test_a_display_looks_like_a_value_set_by_its_words(
    kind: str, display: str, expected: list[str], content: Content
) -> None:
    element = "code" if kind == "Condition" else "medication"
    look_alikes = LookAlikes(content, read_words(ROOT / "value_sets"))

    assert list(look_alikes.of(kind, element, display)) == expected


def test_words_of_other_content_are_optional(tmp_path: Path) -> None:
    (tmp_path / "look-alikes.tsv").write_text("head\none column\n", encoding="utf-8")

    assert read_words(tmp_path / "elsewhere") == {}
    with pytest.raises(ValueError, match="line 2 must have three columns"):
        read_words(tmp_path)


def test_look_alike_codes_of_the_export_are_listed(report: dict[str, Any]) -> None:
    listed = {row["code"]: row["looksLike"] for row in report["lookAlikes"]}

    assert listed["M-31"] == ["antidepressants"]
    assert listed["L-20"] == ["urinalysis"]
    assert all(row["count"] >= 5 for row in report["lookAlikes"])


def test_ids_are_written_when_asked_for(export: Path, tmp_path: Path) -> None:
    replayed(tmp_path / "run", export, case_ids=True)
    patients = {p["id"] for p in resources(export / "Patient.ndjson")}

    assert {row["patient"] for row in rows(tmp_path / "run" / "evaluations")} == patients
