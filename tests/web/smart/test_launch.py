"""The way in: what a launch from the EHR and one from the form lead to."""

from __future__ import annotations

import html
import re

import httpx

from demo.ehr import DemoEhr
from tests.web.smart.conftest import APP, BASE, RETURN, Browser

LAUNCH = f"{BASE}/intake/launch"


def test_an_ehr_launch_opens_the_form_for_its_patient(browser: Browser, launch_url: str) -> None:
    entered = browser.enter(launch_url)

    assert (entered.status_code, entered.headers["Location"]) == (303, "/intake")
    assert browser.session.ehr is not None
    assert browser.session.ehr["patient"] == "ana"
    assert browser.session.launch is None


def test_what_is_asked_of_the_ehr(browser: Browser, launch_url: str, ehr: DemoEhr) -> None:
    asked = httpx.URL(browser.open(launch_url).headers["Location"]).params

    assert asked["response_type"] == "code"
    assert (asked["client_id"], asked["redirect_uri"]) == (APP, RETURN)
    assert asked["aud"] == ehr.fhir_base
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) >= 32
    scopes = set(asked["scope"].split())
    assert {"launch", "patient/Patient.rs", "patient/QuestionnaireResponse.crus"} <= scopes
    assert not any("*" in scope or scope.startswith(("user", "system")) for scope in scopes)
    assert "openid" not in scopes and "offline_access" not in scopes


def test_a_standalone_launch_asks_which_patient(browser: Browser, standalone: str) -> None:
    asked = httpx.URL(browser.open(standalone).headers["Location"]).params

    assert "launch/patient" in asked["scope"].split() and "launch" not in asked

    browser.enter(standalone, patient="bea")

    assert browser.session.ehr is not None
    assert browser.session.ehr["patient"] == "bea"


def test_who_does_not_say_which_ehr_chooses(browser: Browser, ehr: DemoEhr) -> None:
    page = browser.open(f"{LAUNCH}?answers=keep")
    (link,) = re.findall(r'href="([^"]+)">Demo clinic<', page.text)
    left = browser.open(BASE + html.unescape(link))

    assert page.status_code == 200
    assert left.headers["Location"].startswith(f"{ehr.root}/auth/authorize?")


def test_who_signs_in_again_goes_to_the_same_ehr(
    browser: Browser, launch_url: str, ehr: DemoEhr
) -> None:
    browser.enter(launch_url)
    left = browser.open(LAUNCH)

    assert left.headers["Location"].startswith(f"{ehr.root}/auth/authorize?")
