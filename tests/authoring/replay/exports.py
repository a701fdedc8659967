"""Exports for tests: people as NDJSON or Bundles, and what a replay of them wrote."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq

from cds_service.authoring.replay.run import Options, replay
from cds_service.authoring.replay.runners import Runner
from cds_service.content import FOLDERS
from tests.support.clinic import NOW, ROOT

Resource = Mapping[str, Any]


def write_ndjson(folder: Path, resources: Iterable[Resource]) -> Path:
    """Writes resources as one NDJSON file a type."""
    folder.mkdir(parents=True, exist_ok=True)
    lines: dict[str, list[bytes]] = {}
    for resource in resources:
        lines.setdefault(resource["resourceType"], []).append(orjson.dumps(resource) + b"\n")
    for kind, written in lines.items():
        (folder / f"{kind}.ndjson").write_bytes(b"".join(written))
    return folder


def replayed(
    out: Path, *exports: Path, now: datetime = NOW, runner: Runner | None = None, **more: Any
) -> dict[str, Any]:
    """The report of a replay with the project's content, without its page."""
    options = replace(Options(exports, out, ROOT, now=now, html=False), **more)
    return replay(options, lambda: now, runner)


def resources(path: Path) -> list[dict[str, Any]]:
    """The resources of an NDJSON file."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a table, or of a folder of tables."""
    return pq.read_table(path).to_pylist()


def cards_by_patient(out: Path) -> dict[str, list[str]]:
    """Patient -> cards, of a replay that named them."""
    return {row["patient"]: row["cards"] for row in rows(out / "evaluations")}


def patient(name: str, **elements: Any) -> dict[str, Any]:
    """A Patient born in 1990."""
    return {"resourceType": "Patient", "id": name, "birthDate": "1990-03-01", **elements}


def about(name: str, resource: Resource) -> dict[str, Any]:
    """A copy of a resource that belongs to another patient, with an id of its own."""
    text = json.dumps(resource).replace("Patient/person", f"Patient/{name}")
    copy = json.loads(text)
    return copy | {"id": name if copy["resourceType"] == "Patient" else f"{name}-{copy['id']}"}


def copied_content(folder: Path, file: str, old: str, new: str) -> Path:
    """A copy of the project's content with one text of a file changed."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name)
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    return folder
