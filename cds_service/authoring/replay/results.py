"""The results of a replay: its parts added up, written as tables and reports."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cds_service.authoring.replay.counts import Counts, counts_of_json
from cds_service.authoring.replay.coverage import CodingRow, coding_rows
from cds_service.authoring.replay.engine import load
from cds_service.authoring.replay.files import read_json_file, write_json
from cds_service.authoring.replay.job import Job
from cds_service.authoring.replay.lines import Reason
from cds_service.authoring.replay.report_html import write_html
from cds_service.authoring.replay.report_json import Outcome, report_of
from cds_service.authoring.replay.tables import LIST, NUMBER, TEXT, TRUTH, write_table

BY_RULE = {
    "rule": TEXT,
    "ageBand": TEXT,
    "anatomy": TEXT,
    "yes": NUMBER,
    "no": NUMBER,
    "unknown": NUMBER,
    "error": NUMBER,
}


def write_results(job: Job, seconds: float, workers: int, html: bool) -> dict[str, Any]:
    """Writes the tables, then the report, ``report.json`` last; returns what that holds."""
    content = load(job.root, job.code_maps)
    counts, diff = _added(job)
    rows = list(coding_rows(content, job.root, counts.codings))
    _write_tables(job, counts, diff, rows)
    report = report_of(Outcome(job, content, counts, rows, diff, seconds, workers))
    if html:
        write_html(job.out / "report.html", report, content.draft)
    write_json(job.out / "report.json", report)
    return report


def _added(job: Job) -> tuple[Counts, list[list[str]]]:
    """The counts of all parts, and the cards that differ, by case."""
    counts, diff = Counts(), list[list[str]]()
    for path in sorted((job.work / "parts").glob("*.json")):
        part = read_json_file(path)
        counts.add(counts_of_json(part))
        diff += part["diff"]
    for path in sorted((job.work / "pieces").glob("*.json")):
        piece = read_json_file(path)
        for reason, number in piece["unreadable"].items():
            counts.unreadable[str(piece["piece"]["source"]), reason] += number
        counts.not_read.update({(kind,): n for kind, n in piece["notRead"].items()})
        counts.cpu_seconds += piece["cpuSeconds"]
    for source, number in read_json_file(job.work / "medications.json").items():
        counts.unreadable[source, Reason.JSON] += number
    return counts, sorted(diff)


def _write_tables(job: Job, counts: Counts, diff: list[list[str]], rows: list[CodingRow]) -> None:
    _place_evaluations(job)
    write_table(job.out / "rules.parquet", BY_RULE, _by_rule(counts))
    cards = (
        {"card": card, "ageBand": band, "anatomy": anatomy, "persons": number}
        for (card, band, anatomy), number in sorted(counts.cards.items())
    )
    columns = {"card": TEXT, "ageBand": TEXT, "anatomy": TEXT, "persons": NUMBER}
    write_table(job.out / "cards.parquet", columns, cards)
    codes = {"type": TEXT, "element": TEXT, "system": TEXT, "code": TEXT, "display": TEXT}
    codes |= {"recognised": TRUTH, "valueSets": LIST, "looksLike": LIST, "count": NUMBER}
    write_table(job.out / "codes.parquet", codes, (row.as_row() for row in rows))
    if job.against:
        columns = {"case": TEXT, "card": TEXT, "change": TEXT}
        changed = (dict(zip(columns, row, strict=True)) for row in diff)
        write_table(job.out / "diff.parquet", columns, changed)


def _by_rule(counts: Counts) -> Iterator[dict[str, Any]]:
    """One row a rule, band and anatomy."""
    groups: dict[tuple[str, str, str], Counter[str]] = {}
    for (rule, answer, band, anatomy), number in counts.rules.items():
        groups.setdefault((rule, band, anatomy), Counter())[answer] += number
    for (rule, band, anatomy), answers in sorted(groups.items()):
        named = {answer: answers[answer] for answer in ("yes", "no", "unknown", "error")}
        yield {"rule": rule, "ageBand": band, "anatomy": anatomy, **named}


def _place_evaluations(job: Job) -> None:
    """The parts' evaluations as one folder, which appears when it is whole."""
    final = job.out / "evaluations"
    if final.exists():
        return
    temporary = job.work / "evaluations"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    for path in sorted((job.work / "parts").glob("*.parquet")):
        _link(path, temporary / f"part-{path.name}")
    temporary.rename(final)


def _link(path: Path, other: Path) -> None:
    try:
        os.link(path, other)
    except OSError:
        shutil.copyfile(path, other)
