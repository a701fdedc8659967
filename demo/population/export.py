"""Writes a made-up population as FHIR Bulk Data: one NDJSON file a resource type."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import orjson

from cds_service.content import Content
from demo.population.people import PeopleMaker


def write_export(
    content: Content, folder: Path, people: int, seed: int, now: datetime
) -> Counter[str]:
    """Writes the files of so many people; returns the lines by resource type."""
    folder.mkdir(parents=True, exist_ok=True)
    maker, counts, files = PeopleMaker(content, seed, now), Counter[str](), dict[str, BinaryIO]()
    with ExitStack() as stack:
        for _ in range(people):
            for resource in maker.person():
                kind = resource["resourceType"]
                if kind not in files:
                    files[kind] = stack.enter_context((folder / f"{kind}.ndjson").open("wb"))
                files[kind].write(orjson.dumps(resource) + b"\n")
                counts[kind] += 1
    return counts
