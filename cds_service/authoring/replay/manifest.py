"""The manifest of a replay, so that ``--resume`` continues the same and nothing else."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cds_service.authoring.replay.files import new_file, read_json_file, write_json
from cds_service.authoring.replay.job import Job, Plan
from cds_service.authoring.replay.sources import ReplayError

FORMAT = 1
KEY_BYTES = 32
WORDS = {
    "format": "an older program",
    "content": "another content",
    "against": "another content to compare with",
    "now": "another --now",
    "hook": "another --hook",
    "sources": "other files, or files that have changed since",
    "caseIds": "another choice of --case-ids",
    "canonicals": "other CDS_FORM_CANONICALS",
}


def manifest_of(job: Job) -> dict[str, Any]:
    """Returns what is kept of a job: versions with digests, files with sizes and times."""
    return {
        "format": FORMAT,
        "content": job.version,
        "against": job.against_version,
        "now": job.now.isoformat(),
        "hook": job.hook,
        "sources": [source.as_json() for source in job.sources],
        "caseIds": job.case_ids,
        "canonicals": list(job.canonicals),
    }


def begin(job: Job) -> Job:
    """Makes the folders of a new replay and its random key; raises ReplayError for a folder that
    already holds something."""
    if job.out.exists() and any(job.out.iterdir()):
        raise ReplayError(
            f"{job.out} is not empty: add --resume, or name another folder with --out"
        )
    for folder in ("pieces", "groups", "parts"):
        (job.work / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    job.work.chmod(0o700)
    started = replace(job, key=secrets.token_bytes(KEY_BYTES))
    with new_file(job.work / "key") as file:
        file.write(started.key)
    plan = {"partitions": job.plan.partitions, "perGroup": job.plan.per_group}
    write_json(job.out / "manifest.json", manifest_of(job) | {"plan": plan})
    return started


def resume(job: Job, now: datetime | None) -> Job:
    """The job as it was begun; ``now`` is the one asked for, if any. Raises ReplayError if there is
    none, or if it was begun with anything else."""
    try:
        kept = read_json_file(job.out / "manifest.json")
        plan = Plan(kept["plan"]["partitions"], kept["plan"]["perGroup"])
        begun = datetime.fromisoformat(kept["now"])
    except (OSError, ValueError, KeyError, TypeError):
        raise ReplayError(f"{job.out} holds no replay that could be resumed") from None
    asked = replace(job, now=now or begun, plan=plan)
    wanted = manifest_of(asked)
    differing = [words for name, words in WORDS.items() if kept.get(name) != wanted[name]]
    if differing:
        raise ReplayError(f"the replay in {job.out} was begun with {differing[0]}: use a new --out")
    try:
        return replace(asked, key=(job.work / "key").read_bytes())
    except FileNotFoundError:
        return asked  # it is finished


def is_finished(out: Path) -> bool:
    """Checks whether a folder holds a whole replay."""
    return (out / "report.json").exists() and not (out / "work").exists()
