"""One replay from the export to its report: shuffle, evaluate, tell. Resumable after any task."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from cds_service.authoring.replay.engine import engine_of, load, types_read
from cds_service.authoring.replay.files import read_json_file, write_json
from cds_service.authoring.replay.job import MAX_PARTITIONS, PARTITION_BYTES, Job, make_plan
from cds_service.authoring.replay.manifest import begin, is_finished, resume
from cds_service.authoring.replay.medications import write_medications
from cds_service.authoring.replay.partition import evaluate_partition
from cds_service.authoring.replay.progress import Progress
from cds_service.authoring.replay.results import write_results
from cds_service.authoring.replay.runners import InProcess, Runner
from cds_service.authoring.replay.shuffle import divide_group, shuffle_piece
from cds_service.authoring.replay.sources import ReplayError, cut, find_sources
from cds_service.hooks.request import HOOKS

RESPONSE = "QuestionnaireResponse"


@dataclass(frozen=True, slots=True)
class Options:
    """The choices of one replay; ``now`` is aware, None means the time of the start, or that of
    the replay that is resumed."""

    exports: tuple[Path, ...]
    out: Path
    root: Path
    against: Path | None = None
    questionnaires: Path | None = None
    code_maps: Path | None = None
    canonicals: tuple[str, ...] = ()
    now: datetime | None = None
    hook: str = "patient-view"
    resume: bool = False
    case_ids: bool = False
    html: bool = True  # False: without report.html
    partition_bytes: int = PARTITION_BYTES
    max_partitions: int = MAX_PARTITIONS


def replay(
    options: Options,
    clock: Callable[[], datetime],
    runner: Runner | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Replays an export; returns what ``report.json`` holds. Raises ReplayError for what is not
    possible, ContentError, OSError."""
    began = time.monotonic()
    runner, progress = runner or InProcess(), progress or Progress()
    job = _prepare(options, clock, runner.workers)
    if options.resume:
        job = resume(job, options.now)
        if is_finished(job.out):
            report: dict[str, Any] = read_json_file(job.out / "report.json")
            return report
    else:
        job = begin(job)
    earlier = _earlier_seconds(job)
    try:
        _shuffle(job, runner, progress)
        _evaluate(job, runner, progress)
    finally:
        seconds = earlier + time.monotonic() - began
        _keep_seconds(job, seconds)
    report = write_results(job, seconds, runner.workers, options.html)
    shutil.rmtree(job.work)
    return report


def _prepare(options: Options, clock: Callable[[], datetime], workers: int) -> Job:
    needs = HOOKS.get(options.hook)
    if needs is None or needs.bundle:
        able = ", ".join(name for name, one in HOOKS.items() if not one.bundle)
        raise ReplayError(f"an export holds nothing for the hook {options.hook!r}: use {able}")
    sources = find_sources(options.exports)
    if options.questionnaires:
        sources += find_sources([options.questionnaires], RESPONSE)
    contents = {options.root: load(options.root, options.code_maps)}
    if options.against:
        contents[options.against] = load(options.against, options.code_maps)
    against = contents[options.against].version if options.against else None
    return Job(
        out=options.out.resolve(),
        sources=tuple(sources),
        types=types_read(contents.values()),
        plan=make_plan(tuple(sources), workers, options.partition_bytes, options.max_partitions),
        root=options.root,
        version=contents[options.root].version,
        against=options.against,
        against_version=against,
        hook=options.hook,
        now=options.now or clock(),
        key=b"",
        case_ids=options.case_ids,
        code_maps=options.code_maps,
        canonicals=options.canonicals,
    )


def _shuffle(job: Job, runner: Runner, progress: Progress) -> None:
    """Both levels of the shuffle, and the table of medicines; what is there is not done again."""
    pieces = list(cut(job.sources, 1))
    open_pieces = [piece for piece in pieces if not job.piece_file(piece.number).exists()]
    total = sum(piece.end - piece.start for piece in pieces)
    left = sum(piece.end - piece.start for piece in open_pieces)
    progress.begin("reading", total, total - left)
    for done in runner.map(partial(shuffle_piece, job), open_pieces):
        progress.add(done["bytes"])
    progress.end()
    if job.plan.two_levels:
        groups = [g for g in range(job.plan.groups) if not job.group_file(g).exists()]
        for _ in runner.map(partial(divide_group, job), groups):
            pass
    if not job.medications.exists():
        unreadable = write_medications(job)
        write_json(job.work / "medications.json", unreadable)


def _evaluate(job: Job, runner: Runner, progress: Progress) -> None:
    if not job.medications.exists():
        raise ReplayError("the table of medicines is gone: begin anew with another --out")
    engine_of(job)  # before processes are forked, so that they share it
    partitions = [p for p in range(job.plan.partitions) if not job.part_file(p).exists()]
    size = sum(path.stat().st_size for path in (job.work / "pieces").glob("*.run"))
    done = size * (job.plan.partitions - len(partitions)) // job.plan.partitions
    progress.begin("evaluating", size, done)
    for part in runner.map(partial(evaluate_partition, job), partitions):
        progress.add(part["bytes"], part["patients"])
    progress.end()


def _earlier_seconds(job: Job) -> float:
    path = job.work / "seconds.json"
    return float(read_json_file(path)) if path.exists() else 0.0


def _keep_seconds(job: Job, seconds: float) -> None:
    if job.work.exists():
        write_json(job.work / "seconds.json", seconds)
