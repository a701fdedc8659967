"""Other renderers of forms load the published Questionnaires: LHC-Forms and Smart Forms.

``make renderers`` installs them with Node and runs this; ``make test`` does not. Every option
stands open, and what a renderer exports gives the right cards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cds_service import create_app, utc_now
from cds_service.content import Content
from tests.support.clinic import PERSON, ROOT, Clinic, settings_in
from tests.web.browser.conftest import browser
from tests.web.browser.looking import served, watch
from tests.web.browser.test_topics import WORDS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]

HERE = ROOT / "build" / "renderers"  # as `make renderers` installs and builds them
BOLD = 600
RENDERERS = ("lhc-forms", "smart-forms")
UNFINISHED = ("smart-forms",)  # what it exports is in-progress, and has no date
FORMS = ("dyspareunia-intake", "dyspareunia-exam", "dyspareunia-followup")
VISIBLE = """(texts) => texts.filter((text) => {
  const leaf = [...document.querySelectorAll("#form *")].filter((one) => one.checkVisibility()
    && one.textContent.replace(/\\s+/g, " ").trim() === text);
  return !leaf.length;
})"""
WEIGHT = """(text) => Math.max(0, ...[...document.querySelectorAll("#form *")]
  .filter((one) => one.checkVisibility() && one.textContent.replace(/\\s+/g, " ").includes(text))
  .map((one) => Number(getComputedStyle(one).fontWeight)))"""

Show = Callable[[str, dict[str, Any]], "Page"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    folder = tmp_path_factory.mktemp("service")
    settings = settings_in(folder, public_base_url="http://127.0.0.1", site_words=WORDS)
    return create_app(settings, utc_now).test_client()


@pytest.fixture
def show(browser: Browser) -> Iterator[Show]:
    """Opens a Questionnaire in a renderer; it asks no other origin for anything."""
    wrong: list[list[str]] = []
    with served(Flask(__name__, static_folder=str(HERE), static_url_path="")) as origin:
        context = browser.new_context(viewport={"width": 1280, "height": 900})

        def shown(renderer: str, questionnaire: dict[str, Any]) -> Page:
            page = context.new_page()
            wrong.append(watch(page))
            page.goto(f"{origin}/{renderer}.html")
            page.evaluate("(questionnaire) => window.show(questionnaire)", questionnaire)
            page.locator("#form input").first.wait_for()
            return page

        yield shown
        context.close()
    assert [one for page in wrong for one in page if "another origin" in one] == []


def published(client: FlaskClient, name: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/fhir/Questionnaire/{name}").get_json()
    assert found["resourceType"] == "Questionnaire"
    return found


def items(questionnaire: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in questionnaire["item"]:
        yield item
        yield from items(item) if "item" in item else ()


def texts(questionnaire: dict[str, Any], link_id: str) -> dict[str, str]:
    """The words of a question's options by code."""
    asked = next(item for item in items(questionnaire) if item["linkId"] == link_id)
    return {o["valueCoding"]["code"]: o["valueCoding"]["display"] for o in asked["answerOption"]}


def tick(page: Page, questionnaire: dict[str, Any], link_id: str, code: str) -> None:
    page.get_by_text(texts(questionnaire, link_id)[code], exact=True).first.click()


def response(page: Page, questionnaire: dict[str, Any], **elements: Any) -> dict[str, Any]:
    """What the renderer exports, for the person of the call."""
    page.wait_for_timeout(1000)  # both write answers down a moment later
    found: dict[str, Any] = page.evaluate("(given) => window.response(given)", questionnaire)
    return {**found, "id": "made", "subject": {"reference": f"Patient/{PERSON}"}, **elements}


@pytest.mark.parametrize("renderer", RENDERERS)
@pytest.mark.parametrize("name", FORMS)
def test_every_option_that_is_asked_at_once_stands_open(
    client: FlaskClient, show: Show, renderer: str, name: str
) -> None:
    questionnaire = published(client, name)
    page = show(renderer, questionnaire)
    asked = [i for i in items(questionnaire) if "answerOption" in i and "enableWhen" not in i]
    at_once = [i for i in questionnaire["item"] if i in asked and i["type"] == "choice"]
    options = [
        " ".join(o["valueCoding"]["display"].split()) for i in at_once for o in i["answerOption"]
    ]

    assert len(options) > 1
    assert page.evaluate(VISIBLE, options) == []


@pytest.mark.parametrize("renderer", RENDERERS)
def test_an_emergency_message_is_bold(client: FlaskClient, show: Show, renderer: str) -> None:
    questionnaire = published(client, FORMS[0])
    page = show(renderer, questionnaire)
    message = next(
        i
        for i in questionnaire["item"]
        if i["type"] == "display" and any(c["question"] == "rfgen" for c in i.get("enableWhen", ()))
    )
    start = " ".join(message["text"].split())[:30]
    before = page.evaluate(WEIGHT, start)
    tick(page, questionnaire, "rfgen", "severe")
    page.wait_for_timeout(500)

    assert before == 0
    assert page.evaluate(WEIGHT, start) >= BOLD


@pytest.mark.parametrize("renderer", RENDERERS)
def test_an_export_with_an_emergency_gives_the_emergency_card(
    client: FlaskClient, content: Content, show: Show, renderer: str
) -> None:
    questionnaire = published(client, FORMS[0])
    page = show(renderer, questionnaire)
    tick(page, questionnaire, "rfgen", "severe")
    export = response(page, questionnaire)
    clinic = Clinic(content, client)

    cards = clinic.cards(clinic.request(responses=[export]))
    finished = {**export, "status": "completed", "authored": utc_now().isoformat()}
    after = clinic.cards(clinic.request(responses=[finished]))

    assert not [item for item in export["item"] if item["linkId"] == "sev"]  # untouched
    assert (export["status"] == "in-progress") == (renderer in UNFINISHED)
    assert cards[0]["indicator"] == "critical"
    assert after[0]["indicator"] == "critical"


@pytest.mark.parametrize("renderer", RENDERERS)
def test_an_export_gives_the_same_cards_as_our_own_form(
    client: FlaskClient, content: Content, show: Show, renderer: str
) -> None:
    questionnaire = published(client, FORMS[0])
    page = show(renderer, questionnaire)
    answers = {"rfgen": "none", "organs": "vagina", "where": "bladder", "urine": "burn"}
    for link_id, code in answers.items():
        before = len(
            [
                t
                for t in _texts_before(questionnaire, link_id)
                if t == texts(questionnaire, link_id)[code]
            ]
        )
        page.get_by_text(texts(questionnaire, link_id)[code], exact=True).nth(before).click()
    export = response(page, questionnaire, status="completed", authored=utc_now().isoformat())
    clinic = Clinic(content, client)
    own = clinic.response(answers, authored=utc_now().isoformat())

    found = clinic.cards(clinic.request(responses=[export]))
    expected = clinic.cards(clinic.request(responses=[own]))

    assert [card["summary"] for card in found] == [card["summary"] for card in expected]
    assert len(found) > 0


def _texts_before(questionnaire: dict[str, Any], link_id: str) -> Iterator[str]:
    """The option texts of the questions that are asked at once before one."""
    for item in items(questionnaire):
        if item["linkId"] == link_id:
            return
        if "enableWhen" not in item:
            yield from (
                o["valueCoding"]["display"]
                for o in item.get("answerOption", ())
                if "valueCoding" in o
            )
