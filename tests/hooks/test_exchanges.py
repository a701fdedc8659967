"""Whole calls and their whole answers (``tests/hooks/exchanges``), compared to the letter.

After a change that is meant, write the answers anew with ``CDS_UPDATE_EXCHANGES=1 pytest
tests/hooks/test_exchanges.py`` and read the difference before committing it. The content version,
which changes with every content file, stands as ``VERSION`` in the files.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.clinic import PATIENT_VIEW, ROOT, Clinic, topics

FOLDER = ROOT / "tests" / "hooks" / "exchanges"
REQUESTS = sorted(FOLDER.glob("*.request.json"))
ENCOUNTER_START = "dyspareunia-workup-encounter-start"


def answered(request: Path, clinic: Clinic) -> dict[str, Any]:
    """Status and body of the answer to a request file."""
    text = request.read_text(encoding="utf-8")
    hook = json.loads(text).get("hook")
    service = ENCOUNTER_START if hook == "encounter-start" else PATIENT_VIEW
    answer = clinic.post(text.encode(), service)
    body = answer.text.replace(clinic.content.version, "VERSION")
    return {"status": answer.status_code, "body": json.loads(body)}


def response_of(request: Path) -> Path:
    return request.with_name(request.name.replace(".request.", ".response."))


@pytest.mark.parametrize("request_file", REQUESTS, ids=lambda path: path.name.partition(".")[0])
def test_the_answer_is_the_one_on_file(request_file: Path, clinic: Clinic) -> None:
    found = answered(request_file, clinic)
    response = response_of(request_file)
    if os.environ.get("CDS_UPDATE_EXCHANGES") == "1":
        text = json.dumps(found, indent=2, ensure_ascii=False)
        response.write_text(f"{text}\n", encoding="utf-8")

    assert response.is_file(), f"{response.name} is missing: see the head of this file"
    assert found == json.loads(response.read_text(encoding="utf-8"))


def test_every_response_has_its_request() -> None:
    names = {path.name.partition(".")[0] for path in FOLDER.iterdir()}

    assert names == {path.name.partition(".")[0] for path in REQUESTS}
    assert len(REQUESTS) >= 8


EXPECTED = {
    "bad-request": (400, []),
    "emergency": (200, ["emergency-assessment"]),
    "missing-response": (412, []),
    "nothing-to-say": (200, []),
    "offer-intake": (200, ["offer-intake"]),
    "postmenopausal-dryness": (200, ["dryness-care", "self-care"]),
    "private-conversation": (200, ["private-conversation", "trauma-informed-care", "self-care"]),
    "sti": (200, ["sti-testing", "self-care"]),
    "urinary-symptoms": (200, ["urine-testing", "self-care"]),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_an_exchange_shows_what_its_name_says(name: str) -> None:
    response = json.loads((FOLDER / f"{name}.response.json").read_text(encoding="utf-8"))

    found = topics(response["body"].get("cards", ()))

    assert (response["status"], found) == EXPECTED[name]
