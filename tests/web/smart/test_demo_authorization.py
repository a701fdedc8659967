"""The demo's authorization server refuses what a real one refuses, or our tests prove nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

import httpx
import pytest

from demo.ehr import DemoEhr
from tests.web.smart.conftest import APP, APP_SECRET, CONFIDENTIAL, RETURN

VERIFIER = "a-verifier-of-at-least-forty-three-characters"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=")


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


def asking(ehr: DemoEhr, **changes: str | None) -> dict[str, str]:
    asked = {
        "response_type": "code",
        "client_id": APP,
        "redirect_uri": RETURN,
        "state": "s",
        "scope": "launch openid patient/*.rs",
        "aud": ehr.fhir_base,
        "code_challenge": CHALLENGE.decode(),
        "code_challenge_method": "S256",
        "launch": ehr.launch_url("x", "ana", app_context="c").partition("launch=")[2],
    }
    return {k: v for k, v in {**asked, **changes}.items() if v is not None}


def answer(http: httpx.Client, ehr: DemoEhr, **changes: str | None) -> dict[str, str]:
    """What the app is told in the redirect."""
    sent = http.get(f"{ehr.root}/auth/authorize", params=asking(ehr, **changes))
    assert sent.status_code == 302, sent.text
    return dict(httpx.URL(sent.headers["Location"]).params)


def redeem(http: httpx.Client, ehr: DemoEhr, code: str, **changes: str) -> httpx.Response:
    sent = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": RETURN,
        "client_id": APP,
        "code_verifier": VERIFIER,
    }
    return http.post(f"{ehr.root}/auth/token", data=sent | changes)


def read_chart(http: httpx.Client, ehr: DemoEhr, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return http.get(f"{ehr.fhir_base}/Patient/ana", headers=headers).status_code


def test_a_launch_gives_a_token_that_opens_the_chart(http: httpx.Client, ehr: DemoEhr) -> None:
    told = answer(http, ehr)
    body = redeem(http, ehr, told["code"]).json()

    assert told["state"] == "s"
    assert told["iss"] == f"{ehr.root}/auth"
    assert (body["patient"], body["appContext"], body["token_type"]) == ("ana", "c", "Bearer")
    assert read_chart(http, ehr, body["access_token"]) == 200
    assert read_chart(http, ehr, "another") == 401


def test_a_code_is_good_once_and_a_second_use_ends_its_token(
    http: httpx.Client, ehr: DemoEhr
) -> None:
    code = answer(http, ehr)["code"]
    token = redeem(http, ehr, code).json()["access_token"]
    again = redeem(http, ehr, code)

    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert read_chart(http, ehr, token) == 401


@pytest.mark.parametrize(
    "wrong",
    [{"code_verifier": "x" * 43}, {"code_verifier": ""}, {"redirect_uri": "http://127.0.0.1:9/x"}],
    ids=["verifier", "no-verifier", "redirect"],
)
def test_a_code_needs_its_verifier_and_address(
    wrong: dict[str, str], http: httpx.Client, ehr: DemoEhr
) -> None:
    refused = redeem(http, ehr, answer(http, ehr)["code"], **wrong)

    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "wrong",
    [
        {"code_challenge": None},
        {"code_challenge_method": "plain"},
        {"aud": "https://fhir.example.org"},
        {"launch": "unknown"},
        {"state": None},
    ],
    ids=["no-challenge", "plain", "audience", "launch", "no-state"],
)
def test_a_question_that_is_not_safe_is_refused(
    wrong: dict[str, str | None], http: httpx.Client, ehr: DemoEhr
) -> None:
    assert answer(http, ehr, **wrong)["error"] == "invalid_request"


@pytest.mark.parametrize(
    "wrong", [{"redirect_uri": "http://127.0.0.1:9/elsewhere"}, {"client_id": "nobody"}]
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(
    wrong: dict[str, str], http: httpx.Client, ehr: DemoEhr
) -> None:
    shown = http.get(f"{ehr.root}/auth/authorize", params=asking(ehr, **wrong))

    assert shown.status_code == 400
    assert "not registered" in shown.text


def test_without_a_launch_a_person_chooses_or_declines(http: httpx.Client, ehr: DemoEhr) -> None:
    page = http.get(f"{ehr.root}/auth/authorize", params=asking(ehr, launch=None))
    chosen = answer(http, ehr, launch=None, patient="bea")
    declined = answer(http, ehr, launch=None, decline="1")

    assert "Ana Sample" in page.text and "Nobody is asked for a password" in page.text
    assert redeem(http, ehr, chosen["code"]).json()["patient"] == "bea"
    assert declined["error"] == "access_denied"


def test_a_confidential_app_needs_its_secret(http: httpx.Client, ehr: DemoEhr) -> None:
    code = answer(http, ehr, client_id=CONFIDENTIAL)["code"]
    refused = redeem(http, ehr, code, client_id=CONFIDENTIAL)
    accepted = redeem(http, ehr, code, client_id=CONFIDENTIAL, client_secret=APP_SECRET)

    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert accepted.status_code == 200
