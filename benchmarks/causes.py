"""Whether a call costs more when the content has more causes that its facts do not touch."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from benchmarks.people import request_of_size
from benchmarks.table import Row, cpu_ms
from cds_service.content import FOLDERS, find_root, load_content
from cds_service.hooks.pipeline import Pipeline
from cds_service.hooks.request import parse_body

CAUSE, RULE = "peyronie-disease", "C22"  # about a body part the benchmark's person does not have
EXTRA = (0, 40, 160, 360)


def more_causes(pipeline: Pipeline) -> list[Row]:
    """A whole call with each number of causes."""
    service, now = pipeline.service_for("patient-view"), datetime.now(UTC)
    body = orjson.dumps(request_of_size(50, pipeline))
    made = pipelines_with(EXTRA, pipeline.intake_url)
    cards = {n: _summaries(p, body, now) for n, p in made.items()}
    if any(found != cards[0] for found in cards.values()):
        raise RuntimeError("causes that are not touched changed the cards")
    times = cpu_ms(
        {
            str(n): lambda p=p: p.answer(p.services[service.id], parse_body(body), now)
            for n, p in made.items()
        },
        9,
    )
    rows = [
        Row(f"call with {len(p.content.sources)} causes", times[str(n)], "ms")
        for n, p in made.items()
    ]
    each = (times[str(EXTRA[-1])] - times["0"]) / EXTRA[-1] * 1000
    return [*rows, Row("each further cause", each, "us", 5, note="untouched by the facts")]


def pipelines_with(numbers: tuple[int, ...], intake_url: str) -> dict[int, Pipeline]:
    """A pipeline for each number of further causes."""
    made = {}
    for number in numbers:
        with _content_with(number) as root:
            made[number] = Pipeline(load_content(root), intake_url)
    return made


def _summaries(pipeline: Pipeline, body: bytes, now: datetime) -> list[str]:
    service = pipeline.service_for("patient-view")
    return [card["summary"] for card in pipeline.answer(service, parse_body(body), now).cards]


@contextmanager
def _content_with(extra: int) -> Iterator[Path]:
    """A copy of the content with so many copies of one cause, each with a rule of its own."""
    source = find_root()
    with TemporaryDirectory() as folder:
        root = Path(folder)
        for name in FOLDERS:
            shutil.copytree(source / name, root / name)
        strategy = root / "plan_definitions" / "dyspareunia-workup.json"
        plan = json.loads(strategy.read_text())
        listed = plan["action"][0]["action"][0]["action"]
        original = (root / "plan_definitions" / "causes" / f"{CAUSE}.json").read_text()
        entry = json.dumps(next(a for a in listed if a["id"] == CAUSE))
        for number in range(extra):
            name = f"extra-{number}"
            text = original.replace(CAUSE, name).replace(f'"{RULE}"', f'"X{number}"')
            text = text.replace(f"%{RULE}", f"%X{number}")
            (root / "plan_definitions" / "causes" / f"{name}.json").write_text(text)
            listed.append(json.loads(entry.replace(CAUSE, name)))
        strategy.write_text(json.dumps(plan))
        yield root
