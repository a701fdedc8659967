"""The way in: what a launch from the EHR and one from the form lead to."""

from __future__ import annotations

import httpx

from demo.ehr import DemoEhr
from smart.conftest import APP, BASE, RETURN, Browser

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


def test_a_standalone_launch_asks_which_patient(browser: Browser) -> None:
    asked = httpx.URL(browser.open(LAUNCH).headers["Location"]).params

    assert "launch/patient" in asked["scope"].split() and "launch" not in asked

    browser.enter(LAUNCH, patient="bea")

    assert browser.session.ehr is not None
    assert browser.session.ehr["patient"] == "bea"
