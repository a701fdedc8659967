"""Validating a questionnaire response over HTTP."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.clinic import QUIET
from tests.support.ward import CANARY, VALIDATE, Make, Ward, stored


def validated(ward: Ward, body: Any) -> list[dict[str, Any]]:
    """What is said about a response."""
    answer = ward.client.post(VALIDATE, json=body)
    assert (answer.status_code, answer.content_type) == (200, "application/fhir+json")
    assert answer.get_json()["resourceType"] == "OperationOutcome"
    return answer.get_json()["issue"]


def in_parameters(resource: Any) -> dict[str, Any]:
    mode = {"name": "mode", "valueCode": "create"}
    return {
        "resourceType": "Parameters",
        "parameter": [mode, {"name": "resource", "resource": resource}],
    }


@pytest.mark.parametrize("wrap", [lambda r: r, in_parameters], ids=["bare", "parameters"])
def test_a_valid_response_is_said_to_be_one(wrap: Callable[[Any], Any], ward: Ward) -> None:
    (issue,) = validated(ward, wrap(ward.response(QUIET)))

    assert issue["severity"] == "information"


@pytest.mark.parametrize("wrap", [lambda r: r, in_parameters], ids=["bare", "parameters"])
def test_an_invalid_response_is_told_what_and_where(wrap: Callable[[Any], Any], ward: Ward) -> None:
    wrong = {**QUIET, "sev": 99, "dur": CANARY}

    issues = validated(ward, wrap(ward.response(wrong)))

    assert [i["severity"] for i in issues] == ["error"] * 3  # of sev two: its range, its options
    assert all(i["expression"][0].startswith("QuestionnaireResponse.item[") for i in issues)
    assert CANARY not in orjson.dumps(issues).decode()


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        "text",
        5,
        {"resourceType": "Patient"},
        {"resourceType": "Parameters", "parameter": []},
        {"resourceType": "Parameters", "parameter": [None, 5, {"name": "resource"}]},
        {"resourceType": "Parameters", "parameter": "resource"},
        in_parameters([]),
        in_parameters({"resourceType": "Patient"}),
    ],
    ids=str,
)
def test_what_is_no_response_is_told_so(body: Any, ward: Ward) -> None:
    answer = ward.client.post(VALIDATE, data=orjson.dumps(body), content_type="application/json")

    assert answer.status_code == 200
    assert answer.get_json()["issue"][0]["severity"] in ("error", "fatal")


def test_a_response_to_validate_is_json(ward: Ward) -> None:
    cut_off = ward.client.post(VALIDATE, data=b'{"a":', content_type="application/fhir+json")
    form = ward.client.post(VALIDATE, data=b"{}", content_type="text/plain")

    assert (cut_off.status_code, form.status_code) == (400, 415)
    assert "not valid JSON at line" in cut_off.text
    assert ward.client.get(VALIDATE).status_code == 405


def test_validating_stores_nothing_and_logs_nothing(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ward = make()
    caplog.set_level(logging.DEBUG)

    validated(ward, ward.response({**QUIET, "other": CANARY}, id=CANARY))

    assert CANARY not in caplog.text
    assert CANARY.encode() not in stored(tmp_path)
