"""Whether a call costs more with three responses than with one, or beside a second topic."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from benchmarks.people import request_of_size
from benchmarks.table import Row, cpu_ms
from cds_service.app.topics import names_of, pipelines_of
from cds_service.authoring.given_answers import given_responses
from cds_service.content import load_content
from cds_service.decision.visibility import ALL_VISIBLE
from cds_service.hooks.drafts import unkeyed_uuid
from cds_service.hooks.pipeline import Pipeline
from cds_service.hooks.request import parse_body
from cds_service.settings import Settings

SECOND = Path(__file__).parent.parent / "tests" / "support" / "second_topic"
SIZE, ROUNDS = 50, 41
MORE = {  # a full exam and a follow-up, both in use
    "answers": "none",
    "findings": {"xdone": "full", "xtender": ["none"], "xfloor": "both", "xvulva": ["normal"]},
    "followup": {"frf": ["none"], "sev": 6, "distress": "little", "fdone": ["exam"]},
}


def forms_and_topics(pipeline: Pipeline) -> list[Row]:
    """A whole call of each kind."""
    service, now = pipeline.service_for("patient-view"), datetime.now(UTC)
    body = request_of_size(SIZE, pipeline)
    one, three = orjson.dumps(body), orjson.dumps(_with_more(pipeline, body, now))
    contents = (pipeline.content, load_content(SECOND))
    names = names_of(contents)
    beside, _ = pipelines_of(Settings(), contents, names, lambda: ALL_VISIBLE, unkeyed_uuid)
    calls = {"one": (pipeline, one), "three": (pipeline, three), "beside": (beside, one)}
    times = cpu_ms(
        {
            name: lambda p=p, b=b: orjson.dumps(p.answer(service, parse_body(b), now).cards)
            for name, (p, b) in calls.items()
        },
        ROUNDS,
    )
    return [
        Row("call with one response", times["one"], "ms"),
        Row("the same with three / with one", times["three"] / times["one"], "x", 1.1),
        Row("the same beside a second topic", times["beside"] / times["one"], "x", 1.05),
    ]


def _with_more(pipeline: Pipeline, body: dict[str, Any], now: datetime) -> dict[str, Any]:
    bundle = body["prefetch"]["questionnaireResponses"]
    more = [{"resource": r} for r in given_responses(MORE, {}, pipeline.content, now)]
    responses = {**bundle, "entry": [*bundle["entry"], *more]}
    return {**body, "prefetch": {**body["prefetch"], "questionnaireResponses": responses}}
