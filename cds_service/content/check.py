"""``cds-service check`` after the content has loaded: every vignette, what they have seen, and the
mutation score."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from cds_service.content.coverage import unseen
from cds_service.content.model import Content
from cds_service.content.mutation import Mutant, mutants, survivors
from cds_service.content.vignettes import Case, case_for, mismatches, read_vignettes
from cds_service.pipeline import Pipeline

Say = Callable[[str], None]
WANTED_SCORE = 0.95
STEP = 500  # mutants between two lines of progress


def check_vignettes(content: Content, folder: Path, say: Say, mutate: bool = True) -> int:
    """Runs all vignettes of a folder; returns 1 when one differs from its expectation, when an
    answer of a condition is never seen, or when too many mutants live or one without a reason."""
    if not folder.is_dir():
        say(f"No vignettes: {folder} is not there.")
        return 0
    vignettes = read_vignettes(folder)
    pipeline = Pipeline(content, "https://example.org/intake")
    cases = [case_for(v, vignettes.defaults, pipeline) for v in vignettes.people]
    wrong = [words for case in cases for words in _differences(case)]
    missing = [] if wrong else list(unseen(content, cases))
    for words in (*wrong, *missing):
        say(words)
    say(f"{len(cases)} vignettes, {len(wrong)} mismatches, {len(missing)} answers never seen.")
    if wrong or not mutate:
        return 1 if wrong or missing else 0
    return 1 if missing or not _mutation_score(content, cases, vignettes.unnoticed, say) else 0


def _differences(case: Case) -> list[str]:
    vignette = case.vignette
    place = f"{vignette.file}: {vignette.id} ({vignette.name})"
    return [f"{place}: {words}" for words in mismatches(vignette, case.found)]


def _mutation_score(
    content: Content, cases: list[Case], reasons: Mapping[str, str], say: Say
) -> bool:
    """Says which mutants live and why; False when they are too many or one has no reason."""
    found = list(mutants(content))

    def progress(number: int) -> None:
        if number % STEP == 0:
            say(f"... {number} of {len(found)} mutants tried")

    alive = [_described(m) for m in survivors(found, cases, progress)]
    score = 1 - len(alive) / len(found)
    say(f"Mutation score: {score:.1%} of {len(found)} mutants noticed, {len(alive)} not.")
    why = {m: _reason(m, reasons) for m in alive}
    for mutant, reason in why.items():
        say(f"  {mutant}\n    {reason or 'NO REASON GIVEN: add a vignette, or say why none can'}")
    for pattern in reasons:
        if not any(fnmatchcase(mutant, pattern) for mutant in alive):
            say(f"  unnoticed.yaml: {pattern} is noticed, or gone: remove it")
    return score >= WANTED_SCORE and all(why.values())


def _reason(mutant: str, reasons: Mapping[str, str]) -> str | None:
    return next((why for pattern, why in reasons.items() if fnmatchcase(mutant, pattern)), None)


def _described(mutant: Mutant) -> str:
    return f"{mutant.where}: {mutant.change}"
