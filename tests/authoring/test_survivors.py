"""Mutants that no vignette notices, tried by one process or by many."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cds_service.authoring.mutation import Mutant, mutants
from cds_service.authoring.survivors import CHUNK, survivors
from cds_service.authoring.vignettes import Case
from cds_service.content import Content


def _numbered(count: int, cases: list[Case]) -> list[Mutant]:
    """Mutants of which every seventh is noticed by nobody, the others by one person each."""

    def kills(number: int, case: Case) -> bool:
        return number % 7 != 0 and case is cases[number % len(cases)]

    return [Mutant("here", str(n), lambda case, n=n: kills(n, case)) for n in range(count)]


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, CHUNK, 2 * CHUNK + 1])
def test_survivors_are_the_same_in_order_however_many_processes(
    count: int, processes: int, cases: list[Case]
) -> None:
    some = cases[:20]
    found = _numbered(count, some)
    tried: list[int] = []

    alive = survivors(found, some, tried.append, processes)

    assert [mutant.change for mutant in alive] == [str(n) for n in range(0, count, 7)]
    assert tried == [*range(CHUNK, count, CHUNK), *([count] if count else [])]


def test_an_error_in_another_process_is_not_lost(cases: list[Case]) -> None:
    def fail(_case: Case) -> bool:
        raise LookupError("odd")

    found = [*_numbered(CHUNK, cases[:20]), Mutant("here", "odd", fail)]

    with pytest.raises(LookupError, match="odd"):
        survivors(found, cases[:20], lambda _number: None, 2)


def test_people_who_expect_nothing_notice_nothing(content: Content, cases: list[Case]) -> None:
    found = [m for m in mutants(content) if m.where.startswith(("peyronie-disease", "%C22"))]
    people = [case for case in cases if case.vignette.file == "peyronie-disease"]
    silent = [replace(c, vignette=replace(c.vignette, expect={})) for c in people]

    assert len(survivors(found, people, lambda _number: None, 1)) < len(found)
    assert survivors(found, silent, lambda _number: None, 1) == found
