"""Whose answers are whose: what stays with a session when somebody signs in."""

from __future__ import annotations

import pytest

from demo.ehr import DemoEhr
from tests.web.smart.conftest import BASE, Browser, changed

LAUNCH = f"{BASE}/intake/launch"
ANSWERS = {"sev": [{"valueInteger": 7}]}


def begin(browser: Browser) -> None:
    """Starts the form without signing in."""
    browser.client.post("/intake", base_url=BASE)


def test_the_same_patient_goes_on(browser: Browser, ehr: DemoEhr, launch_url: str) -> None:
    browser.enter(launch_url)
    browser.answer(**ANSWERS)
    before, secret = browser.session, browser.secret
    browser.enter(ehr.launch_url(LAUNCH, "ana"))

    assert browser.session.answers == ANSWERS
    assert browser.session.identifier == before.identifier  # it stays the same response
    assert browser.session.ehr != before.ehr
    assert browser.kept(secret) is None


def test_another_patient_begins_anew(browser: Browser, ehr: DemoEhr, launch_url: str) -> None:
    browser.enter(launch_url)
    browser.answer(**ANSWERS)
    anas, secret = browser.session, browser.secret
    browser.enter(ehr.launch_url(LAUNCH, "bea"))

    assert browser.session.answers == {}
    assert browser.session.identifier != anas.identifier
    assert browser.session.ehr is not None
    assert browser.session.ehr["patient"] == "bea"
    kept = browser.kept(secret)  # for Ana's code to open
    assert kept is not None
    assert (kept.answers, kept.ehr) == (ANSWERS, anas.ehr)


def test_the_same_id_at_another_ehr_is_somebody_else(
    browser: Browser, ehr: DemoEhr, launch_url: str
) -> None:
    browser.enter(launch_url)
    browser.answer(**ANSWERS)
    session = browser.session
    assert session.ehr is not None
    session.ehr["issuer"] = "https://fhir.example.org"
    browser.keep(session)
    browser.enter(ehr.launch_url(LAUNCH, "ana"))

    assert browser.session.answers == {}


@pytest.mark.parametrize("asked", [True, False], ids=["along", "not-asked"])
def test_answers_given_without_a_sign_in_come_along_when_that_is_asked_for(
    asked: bool, browser: Browser, standalone: str
) -> None:
    begin(browser)
    browser.answer(**ANSWERS)
    secret = browser.secret
    url = changed(standalone, answers="keep") if asked else standalone
    browser.enter(url, patient="ana")

    assert browser.session.answers == (ANSWERS if asked else {})
    assert browser.secret != secret
    assert (browser.kept(secret) is None) is asked


def test_an_ehr_cannot_ask_for_them(browser: Browser, launch_url: str) -> None:
    begin(browser)
    browser.answer(**ANSWERS)
    browser.enter(changed(launch_url, answers="keep"))

    assert browser.session.answers == {}


def test_a_signed_in_persons_answers_never_come_along(browser: Browser, standalone: str) -> None:
    browser.enter(standalone, patient="ana")
    browser.answer(**ANSWERS)
    browser.enter(changed(standalone, answers="keep"), patient="bea")

    assert browser.session.answers == {}


def test_a_secret_from_before_opens_nothing_after(browser: Browser, launch_url: str) -> None:
    """Who planted the cookie of a session of theirs does not get into the signed-in one."""
    begin(browser)
    planted = browser.secret
    browser.enter(launch_url)

    assert browser.secret != planted
    assert browser.kept(planted) is None
