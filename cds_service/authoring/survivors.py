"""Which mutants nobody notices, tried by as many processes as there are processors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_all_start_methods, get_context

from cds_service.authoring.mutation import Mutant
from cds_service.authoring.vignettes import Case

CHUNK = 50  # neighbours change the same rule, and the same people notice them
FORK = "fork"  # mutants and people are inherited: neither can be sent to another process

_inherited: list[tuple[Sequence[Mutant], Sequence[Case]]] = []


def survivors(
    found: Sequence[Mutant],
    cases: Sequence[Case],
    progress: Callable[[int], None],
    processes: int | None = None,
) -> list[Mutant]:
    """The mutants nobody notices, in their order; ``progress`` gets how many have been tried.
    Without ``processes``: one for each processor that this process may use."""
    starts = range(0, len(found), CHUNK)
    processes = min(processes or _processors(), max(len(starts), 1))
    alive: list[Mutant] = []
    for start, living in zip(starts, _tried(found, cases, starts, processes), strict=True):
        alive += (found[number] for number in living)
        progress(min(start + CHUNK, len(found)))
    return alive


def _processors() -> int:
    if FORK not in get_all_start_methods():
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _tried(
    found: Sequence[Mutant], cases: Sequence[Case], starts: Iterable[int], processes: int
) -> Iterator[list[int]]:
    """For each chunk, in order: the places of the mutants that nobody notices."""
    if processes == 1:
        yield from (_living(found, cases, start) for start in starts)
        return
    with ProcessPoolExecutor(processes, get_context(FORK), _inherit, (found, cases)) as pool:
        yield from pool.map(_living_of_inherited, starts)


def _inherit(found: Sequence[Mutant], cases: Sequence[Case]) -> None:
    _inherited.append((found, cases))


def _living_of_inherited(start: int) -> list[int]:
    return _living(*_inherited[0], start)


def _living(found: Sequence[Mutant], cases: Sequence[Case], start: int) -> list[int]:
    """The places of one chunk's mutants that nobody notices. Who noticed one is tried first on the
    next."""
    order, living = list(cases), []
    for number, mutant in enumerate(found[start : start + CHUNK], start):
        place = next((p for p, case in enumerate(order) if mutant.kills(case)), None)
        if place is None:
            living.append(number)
        else:
            order.insert(0, order.pop(place))
    return living
