"""``cds-service check`` after the content has loaded: every vignette, what they have seen, and the
mutation score."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path

from cds_service.authoring.budgets import budget_findings, shortened
from cds_service.authoring.coverage import unseen
from cds_service.authoring.expectations import in_words, mismatches, mistaken
from cds_service.authoring.last_run import Outcome, write_run
from cds_service.authoring.mutation import Mutant, applicabilities, mutants
from cds_service.authoring.survivors import survivors
from cds_service.authoring.vignettes import Case, case_for, read_vignettes
from cds_service.content import Content, ContentError, Finding, load_content
from cds_service.hooks.pipeline import Pipeline

Say = Callable[[str], None]
WANTED_SCORE = 0.98  # of all mutants, noticed by a vignette: a reason does not count
STEP = 500  # mutants between two lines of progress


@dataclass(frozen=True, slots=True)
class ResultsFile:
    """The file that keeps the results of a run for the content pages, and the time of the run."""

    path: Path
    now: datetime


def check_vignettes(
    content: Content,
    folder: Path,
    say: Say,
    *,
    mutate: bool = True,
    results: ResultsFile | None = None,
) -> int:
    """Runs all vignettes of a folder; returns 1 when one differs from its expectation, when an
    answer of a condition is never seen, a card is hard to read, too many mutants live, or one
    without a reason."""
    if not folder.is_dir():
        say(f"No vignettes: {folder} is not there.")
        return 0
    vignettes = read_vignettes(folder)
    pipeline = Pipeline(content, "https://example.org/intake")
    cases = [case_for(v, vignettes.defaults, pipeline) for v in vignettes.people]
    switched = [case_for(v, vignettes.defaults, pipeline) for v in vignettes.switched]
    outcomes = [_outcome(case) for case in (*cases, *switched)]
    wrong = [words for outcome in outcomes for words in _differences(outcome)]
    if results:
        _write_results(results, content, outcomes, say)
    missing = [] if wrong else list(unseen(content, [*cases, *switched]))
    long = list(budget_findings(content, cases))
    for words in (*wrong, *missing, *long):
        say(words)
    for words in shortened(content, cases):
        say(f"warning: {words}")
    say(
        f"{len(outcomes)} vignettes, {len(wrong)} mismatches, {len(missing)} answers never seen, "
        f"{len(long)} cards hard to read."
    )
    failed = bool(wrong or missing or long)
    if wrong or not mutate:
        return 1 if failed else 0
    return 1 if failed or not _mutation_score(content, cases, vignettes.unnoticed, say) else 0


def load_for_check(root: Path) -> Content:
    """Loads the content; raises ContentError also where a reader stumbles over a wrong shape.

    The service does not catch that: its start ends with the traceback.
    """
    try:
        return load_content(root)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        *_, place = traceback.extract_tb(error.__traceback__)
        message = f"an element is missing or of another kind: {error!r}"
        finding = Finding("content", f"{Path(place.filename).name}:{place.lineno}", message)
        raise ContentError((finding,)) from error


def _outcome(case: Case) -> Outcome:
    person = case.vignette
    content = case.found.content
    wrong = (*mistaken(person.expect, content), *mismatches(person.expect, case.found))
    return Outcome(person.id, person.name, person.file, in_words(person.expect), wrong)


def _differences(outcome: Outcome) -> list[str]:
    place = f"{outcome.file}: {outcome.id} ({outcome.name})"
    return [f"{place}: {words}" for words in outcome.differences]


def _write_results(
    results: ResultsFile, content: Content, outcomes: Iterable[Outcome], say: Say
) -> None:
    """Writes the results; a folder that cannot be written to is said, and is no finding."""
    try:
        write_run(results.path, content.version, results.now, outcomes)
    except OSError as error:
        say(f"The results are not kept for the content pages: {error.strerror}: {results.path}")


def _mutation_score(
    content: Content, cases: list[Case], reasons: Mapping[str, str], say: Say
) -> bool:
    """Says which mutants live and why, and the score; False when they are too many, when one has no
    reason, or a reason no mutant."""
    found = list(mutants(content))

    def progress(number: int) -> None:
        if number % STEP == 0:
            say(f"... {number} of {len(found)} mutants tried")

    for case in cases:  # once, instead of once for every mutant: calls ask what touches them only
        for _, condition in applicabilities(content):
            case.found.evaluator.answer(condition)
    alive = [_described(m) for m in survivors(found, cases, progress)]
    score = 1 - len(alive) / len(found)
    why = {m: _reason(m, reasons) for m in alive}
    for mutant, reason in why.items():
        say(f"  {mutant}\n    {reason or 'NO REASON GIVEN: add a vignette, or say why none can'}")
    gone = [p for p in reasons if not any(fnmatchcase(mutant, p) for mutant in alive)]
    for pattern in gone:
        say(f"  unnoticed.yaml: {pattern} is noticed, or gone: remove it")
    say(
        f"Mutation score: {score:.1%} of {len(found)} mutants noticed, {len(alive)} not "
        f"(wanted: {WANTED_SCORE:.0%}, and a reason for each of the others)."
    )
    return score >= WANTED_SCORE and all(why.values()) and not gone


def _reason(mutant: str, reasons: Mapping[str, str]) -> str | None:
    return next((why for pattern, why in reasons.items() if fnmatchcase(mutant, pattern)), None)


def _described(mutant: Mutant) -> str:
    return f"{mutant.where}: {mutant.change}"
