"""Ways in that must not open: each ends on a page that says what to do, and nothing is lost."""

from __future__ import annotations

from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from cds_service.access.fhir_server import MAX_CALLS
from cds_service.app.assembly import SESSIONS
from cds_service.web.form.sessions import Sessions
from demo.authorization import App
from demo.ehr import DemoEhr
from tests.support.clinic import Clinic
from tests.support.hostile_fhir import (
    Answer,
    HostileServer,
    endless,
    hang,
    redirect,
    resource,
    status,
)
from tests.web.smart.conftest import (
    APP,
    APP_SECRET,
    BASE,
    CONFIDENTIAL,
    RETURN,
    Browser,
    Clock,
    Faults,
    changed,
)

LAUNCH = f"{BASE}/intake/launch"
DISCOVERY = ".well-known/smart-configuration"


def told(page: TestResponse, code: int, heading: str) -> None:
    """The page has this status and heading, offers a way on, and keeps to the pages' rules."""
    assert (page.status_code, page.mimetype) == (code, "text/html"), page.text
    assert f"<h1>{heading}" in page.text
    assert 'href="/intake' in page.text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"


# -- whose EHR it is -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "issuer",
    [
        "{hostile}/other",
        "{ehr}/..",
        "{ehr}.example.org",
        "{ehr}@127.0.0.1",
        "{ehr}?x={hostile}",
        "{ehr}#",
        "",
        "javascript:alert(1)",
    ],
)
def test_an_unknown_ehr_is_refused_before_anything_is_called(
    issuer: str, browser: Browser, ehr: DemoEhr, faults: Faults, hostile: HostileServer
) -> None:
    sent = issuer.format(ehr=ehr.fhir_base, hostile=hostile.base)
    page = browser.open(changed(LAUNCH, iss=sent, launch="x"))

    told(page, 403, "This health record is not connected to the form")
    assert (hostile.targets, faults.seen) == ([], [])


def test_a_launch_must_say_whose_it_is(browser: Browser, faults: Faults) -> None:
    told(browser.open(f"{LAUNCH}?launch=x"), 403, "This health record is not connected")
    assert faults.seen == []


def test_without_an_ehr_there_is_nothing_to_sign_in_to(clinic: Clinic) -> None:
    told(clinic.client.get("/intake/launch"), 404, "There is no health record to sign in to")


# -- an EHR that does not do its part --------------------------------------------------------


def smart(server: HostileServer, **changes: Any) -> dict[str, Any]:
    """What a server would say of its sign-in."""
    said = {
        "authorization_endpoint": f"{server.base}/authorize",
        "token_endpoint": f"{server.base}/token",
        "code_challenge_methods_supported": ["S256"],
        "capabilities": [],
    }
    return said | changes


@pytest.fixture
def beside(hostile: HostileServer) -> str:
    """The address that signs in to the hostile server."""
    return f"{LAUNCH}?{urlencode({'iss': hostile.base})}"


def test_an_ehr_that_is_down(browser: Browser, gone: str) -> None:
    page = browser.open(changed(LAUNCH, iss=gone))

    told(page, 502, "Your health record does not answer")


@pytest.mark.parametrize("answer", [status(503), endless(b"x" * 100_000)], ids=["503", "endless"])
def test_an_ehr_that_answers_badly(
    answer: Answer, hostile: HostileServer, beside: str, browser: Browser
) -> None:
    hostile.on(DISCOVERY, answer)

    told(browser.open(beside), 502, "Your health record does not answer")


@pytest.mark.parametrize(
    "said",
    [
        status(404),
        status(200, b"<html>"),
        resource([]),
        redirect("https://example.org"),
        {"authorization_endpoint": "http://example.org/authorize"},
        {"token_endpoint": "http://example.org/token"},
        {"token_endpoint": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"code_challenge_methods_supported": ["plain"]},
    ],
    ids=["404", "html", "list", "redirect", "http", "http-token", "no-token", "script", "plain"],
)
def test_an_ehr_without_a_sign_in_that_is_safe(
    said: Answer | dict[str, Any], hostile: HostileServer, beside: str, browser: Browser
) -> None:
    answer = resource(smart(hostile, **said)) if isinstance(said, dict) else said
    hostile.on(DISCOVERY, answer)

    told(browser.open(beside), 502, "Your health record cannot open this form")


GOOD = {"access_token": "t", "token_type": "Bearer", "expires_in": 300, "patient": "ana"}


NO_PATIENT = "No patient was chosen"
UNFINISHED = "Your health record did not finish the sign-in"
DOWN = "Your health record does not answer"
TOKEN_ANSWERS: dict[str, tuple[Answer, str]] = {
    "no-patient": (resource(GOOD | {"patient": None}), NO_PATIENT),
    "odd-patient": (resource(GOOD | {"patient": "../Patient?_id=ana"}), NO_PATIENT),
    "no-token": (resource(GOOD | {"access_token": None}), UNFINISHED),
    "header-in-token": (resource(GOOD | {"access_token": "a\r\nX: y"}), UNFINISHED),
    "not-bearer": (resource(GOOD | {"token_type": "mac"}), UNFINISHED),
    "list": (resource([]), UNFINISHED),
    "not-json": (status(200, b"not JSON"), UNFINISHED),
    "refused": (status(400, b'{"error":"invalid_grant"}'), UNFINISHED),
    "forbidden": (status(403, b"no"), UNFINISHED),
    "redirect": (redirect("https://example.org"), UNFINISHED),
    "500": (status(500), DOWN),
    "endless": (endless(b"x" * 100_000), DOWN),
}


@pytest.mark.parametrize("case", TOKEN_ANSWERS)
def test_a_token_answer_that_cannot_be_used(
    case: str, hostile: HostileServer, beside: str, browser: Browser
) -> None:
    answer, heading = TOKEN_ANSWERS[case]
    hostile.on(DISCOVERY, resource(smart(hostile)))
    hostile.on("token", answer)
    state = httpx.URL(browser.open(beside).headers["Location"]).params["state"]
    page = browser.open(changed(RETURN, state=state, code="c"))

    told(page, page.status_code, heading)
    assert page.status_code in (400, 502)
    assert browser.session.ehr is None


# -- an answer that is not the one that was waited for ---------------------------------------


def test_a_person_may_decline(browser: Browser, standalone: str) -> None:
    page = browser.enter(standalone, decline="1")

    told(page, 403, "You chose not to connect your health record")
    assert "did not agree" not in page.text  # the EHR's own words stay where they are


@pytest.mark.parametrize("state", ["", "x", None], ids=["empty", "another", "none"])
def test_a_state_that_was_changed(state: str | None, browser: Browser, launch_url: str) -> None:
    back = browser.sign_in(launch_url)
    page = browser.open(changed(back, state=state))

    told(page, 400, "This sign-in was not started here")
    assert browser.session.ehr is None


def test_a_callback_works_once(browser: Browser, launch_url: str) -> None:
    back = browser.sign_in(launch_url)
    first, second = browser.open(back), browser.open(back)

    assert first.status_code == 303
    told(second, 400, "This sign-in was not started here")
    assert browser.session.ehr is not None  # and the way in that was used stays open


def test_a_failed_callback_cannot_be_tried_again(
    browser: Browser, launch_url: str, faults: Faults
) -> None:
    back = browser.sign_in(launch_url)
    faults.on("POST", "/auth/token", 503)

    told(browser.open(back), 502, "Your health record does not answer")
    told(browser.open(back), 400, "This sign-in was not started here")


def test_a_sign_in_that_took_too_long(browser: Browser, launch_url: str, clock: Clock) -> None:
    back = browser.sign_in(launch_url)
    clock.ahead = timedelta(minutes=10, seconds=1)

    told(browser.open(back), 400, "This sign-in was not started here")


def test_an_answer_in_another_browser_opens_nothing(
    browser: Browser, stranger: Browser, launch_url: str, standalone: str, faults: Faults
) -> None:
    back = browser.sign_in(launch_url)
    stranger.open(standalone)  # has a session of its own

    told(stranger.open(back), 400, "This sign-in was not started here")
    assert stranger.session.ehr is None
    assert "POST /auth/token" not in faults.seen
    assert browser.open(back).status_code == 303


def test_a_code_of_another_sign_in_is_worth_nothing(
    browser: Browser, stranger: Browser, ehr: DemoEhr, launch_url: str
) -> None:
    """PKCE: the code was made for the verifier that waits in the other browser's session."""
    theirs = stranger.sign_in(ehr.launch_url(LAUNCH, "bea"))
    ours = browser.sign_in(launch_url)
    page = browser.open(changed(ours, code=httpx.URL(theirs).params["code"]))

    told(page, 502, "Your health record did not finish the sign-in")
    assert browser.session.ehr is None


@pytest.mark.parametrize("issuer", ["https://example.org", None], ids=["another", "none"])
def test_an_answer_of_another_server(
    issuer: str | None, browser: Browser, launch_url: str, faults: Faults
) -> None:
    """RFC 9207: the demo's server says that all its answers name it."""
    back = changed(browser.sign_in(launch_url), iss=issuer)

    told(browser.open(back), 502, "Your health record did not finish the sign-in")
    assert "POST /auth/token" not in faults.seen


def test_an_ehr_that_wants_a_secret_gets_it_and_nobody_else(
    hostile: HostileServer, beside: str, browser: Browser
) -> None:
    hostile.on(DISCOVERY, resource(smart(hostile)))
    hostile.on("token", status(401, b'{"error":"invalid_client"}'))
    asked = browser.open(beside).headers["Location"]
    page = browser.open(changed(RETURN, state=httpx.URL(asked).params["state"], code="c"))
    credentials = b64encode(f"{CONFIDENTIAL}:{APP_SECRET}".encode()).decode()

    told(page, 502, UNFINISHED)
    assert hostile.seen[-1].headers["authorization"] == f"Basic {credentials}"
    assert APP_SECRET not in asked + page.text


def test_an_ehr_that_knows_the_app_with_a_secret_only(
    browser: Browser, ehr: DemoEhr, launch_url: str
) -> None:
    ehr.authorization.apps = (App(APP, (RETURN,), APP_SECRET),)

    told(browser.enter(launch_url), 502, UNFINISHED)


def test_an_app_that_is_not_registered_stays_at_the_ehr(browser: Browser, ehr: DemoEhr) -> None:
    ehr.authorization.apps = (App("another", (RETURN,)),)
    left = browser.open(ehr.launch_url(LAUNCH, "ana"))

    assert httpx.get(left.headers["Location"], trust_env=False).status_code == 400


# -- nothing is lost -------------------------------------------------------------------------


def test_what_was_answered_stays_when_a_sign_in_fails(
    browser: Browser, launch_url: str, standalone: str
) -> None:
    browser.enter(launch_url)
    answers = {"sev": [{"valueInteger": 7}]}
    browser.answer(**answers)
    page = browser.enter(standalone, decline="1")

    told(page, 403, "You chose not to connect your health record")
    assert "Your answers so far are kept." in page.text
    assert browser.session.answers == answers
    assert browser.session.ehr is not None


def test_a_stranger_cannot_have_the_ehr_called_without_end(
    browser: Browser, standalone: str, faults: Faults, clock: Clock
) -> None:
    sessions: Sessions = browser.app.extensions[SESSIONS]
    clock.ahead = timedelta(days=2)  # a minute of its own
    most, sessions.rate.most = sessions.rate.most, 1
    try:
        begun, refused = browser.open(standalone), browser.open(standalone)
    finally:
        sessions.rate.most = most

    assert begun.status_code == 303
    told(refused, 503, "The form is very busy just now")
    assert len(faults.seen) == 1


# -- one EHR that hangs slows nobody else --------------------------------------------------------


def test_what_an_ehr_says_of_its_sign_in_is_asked_once(
    browser: Browser, stranger: Browser, standalone: str, faults: Faults
) -> None:
    assert browser.open(standalone).status_code == 303
    assert stranger.open(standalone).status_code == 303

    assert sum(DISCOVERY in call for call in faults.seen) == 1


def test_an_ehr_that_hangs_holds_a_few_threads_and_only_for_seconds(
    hostile: HostileServer, beside: str, standalone: str, service: Flask
) -> None:
    hostile.on(DISCOVERY, hang())

    def launch(_number: int) -> TestResponse:
        return Browser(service.test_client(), service).open(beside)

    with ThreadPoolExecutor(16) as pool:
        pages = list(pool.map(launch, range(16)))

    assert {page.status_code for page in pages} <= {502, 503}
    assert 1 <= len(hostile.targets) <= MAX_CALLS
    refused = [page for page in pages if page.status_code == 503]
    assert len(refused) + len(hostile.targets) <= len(pages)
    assert "Retry-After" in refused[0].headers
    again = launch(0)  # the circuit is open: no call is made
    told(again, 502, "Your health record does not answer")
    assert len(hostile.targets) <= MAX_CALLS
    assert Browser(service.test_client(), service).open(standalone).status_code == 303
