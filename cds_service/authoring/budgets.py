"""Limits of a card that can be read in ten seconds: words, summaries, codes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from statistics import median

from cds_service.authoring.vignettes import Case
from cds_service.content.model import DATES, Content
from cds_service.content.reading_grade import grade
from cds_service.hooks.cards import CardWriter
from cds_service.hooks.detail import words_in

MAX_SUMMARY = 139  # characters, with what is counted
MAX_VISIT = 800  # words of all cards of one call
MAX_MEDIAN = 400
MAX_GRADE = 6.0  # of a sheet that a person takes along
LAST_HARD_STEP = 8  # topics of the sheet alone
FIRST_HARD_STEP = 5  # of shortening: from here on a clinician misses something


def budget_findings(content: Content, cases: Iterable[Case]) -> Iterator[str]:
    """One line for each card that is too long, quotes a code or repeats a line, and for visits that
    are too long."""
    writer = CardWriter(content)
    codes = _machine_words(content)
    visits = []
    for case in cases:
        visit = 0
        for wanted, detail in writer.details(case.found):
            text, most = detail.render(), wanted.card.style.words
            visit += words_in(text)
            place = f"{case.vignette.file}: {case.vignette.id}: {wanted.card.id}"
            counted = words_in(detail.render(counted=True))
            if counted > most:
                yield f"{place}: card-over-budget: {counted} words, at most {most}: shorten it"
            summary = writer.summary(case.found, wanted)
            if len(summary) > MAX_SUMMARY:
                yield f"{place}: summary-too-long: {len(summary)} characters, at most {MAX_SUMMARY}"
            yield from (
                f"{place}: {words}" for words in _text_findings(f"{summary}\n{text}", codes)
            )
        yield from _sheet_findings(writer, case)
        if visit > MAX_VISIT:
            yield f"{case.vignette.file}: {case.vignette.id}: {visit} words, at most {MAX_VISIT}"
        visits.append(visit)
    middle = median(visits) if visits else 0
    if middle > MAX_MEDIAN:
        yield f"a visit has {middle} words in the median, at most {MAX_MEDIAN}"


def shortened(content: Content, cases: Iterable[Case]) -> Iterator[str]:
    """A line for each card that fits only without something a clinician would miss."""
    writer = CardWriter(content)
    for case in cases:
        for wanted, detail in writer.details(case.found):
            if FIRST_HARD_STEP <= detail.shortened < LAST_HARD_STEP:
                place = f"{case.vignette.file}: {case.vignette.id}: {wanted.card.id}"
                yield f"{place}: card-shortened: step {detail.shortened}"


def _sheet_findings(writer: CardWriter, case: Case) -> Iterator[str]:
    for wanted, text in writer.sheets(case.found):
        hard = grade(text)
        if hard > MAX_GRADE:
            place = f"{case.vignette.file}: {case.vignette.id}: {wanted.card.id}"
            words = "use shorter words or sentences"
            yield f"{place}: sheet-too-hard: reading grade {hard:.1f}, at most {MAX_GRADE}: {words}"


def _machine_words(content: Content) -> re.Pattern[str]:
    """A linkId with an option, a name of an expression, a FHIR type, a backtick."""
    kinds = [kind for kind in DATES if not kind.istitle()]  # "Procedure" is also a word
    options = [f"{path}:{code}" for path, q in content.items.items() for code in q.options]
    words = (*kinds, *options)
    return re.compile("`|%[A-Za-z]|\\b(?:" + "|".join(map(re.escape, words)) + r")\b")


def _text_findings(text: str, codes: re.Pattern[str]) -> Iterator[str]:
    found = codes.search(text)
    if found:
        yield f"quotes a machine code, {found[0]!r}: write it in words"
    lines = [line for line in text.split("\n") if line.startswith("- ")]
    for line in dict.fromkeys(lines):
        if lines.count(line) > 1:
            yield f"says twice {line[2:]!r}: write it once"
