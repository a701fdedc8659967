"""The timeline strip: what one evaluation looked at, by date. Pure; a template writes the SVG.

Left is 12 months ago, right is today; the last 14 days take the right third. Dates before the left
end stand on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cds_service.decision.evaluate import Evaluation
from cds_service.fhir.dates import parse_span

WIDTH, ROW, TRACK = 320, 30, 22  # of the strip, of a row, and where in it the line is
YEAR, FORTNIGHT = timedelta(days=365), timedelta(days=14)
BEND = WIDTH * 2 / 3  # where the last 14 days begin
HOLDS = (timedelta(days=30), timedelta(hours=72))  # how long answers count, and emergency answers
MAX_LABEL = 46  # characters that fit over a row
KINDS = {
    "Observation": "result",
    "DiagnosticReport": "result",
    "MedicationRequest": "medicine",
    "MedicationStatement": "medicine",
    "MedicationAdministration": "medicine",
    "MedicationDispense": "medicine",
    "Procedure": "procedure",
    "ServiceRequest": "order",
    "Condition": "problem",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """One row: its kind, words, date as written, and where it stands from ``x`` to ``end``; None
    for an entry without a date, which is in the table alone."""

    kind: str
    words: str
    date: str
    x: float | None
    end: float | None = None

    @property
    def label(self) -> str:
        """The words over the row, shortened to fit."""
        words = f"{self.kind}: {self.words}"
        return words if len(words) <= MAX_LABEL else f"{words[: MAX_LABEL - 1]}…"


@dataclass(frozen=True, slots=True)
class Timeline:
    """Rows from top to bottom; ``bands`` are the times in which answers still count."""

    marks: tuple[Mark, ...]
    bands: tuple[tuple[float, float], ...]

    @property
    def drawn(self) -> list[Mark]:
        """The rows that have a date."""
        return [mark for mark in self.marks if mark.x is not None]

    @property
    def height(self) -> int:
        """Of the strip, with the line of months below."""
        return len(self.drawn) * ROW + 20


def timeline(evaluation: Evaluation, settled: Mapping[str, str]) -> Timeline:
    """Returns the strip of one person; ``settled`` maps topics of cards to when they were settled
    (ISO 8601)."""
    now = evaluation.now
    bands = tuple((place(now - held, now), float(WIDTH)) for held in HOLDS)
    marks = (*_answers(evaluation), *_entries(evaluation), *_settled(evaluation, settled))
    return Timeline(marks, bands)


def place(moment: datetime, now: datetime) -> float:
    """Returns how far from the left a moment stands, in pixels from 0 to WIDTH."""
    ago = now - moment
    if ago <= FORTNIGHT:
        return min(WIDTH, WIDTH - (WIDTH - BEND) * (ago / FORTNIGHT))
    return max(0.0, BEND - BEND * ((ago - FORTNIGHT) / (YEAR - FORTNIGHT)))


def _answers(evaluation: Evaluation) -> Iterator[Mark]:
    authored = evaluation.facts.answers.authored
    if authored:
        day = authored.date().isoformat()
        yield Mark("answers", "the form", day, place(authored, evaluation.now))


def _entries(evaluation: Evaluation) -> Iterator[Mark]:
    """Every chart entry that met a requirement, once for each requirement."""
    content, now = evaluation.content, evaluation.now
    for name, entries in evaluation.facts.entries.items():
        requirement = content.requirements.get(name)
        value_set = content.resources.get((requirement and requirement.main.value_set) or "", {})
        for entry in entries:
            kind = KINDS.get(entry.resource["resourceType"], "entry")
            words = content.displays.get(entry.coding) or value_set.get("title") or name
            date = entry.when.text[:10] if entry.when else "no date"
            x = place(entry.when.start, now) if entry.when else None
            yield Mark(kind, str(words), date, x)


def _settled(evaluation: Evaluation, settled: Mapping[str, str]) -> Iterator[Mark]:
    """Cards that were settled, as bars to the day they may come again."""
    titles = {c.topic["code"]: c.title for c in evaluation.content.cards.values()}
    days = timedelta(days=evaluation.content.strategy.repeat_days)
    for topic, instant in settled.items():
        span = parse_span(instant)
        if span and topic in titles:
            until = place(span.start + days, evaluation.now)
            words = f"{titles[topic]} until {(span.start + days).date()}"
            x = place(span.start, evaluation.now)
            yield Mark("settled", words, span.text[:10], x, until)


def settled_topics(value: Any) -> dict[str, str]:
    """Returns topics and instants of a JSON object; anything else in it is left out."""
    pairs = value.items() if isinstance(value, dict) else ()
    return {key: instant for key, instant in pairs if isinstance(instant, str)}
