"""Each form is its own SMART app: a form for professionals opens for a professional only."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import orjson
import pytest
from flask import Flask

from cds_service import create_app
from cds_service.web.form.form_request import form_token
from demo.ehr import DemoEhr
from tests.support.clinic import settings_in
from tests.support.made_up_forms import SEEN, add_forms, copy_content
from tests.web.smart.conftest import APP, BASE, Browser, Clock

PATH = "/forms/visit-seen"
LAUNCH = f"{BASE}{PATH}/launch"


@pytest.fixture(scope="module")
def several(
    running: DemoEhr, tmp_path_factory: pytest.TempPathFactory, the_clock: Clock
) -> Iterator[Flask]:
    folder = tmp_path_factory.mktemp("several")
    content = folder / "content"
    content.mkdir()
    add_forms(copy_content(content))
    smart = {"issuer": running.fhir_base, "clientId": APP, "name": "Demo clinic"}
    clients = {"clients": [{"id": "demo", "smart": smart}]}
    (folder / "clients.json").write_bytes(orjson.dumps(clients))
    settings = settings_in(folder, content=content, clients=folder / "clients.json")
    app = create_app(settings, the_clock)
    yield app
    app.extensions["cds_service.hooks.calls"].close()


@pytest.fixture
def browser(several: Flask, ehr: DemoEhr) -> Browser:
    return Browser(several.test_client(), several)


def secret(browser: Browser) -> str:
    cookie = browser.client.get_cookie("__Host-cds_intake_visit-seen", domain="cds.example.org")
    assert cookie is not None
    return cookie.value


def test_a_professional_records_what_was_seen(browser: Browser, ehr: DemoEhr) -> None:
    url = ehr.launch_url(LAUNCH, "ana", encounter="visit", user="Practitioner/lee")

    entered = browser.enter(url)
    begun = browser.open(BASE + entered.headers["Location"])
    step = browser.open(f"{BASE}{PATH}/step/1")
    token = form_token(secret(browser))
    browser.client.post(
        f"{PATH}/step/1", data={"token": token, "v:skin": "0", "go": "next"}, base_url=BASE
    )
    sent = browser.client.post(f"{PATH}/send", data={"token": token}, base_url=BASE)

    assert urlsplit(entered.headers["Location"]).path == PATH
    assert "This does not reach the chart by itself" not in begun.text
    assert 'action="/forms/visit-seen/leave"' not in step.text  # no quick exit for a professional
    assert all(f"{name}?" in step.text for name in ("Skin", "Parts"))  # all on one page
    assert sent.headers["Location"] == f"{PATH}/done"
    (response,) = ehr.find("QuestionnaireResponse")
    assert response["questionnaire"] == f"{SEEN}|1"
    assert response["subject"] == {"reference": "Patient/ana"}
    assert response["author"] == {"reference": "Practitioner/lee"}
    assert response["encounter"] == {"reference": "Encounter/visit"}
    assert "source" not in response


def test_nobody_else_opens_a_form_for_professionals(browser: Browser, ehr: DemoEhr) -> None:
    for user in (None, "RelatedPerson/kim", "Patient/ana"):
        entered = browser.enter(ehr.launch_url(LAUNCH, "ana", user=user))

        assert entered.status_code == 403
        assert "This form is for health professionals" in entered.text
    assert ehr.find("QuestionnaireResponse") == []


def test_a_form_for_a_person_does_not_ask_who_signs_in(browser: Browser, ehr: DemoEhr) -> None:
    other = browser.open(ehr.launch_url(f"{BASE}/forms/visit-later/launch", "ana"))
    seen = browser.open(ehr.launch_url(LAUNCH, "ana"))

    assert "openid" not in other.headers["Location"]
    assert "openid+fhirUser" in seen.headers["Location"]


def test_without_a_launch_the_page_says_what_it_does_not_do(browser: Browser) -> None:
    page = browser.open(f"{BASE}{PATH}").text

    assert "This does not reach the chart by itself" in page
    assert "Leave this page now" not in page
