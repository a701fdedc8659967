"""The result of the last run of the vignettes, in a file: ``cds-service check`` writes it, the
content browser shows it. It holds made-up people only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import orjson

from cds_service.telemetry.logs import LOG


@dataclass(frozen=True, slots=True)
class Outcome:
    """One vignette: whom it describes, what it expects in words, and what differed (nothing)."""

    id: str
    name: str
    file: str
    expects: str
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LastRun:
    """All vignettes of one run; ``content`` is the content version they ran on."""

    content: str
    time: str
    outcomes: tuple[Outcome, ...]

    def of_plan(self, plan_id: str) -> tuple[Outcome, ...]:
        """The vignettes of a plan: their file has its name."""
        return tuple(o for o in self.outcomes if o.file == plan_id)


def write_run(path: Path, content: str, now: datetime, outcomes: Iterable[Outcome]) -> None:
    """Keeps a run, replacing the one before; raises OSError where nothing can be written."""
    run = LastRun(content, now.isoformat(timespec="seconds"), tuple(outcomes))
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    beside.write_bytes(orjson.dumps(asdict(run)))
    beside.replace(path)


def read_run(path: Path) -> LastRun | None:
    """The run that was kept; None when there is none or it cannot be read."""
    try:
        document = orjson.loads(path.read_bytes())
        outcomes = tuple(_outcome(node) for node in document["outcomes"])
        return LastRun(str(document["content"]), str(document["time"]), outcomes)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        LOG.warning("the kept vignette results cannot be read", error=type(error).__name__)
        return None


def _outcome(node: Mapping[str, object]) -> Outcome:
    differences = node["differences"]
    if not isinstance(differences, list):
        raise TypeError("differences must be a list")
    known_as, name, file, expects = (str(node[key]) for key in ("id", "name", "file", "expects"))
    return Outcome(known_as, name, file, expects, tuple(map(str, differences)))
