"""Browsers of listed origins, and request ids."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest

from cds_service.app.assembly import HOOK_CALLS
from tests.support.clinic import Clinic, log_lines
from tests.support.ward import (
    BROWSER,
    CALL,
    CANARY,
    CORS,
    DISCOVERY,
    FEEDBACK,
    REPORT,
    VALIDATE,
    Trusted,
    Ward,
    cors_headers,
    requirement,
    sent,
    visit,
)

ROUTES: dict[str, tuple[str, str, Any, int]] = {
    "discovery": ("GET", DISCOVERY, None, 200),
    "call": ("POST", CALL, "whole", 200),
    "no-prefetch": ("POST", CALL, "bare", 412),
    "bad-call": ("POST", CALL, {}, 400),
    "unknown-service": ("POST", f"{CALL}-x", "whole", 404),
    "wrong-method": ("GET", CALL, None, 405),
    "feedback": ("POST", FEEDBACK, {"feedback": [{}]}, 400),
    "validate": ("POST", VALIDATE, {}, 200),
    "content": ("GET", "/fhir/Questionnaire/dyspareunia-intake", None, 200),
    "no-such-content": ("GET", "/fhir/Patient/1", None, 404),
    "apply-without-data": ("GET", "/fhir/PlanDefinition/red-flags/$apply?subject=x", None, 412),
    "start": ("GET", "/", None, 200),
    "intake": ("GET", "/intake", None, 200),
    "live": ("GET", "/health/live", None, 200),
    "ready": ("GET", "/health/ready", None, 200),
    "report": ("GET", f"{REPORT}.json", None, 401),
    "unknown": ("GET", "/nowhere", None, 404),
}


@requirement("3.11")
@requirement("6.18")
@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)
def test_a_listed_origin_may_read_every_answer(
    route: tuple[str, str, Any, int], ward: Ward
) -> None:
    answer = sent(ward, route, BROWSER)

    assert cors_headers(answer) == CORS
    assert "Origin" in answer.headers["Vary"]


@requirement("6.18")
@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)
@pytest.mark.parametrize("origin", ["https://elsewhere.example", None], ids=["unlisted", "none"])
def test_another_origin_may_read_none(
    route: tuple[str, str, Any, int], origin: str | None, ward: Ward
) -> None:
    answer = sent(ward, route, origin)

    assert cors_headers(answer) == {}
    assert "Origin" in answer.headers["Vary"]  # or a cache hands one origin's answer to another


@requirement("6.18")
@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "*",
        "",
        f"{BROWSER}/",
        f"{BROWSER}:443",
        f"{BROWSER}.evil.example",
        BROWSER.replace("https", "http"),
        BROWSER.upper(),
        f"{BROWSER}, {BROWSER}",
        f"https://evil.example#{BROWSER}",
    ],
)
def test_an_origin_that_only_looks_listed_is_not(origin: str, ward: Ward) -> None:
    answer = ward.client.get(DISCOVERY, headers={"Origin": origin})

    assert cors_headers(answer) == {}


@requirement("3.11")
def test_a_failure_inside_can_be_read_by_a_browser(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise ZeroDivisionError(CANARY)

    monkeypatch.setattr(ward.app.extensions[HOOK_CALLS], "answer", fail)

    answer = ward.post(visit(ward), headers={"Origin": BROWSER, "X-Request-Id": "r-500"})

    assert (answer.status_code, cors_headers(answer)) == (500, CORS)
    assert answer.headers["X-Request-Id"] == "r-500"
    assert CANARY not in answer.text


@requirement("6.18")
@pytest.mark.parametrize("path", [DISCOVERY, CALL, FEEDBACK, VALIDATE, "/nowhere"])
def test_a_preflight_needs_no_token(path: str, trusted: Trusted) -> None:
    asking = {"Origin": BROWSER, "Access-Control-Request-Method": "POST"}

    answer = trusted.client.options(path, headers=asking)
    stranger = trusted.client.options(path, headers={**asking, "Origin": "https://x.example"})

    assert (answer.status_code, answer.data, cors_headers(answer)) == (204, b"", CORS)
    assert "Origin" in answer.headers["Vary"]
    assert "Content-Type" not in answer.headers
    assert cors_headers(stranger) == {}


@requirement("6.18")
def test_options_without_a_preflight_opens_nothing(trusted: Trusted) -> None:
    answer = trusted.client.options(DISCOVERY)

    assert answer.status_code in (200, 204)
    assert answer.data == b""


@requirement("6.18")
def test_without_listed_origins_there_are_none(clinic: Clinic) -> None:
    answer = clinic.client.get(DISCOVERY, headers={"Origin": BROWSER})

    assert cors_headers(answer) == {}


@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)
def test_every_answer_has_a_request_id_of_its_own(
    route: tuple[str, str, Any, int], ward: Ward
) -> None:
    ids = [sent(ward, route, None).headers["X-Request-Id"] for _ in range(2)]

    assert all(re.fullmatch(r"[0-9a-f-]{36}", i) for i in ids)
    assert len(set(ids)) == 2


@pytest.mark.parametrize("path", [DISCOVERY, "/nowhere", f"{REPORT}.json"])
def test_a_request_id_that_was_sent_is_answered_and_logged(
    path: str, ward: Ward, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "cds_service")

    answer = ward.client.get(path, headers={"X-Request-Id": "abc-123"})

    assert answer.headers["X-Request-Id"] == "abc-123"
    assert [line["request_id"] for line in log_lines(caplog)] == ["abc-123"]
