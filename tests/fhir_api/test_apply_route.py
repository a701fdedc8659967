"""``$apply`` over HTTP: what the hook answers, as a CarePlan, behind the same gate."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import orjson
import pytest
from fhir.resources.R4B.careplan import CarePlan
from werkzeug.test import TestResponse

from cds_service.content import Content
from tests.support.clinic import PERSON, QUIET, Clinic
from tests.support.ward import CANARY, Make, Trusted, of_patient, rows_stored, signed

APPLY = "/fhir/PlanDefinition/dyspareunia-workup/$apply"
URINARY = {**QUIET, "urine": ["burn"], "other": CANARY}


def sent(clinic: Clinic, **changes: Any) -> dict[str, Any]:
    """Everything a hook would be sent, as parameters."""
    body = clinic.request(URINARY, **changes)
    return {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "subject", "valueString": f"Patient/{PERSON}"},
            {"name": "practitioner", "valueString": "Practitioner/example"},
            *(
                {
                    "name": "prefetchData",
                    "part": [
                        {"name": "key", "valueString": key},
                        {"name": "data", "resource": resource},
                    ],
                }
                for key, resource in body["prefetch"].items()
            ),
        ],
    }


def answer_of(clinic: Clinic, body: Any, path: str = APPLY) -> TestResponse:
    return clinic.client.post(path, json=body)


def test_the_answer_is_the_hooks(clinic: Clinic) -> None:
    cards = clinic.cards(clinic.request(URINARY))

    answer = answer_of(clinic, sent(clinic))

    assert (answer.status_code, answer.content_type) == (200, "application/fhir+json")
    assert answer.headers["Cache-Control"] == "no-store"
    CarePlan.model_validate_json(answer.data)
    group = answer.get_json()["contained"][0]
    assert [a["title"] for a in group["action"]] == [card["summary"] for card in cards]


@pytest.mark.parametrize(
    ("body", "path", "status"),
    [
        ({"resourceType": "Parameters"}, APPLY, 400),
        ({"resourceType": "CarePlan"}, APPLY, 400),
        ({"resourceType": "Parameters"}, "/fhir/PlanDefinition/none-such/$apply", 404),
        ({"resourceType": "Parameters"}, "/fhir/ActivityDefinition/syphilis/$apply", 404),
    ],
)
def test_what_cannot_be_applied_is_an_outcome(
    body: Any, path: str, status: int, clinic: Clinic
) -> None:
    answer = answer_of(clinic, body, path)

    assert answer.status_code == status
    assert answer.get_json()["resourceType"] == "OperationOutcome"


def test_get_with_a_subject_says_what_is_missing(clinic: Clinic) -> None:
    answer = clinic.client.get(f"{APPLY}?subject=Patient/{PERSON}")

    assert answer.status_code == 412
    issues = answer.get_json()["issue"]
    assert [i["expression"] for i in issues] == [
        ["prefetchData patient"],
        ["prefetchData questionnaireResponses"],
    ]


def test_it_needs_a_token_for_its_own_address(content: Content, tmp_path: Path) -> None:
    trusted = Trusted(content, tmp_path)
    body = sent(trusted)

    without = trusted.client.post(APPLY, json=body)
    other = trusted.ask("/fhir/PlanDefinition/red-flags/$apply", body)
    mine = trusted.ask(APPLY, body)

    assert (without.status_code, other.status_code, mine.status_code) == (401, 200, 200)


def test_a_token_for_another_plan_does_not_open_this_one(content: Content, tmp_path: Path) -> None:
    trusted = Trusted(content, tmp_path)

    answer = trusted.client.post(APPLY, json=sent(trusted), headers=signed(f"{APPLY}-x"))

    assert answer.status_code == 401


def test_applying_stores_nothing_and_logs_nothing(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ward = make()
    caplog.set_level(logging.DEBUG)
    before = rows_stored(tmp_path)

    answer = answer_of(ward, of_patient(sent(ward), CANARY))
    refused = answer_of(ward, orjson.loads(orjson.dumps(sent(ward)).replace(b"Patient/", b"X/")))

    assert answer.status_code == 200
    assert refused.status_code == 400
    assert CANARY not in caplog.text
    assert rows_stored(tmp_path) == before
