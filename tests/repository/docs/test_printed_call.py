"""The call the README prints brings what it prints, and its feedback settles a card."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from cds_service import create_app
from cds_service.cli import serve
from tests.support.clinic import ROOT, settings_in

from .pages import INTEGRATING, JSON, NOW, README, fences, read

CALL = re.compile(
    r'sed "s/(?P<day>[\d-]+)/\$\(date -u \+%F\)/g" (?P<file>\S+) \| \\\n'
    r"\s+curl -sS -H '(?P<header>[^']+)' --data-binary @- \\\n"
    r"\s+http://127\.0\.0\.1:8080(?P<path>\S+)"
)


def printed_call() -> re.Match[str]:
    found = next(filter(None, map(CALL.search, fences(README, "sh"))), None)
    assert found, "the README prints no call"
    return found


def differences(expected: Any, actual: Any, path: str = "") -> Iterator[str]:
    """Where a shortened value is not part of the whole one; lists are compared from the start."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key, value in expected.items():
            yield from differences(value, actual.get(key), f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(actual, list):
        for place, value in enumerate(expected):
            found = actual[place] if place < len(actual) else None
            yield from differences(value, found, f"{path}[{place}]")
    elif expected != actual:
        yield f"{path}: {expected!r} is printed, {actual!r} comes back"


def test_the_printed_call_brings_what_is_printed(client: FlaskClient) -> None:
    call = printed_call()
    name, _, value = call["header"].partition(": ")
    body = read(call["file"]).replace(call["day"], NOW.date().isoformat())
    printed = json.loads(fences(README, "json")[0])

    answer = client.post(call["path"], data=body, headers={name: value})

    assert answer.status_code == 200
    assert list(differences(printed, answer.get_json())) == []
    assert len(printed["cards"]) == len(answer.get_json()["cards"])


def test_the_printed_feedback_settles_a_card_of_the_printed_call(tmp_path: Path) -> None:
    client = create_app(settings_in(tmp_path), lambda: NOW).test_client()
    call = printed_call()
    request = read(call["file"]).replace(call["day"], NOW.date().isoformat())
    command = next(text for text in fences(INTEGRATING, "sh") if "/feedback <<" in text)
    path, body = re.search(r"8080(\S+) <<END\n(.*)^END$", command, re.M | re.S).groups()

    before = client.post(call["path"], data=request, content_type=JSON).get_json()["cards"]
    body = body.replace("$CARD", before[0]["uuid"])
    body = body.replace("$SUGGESTION", before[0]["suggestions"][0]["uuid"])
    answer = client.post(path, data=body, content_type=JSON)
    after = client.post(call["path"], data=request, content_type=JSON).get_json()["cards"]

    assert answer.status_code == 200
    assert answer.text in INTEGRATING
    assert [card["uuid"] for card in after] == [card["uuid"] for card in before[1:]]


def test_the_examples_day_is_the_same_wherever_it_is_printed() -> None:
    call = printed_call()

    assert call["day"] == serve.EXAMPLE_DAY
    assert call["day"] in read(call["file"])


def test_the_picture_shows_cards_that_exist() -> None:
    """Its description, read by screen readers, holds the three summaries."""
    description = re.search(r"<desc[^>]*>(.*?)</desc>", read("docs/images/cards.svg"), re.S)
    actions = [
        action
        for path in (ROOT / "plan_definitions").rglob("*.json")
        for action in json.loads(path.read_text(encoding="utf-8"))["action"]
    ]
    titles = {action.get("title", "").rstrip(".") for action in actions}

    assert description
    summaries = [s.strip() for s in description[1].rstrip(". ").split(". ")]
    assert len(summaries) == 3
    assert set(summaries) <= titles
