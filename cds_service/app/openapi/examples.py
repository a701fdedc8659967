"""One call and feedback on it: the example file, answered by the service itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from cds_service.content import find_root
from cds_service.hooks.pipeline import Pipeline

FILE = Path("examples") / "patient-view-urinary-symptoms.json"


def examples(pipeline: Pipeline) -> dict[str, Any]:
    """Operation id -> ``request`` and ``response``; empty when the file is not there."""
    path = find_root() / FILE
    if not path.is_file():
        return {}
    request = orjson.loads(path.read_bytes())
    service = pipeline.service_for(request["hook"])
    cards = pipeline.answer(service, request, _afterwards(request)).cards
    made = {service.id: {"request": request, "response": {"cards": cards}}}
    if cards:
        made[f"{service.id}-feedback"] = {
            "request": {"feedback": [_accepted(cards[0], _afterwards(request))]},
            "response": {"saved": 1},
        }
    return made


def _afterwards(request: dict[str, Any]) -> datetime:
    """An hour after the form was filled, so that the answers hold."""
    responses = request["prefetch"]["questionnaireResponses"]["entry"]
    authored = datetime.fromisoformat(responses[0]["resource"]["authored"])
    return authored + timedelta(hours=1)


def _accepted(card: dict[str, Any], at: datetime) -> dict[str, Any]:
    return {
        "card": card["uuid"],
        "outcome": "accepted",
        "acceptedSuggestions": [{"id": card["suggestions"][0]["uuid"]}],
        "outcomeTimestamp": at.isoformat(),
    }
