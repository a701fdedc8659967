"""Cards open the form as a SMART app for clients that can launch it, and as a page for others."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import orjson
import pytest
from flask import Flask

from cds_service import utc_now
from cds_service.access.clients import Client, SmartApp
from cds_service.content import Content
from cds_service.hooks import app_context
from cds_service.hooks.versions import FormLink, cards_for
from cds_service.store.pseudonyms import Pseudonyms
from demo.ehr import DemoEhr
from tests.support.clinic import NOW, PATIENT_VIEW, ROOT, card_about
from tests.web.smart.conftest import BASE, Browser, Clock

NAMES = Pseudonyms(b"a key of the tests")
INSTANCE = "5c1b0a63-0b0e-4a39-9d3b-0e0d5f1a7c11"
FORM = "https://example.org/Questionnaire/q|1"


@pytest.fixture
def link(service: Flask, clock: Clock) -> dict[str, Any]:
    """The link to the form on the card that offers it."""
    clock.ahead = NOW - utc_now()
    request = (ROOT / "tests" / "hooks" / "exchanges" / "offer-intake.request.json").read_bytes()
    answer = service.test_client().post(
        f"/cds-services/{PATIENT_VIEW}", data=request, content_type="application/json"
    )
    clock.ahead *= 0
    return card_about(answer.get_json()["cards"], "offer-intake")["links"][0]


def test_a_card_opens_the_form_with_its_patient(
    link: dict[str, Any], browser: Browser, ehr: DemoEhr, content: Content
) -> None:
    form = content.questionnaire.resource

    assert (link["type"], link["url"]) == ("smart", f"{BASE}/intake/launch")
    browser.enter(ehr.launch_url(link["url"], "ana", app_context=link["appContext"]))
    login = browser.session.ehr
    assert login is not None
    assert login["app_context"]["questionnaire"] == f"{form['url']}|{form['version']}"


def test_what_it_carries_says_nothing_of_the_patient(link: dict[str, Any]) -> None:
    sent = orjson.loads(
        (ROOT / "tests" / "hooks" / "exchanges" / "offer-intake.request.json").read_bytes()
    )
    text = link["appContext"].partition(".")[0]
    carried = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))

    assert carried.keys() == {"questionnaire", "call"}
    assert uuid.UUID(carried["call"]).version == 8
    assert sent["hookInstance"] not in str(carried)
    assert sent["context"]["patientId"] not in str(carried)
    assert len(link["appContext"]) < 300


@pytest.mark.parametrize("context", ["of somebody else", "e30.", ".", "é.x", "x" * 5000])
def test_a_context_from_elsewhere_is_passed_over(
    context: str, browser: Browser, ehr: DemoEhr
) -> None:
    browser.enter(ehr.launch_url(f"{BASE}/intake/launch", "ana", app_context=context))
    login = browser.session.ehr

    assert login is not None
    assert login["app_context"] is None


def test_a_context_is_read_as_it_was_written_and_not_when_it_was_changed() -> None:
    written = app_context.write(NAMES, FORM, INSTANCE)
    text, _, mark = written.rpartition(".")

    assert app_context.read(NAMES, written) == {"questionnaire": FORM, "call": INSTANCE}
    assert app_context.read(NAMES, f"{text}x.{mark}") is None
    assert app_context.read(Pseudonyms(b"the key of another"), written) is None


@pytest.mark.parametrize("specification", ["1.0", "2.0"])
def test_only_the_link_to_the_form_and_only_where_it_can_be_launched(specification: str) -> None:
    form = FormLink(f"{BASE}/intake", f"{BASE}/intake/launch", "c")
    to_form = {"label": "Form", "url": form.url, "type": "absolute"}
    source = {"label": "Source", "url": "https://example.org", "type": "absolute"}
    card = {"summary": "x", "source": {"label": "y"}, "links": [to_form, source]}
    smart = SmartApp(issuer="https://fhir.example.org", client_id="app")
    client = Client(id="ehr", specification=specification, smart=smart)
    plain = Client(id="ehr", specification=specification)
    expected = {"label": "Form", "url": form.launch_url, "type": "smart", "appContext": "c"}

    assert cards_for(client, [card], {form.url: form})[0]["links"] == [expected, source]
    assert cards_for(plain, [card], {form.url: form})[0]["links"] == [to_form, source]
    assert card["links"] == [to_form, source]
