"""The figures of a replay, as ``report.json`` and for ``report.html``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

from cds_service.authoring.replay.counts import DIGITS, Counts
from cds_service.authoring.replay.coverage import (
    CodingRow,
    by_concept,
    by_system,
    look_alike_codes,
)
from cds_service.authoring.replay.groups import read_groups
from cds_service.authoring.replay.job import Job
from cds_service.authoring.replay.telling import ALONE, SILENT, SPEAKS, TOGETHER
from cds_service.content import Content

Z = 1.959964  # of a 95 % interval
MAX_CASES = 20  # of a card that are named
MAX_MISSING = 15  # questions that are listed
ANSWERS = ("yes", "no", "unknown")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a replay: counts, codes of the charts, cards that differ by case."""

    job: Job
    content: Content
    counts: Counts
    rows: list[CodingRow]
    diff: list[list[str]]
    seconds: float
    workers: int


def report_of(outcome: Outcome) -> dict[str, Any]:
    """The report; the keys at its top are those that ``docs/replay.md`` lists."""
    job, content, counts, rows = outcome.job, outcome.content, outcome.counts, outcome.rows
    cpu = counts.cpu_seconds
    report = {
        "patients": counts.patients,
        "seconds": round(outcome.seconds, 3),
        "workers": outcome.workers,
        "patientsPerSecondPerCore": round(counts.patients / cpu, 1) if cpu else 0.0,
        "digest": f"{counts.digest:0{DIGITS}x}",
        "content": content.version,
        "cards": _first(counts.cards, [card.id for card in content.cards.values()]),
        "rules": _rules(content, counts),
        "unreadable": _summed(counts.unreadable, 1),
        "codes": by_system(rows),
        "now": job.now.isoformat(),
        "hook": job.hook,
        "cpuSeconds": round(cpu, 3),
        "answeredForm": counts.answered,
        "notAnswered": _summed(counts.not_answered, 0),
        "ruleErrors": _summed(counts.errors, 0),
        "titles": _titles(content),
        "firing": _firing(content, counts),
        "cardsPerPerson": {n: count for (n,), count in sorted(counts.per_person.items())},
        "coFiring": [[one, other, n] for (one, other), n in sorted(counts.pairs.items())],
        "missing": _missing(content, counts.missing),
        "notUnderstood": [
            {"type": kind, "reason": why, "count": n}
            for (kind, why), n in counts.unread.most_common()
        ],
        "notRead": _summed(counts.not_read, 0),
        "unreadableByFile": _by_file(job, counts),
        "coverage": by_concept(rows),
        "lookAlikes": look_alike_codes(rows),
    }
    if job.against:
        report["against"] = job.against_version
        report["changes"] = _changes(counts, outcome.diff, job.case_ids)
    return report


def wilson(yes: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson score interval, without continuity correction)."""
    if not total:
        return 0.0, 1.0
    share, square = yes / total, Z * Z
    middle = share + square / (2 * total)
    half = Z * sqrt(share * (1 - share) / total + square / (4 * total * total))
    return (
        max(0.0, (middle - half) / (1 + square / total)),
        min(1.0, (middle + half) / (1 + square / total)),
    )


def _first(counter: Mapping[Any, int], names: Iterable[str]) -> dict[str, int]:
    """The sums by the first part of the keys, for every name."""
    sums = _summed(counter, 0)
    return {name: sums.get(name, 0) for name in names}


def _summed(counter: Mapping[Any, int], place: int) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for key, number in counter.items():
        sums[str(key[place])] += number
    return dict(sorted(sums.items()))


def _rules(content: Content, counts: Counts) -> dict[str, dict[str, int]]:
    sums: Counter[tuple[str, str]] = Counter()
    for (rule, answer, _, _), number in counts.rules.items():
        sums[rule, answer] += number
    rules = [source.id for source in content.sources if source.rule]
    return {rule: {answer: sums[rule, answer] for answer in ANSWERS} for rule in rules}


def _titles(content: Content) -> dict[str, str]:
    """Clinical id of a rule or card -> its title."""
    cards = {card.id: card.title for card in content.cards.values()}
    return {source.id: source.title for source in content.sources} | cards


def _firing(content: Content, counts: Counts) -> list[dict[str, Any]]:
    """The rate of each rule, of all and by group: people, yes, share and its interval."""
    groups: dict[tuple[str, str, str], Counter[str]] = {}
    for (rule, answer, band, anatomy), number in counts.rules.items():
        for kind, name in (("all", ""), ("age", band), ("anatomy", anatomy)):
            groups.setdefault((rule, kind, name), Counter())[answer] += number
    order = {s.id: place for place, s in enumerate(content.sources)}
    bands = {band: place for place, band in enumerate(read_groups().bands)}
    rows = []
    for rule, kind, name in sorted(
        groups, key=lambda g: (order[g[0]], g[1], bands.get(g[2], 0), g[2])
    ):
        answers = groups[rule, kind, name]
        total, yes = sum(answers.values()), answers["yes"]
        low, high = wilson(yes, total)
        rows.append(
            {"rule": rule, "by": kind, "group": name, "people": total, "yes": yes}
            | {"unknown": answers["unknown"], "share": round(yes / total, 6)}
            | {"low": round(low, 6), "high": round(high, 6)}
        )
    return rows


def _missing(content: Content, missing: Mapping[tuple[str, str], int]) -> list[dict[str, Any]]:
    """The questions left open that unknown rules read, those that alone would settle most first."""
    sums: dict[str, Counter[str]] = {}
    for (item, how), number in missing.items():
        sums.setdefault(item, Counter())[how] += number
    items = content.questionnaire.items
    listed = sorted(sums.items(), key=lambda one: (-one[1][ALONE], -one[1][TOGETHER], one[0]))
    return [
        {"item": item, "label": items[item].label if item in items else item}
        | {"alone": found[ALONE], "withOthers": found[TOGETHER]}
        for item, found in listed[:MAX_MISSING]
    ]


def _by_file(job: Job, counts: Counts) -> list[dict[str, Any]]:
    return [
        {"file": Path(job.sources[int(source)].path).name, "reason": str(reason), "count": number}
        for (source, reason), number in sorted(counts.unreadable.items())
    ]


def _changes(counts: Counts, diff: list[list[str]], case_ids: bool) -> list[dict[str, Any]]:
    """Per card: how many people it newly speaks for and for how many it falls silent; 20 cases of
    each where ids were asked for."""
    rows = []
    for card in sorted({card for card, _ in counts.changes}):
        row: dict[str, Any] = {"card": card}
        for name, change in (("speaks", SPEAKS), ("silent", SILENT)):
            row[name] = counts.changes[card, change]
            if case_ids:
                cases = [case for case, one, what in diff if (one, what) == (card, change)]
                row[f"{name}Cases"] = cases[:MAX_CASES]
        rows.append(row)
    return rows
