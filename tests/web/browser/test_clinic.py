"""The demo clinic in a real browser: three origins, the public API, a person's whole visit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Route
from tests.support.hostile_fhir import until
from tests.web.browser.desk import PHONE, WIDE, ZONE, Desk


def test_a_visit_from_the_list_of_people_to_the_feedback_in_the_store(desk: Desk) -> None:
    page = desk.page
    page.goto(desk.demo.clinic)
    page.click("text=Maya Torres")
    desk.answered()
    assert desk.topics() == ["urine-testing", "self-care"]
    assert page.locator("h1").inner_text() == "Maya Torres"

    card = desk.card("urine-testing")
    assert "Important" in card.locator(".indicator").inner_text()
    assert card.locator(".lead li").first.is_visible()
    card.get_by_role("button", name="Accept: Urinalysis with microscopy").click()
    card.locator(".said", has_text="Draft order added").wait_for()

    (order,) = desk.orders("maya-torres")
    assert (order["status"], order["subject"]["reference"]) == ("draft", "Patient/maya-torres")
    assert desk.feedback("REC-UA") == [("accepted", None, None)]
    page.locator("#counted", has_text="1 accepted").wait_for()

    page.get_by_role("button", name="Sign Urinalysis").click()
    page.locator("#chart-said", has_text="Signed").wait_for()
    assert [o["status"] for o in desk.orders("maya-torres")] == ["active"]

    desk.call()
    again = desk.card("urine-testing")  # with what is left of it
    assert again.get_by_role("button", name="Accept: Urinalysis with microscopy").count() == 0
    assert again.get_by_role("button", name="Accept:").count() > 0

    def counted() -> str:
        page.goto(f"{desk.demo.clinic}/feedback")
        return page.locator("tr", has_text="Urine testing").inner_text()

    # Shown twice, the second time with the rest; a call is recorded soon after its answer.
    assert until(lambda: "1 of 2 (50%" in counted(), 10)


def test_after_accept_the_focus_is_on_what_came_of_it(desk: Desk) -> None:
    desk.open("amara-nwosu")
    card = desk.card("sti-testing")
    offered = card.get_by_role("button", name="Accept:").count()
    card.get_by_role("button", name="Accept:").first.click()
    card.locator(".said", has_text="Draft order added").wait_for()

    focused = desk.page.evaluate("document.activeElement.className")
    assert focused == "said"
    assert f"1 of {offered} chosen" in card.inner_text()
    assert card.get_by_role("button", name="Accept:").count() == offered - 1
    assert "ServiceRequest/" not in desk.page.locator("main").inner_text()
    card.locator(".said a").click()
    assert desk.page.evaluate("document.activeElement.id") == "chart"


def test_what_was_put_away_is_said_with_its_dates(desk: Desk) -> None:
    desk.open("priya-raman")
    topic = "pelvic-exam"
    buttons = desk.card(topic).get_by_role("button", name="Accept:")
    for left in range(buttons.count(), 0, -1):
        buttons.first.click()
        expect(buttons).to_have_count(left - 1)
    desk.call()

    away = desk.page.locator(".away", has_text="not shown")
    today, later = (
        (datetime.now(ZoneInfo(ZONE)) + timedelta(days=days)).strftime("%-d %b") for days in (0, 30)
    )
    assert topic not in desk.topics()
    assert f"1 card not shown: settled on {today} (until {later})" in away.inner_text()
    away.locator("summary").click()
    assert away.locator("li").first.is_visible()


@pytest.mark.parametrize(("size", "below"), [(WIDE, 500), (PHONE, 600)], ids=["wide", "phone"])
def test_cards_come_first_and_the_bench_is_folded_away(size: Any, below: int, desk: Desk) -> None:
    desk.page.set_viewport_size(size)
    desk.open("maya-torres")

    top = desk.page.locator(".card h3").first.bounding_box()
    assert top is not None
    assert top["y"] < below
    assert desk.page.locator("#hook").is_hidden()
    for card in desk.page.locator(".card").all():
        assert card.locator(".lead").is_visible()


def test_from_the_patients_form_over_the_exam_to_the_follow_up(desk: Desk) -> None:
    """The round trip: intake, card, exam recorded, second card, order, feedback, follow-up."""
    desk.open("noor-haddad")
    assert desk.topics() == ["offer-intake"]

    with _form(desk, desk.card("offer-intake").get_by_role("link", name="opens the form")) as form:
        _answer(form, SAYS, "Send my answers")
    (intake,) = _responses(desk)
    assert intake["status"] == "completed"
    assert desk.topics()[0] == "urine-testing"
    assert "Nodule" not in desk.card("pelvic-exam").locator("h3").inner_text()
    desk.page.locator("#tables dd", has_text="It burns or stings").wait_for()

    with _form(desk, desk.card("pelvic-exam").get_by_role("link", name="Record exam")) as form:
        _answer(form, SEEN, "Send")
    exam, _intake = _responses(desk)
    assert exam["author"] == {"reference": "Practitioner/dr-okonjo"}
    assert exam["encounter"] == {"reference": "Encounter/noor-haddad-visit"}
    card = desk.card("pelvic-exam")  # changed at once, without a call by hand
    assert "Nodule or fixed uterus felt" in card.locator("h3").inner_text()

    card.get_by_role("button", name="Accept: Pelvic ultrasound by a specialist").click()
    card.locator(".said", has_text="Draft order added").wait_for()
    assert [order["status"] for order in desk.orders("noor-haddad")] == ["draft"]
    assert ("accepted", None, None) in desk.feedback("REC-PELVIC")
    sheet = desk.card("self-care")
    sheet.get_by_role("button", name="Accept: Send the follow-up questions in 6 weeks").click()
    sheet.locator(".said", has_text="Draft order added").wait_for()
    (task,) = desk.demo.ehr.find("Task", patient="noor-haddad")
    assert task["restriction"]["period"].keys() == {"start", "end"}

    with _form(desk, desk.page.get_by_role("link", name="How is it now?")) as form:
        _answer(form, LATER, "Send my answers")
    followup, *_ = _responses(desk)
    assert followup["source"] == followup["subject"]
    assert desk.topics()[0] == "emergency-assessment"
    assert "follow-up" in desk.card("emergency-assessment").inner_text()


# What is said in each form: the start of a question, and the start of each answer ticked.
SAYS = {
    "Are you in a place": ["Yes"],
    "Right now or in the last 2 days, do you": ["None of these"],
    "So that we only ask": ["Womb", "Vagina or front opening"],
    "Have you had any of these from the vagina": ["None of these"],
    "Are you pregnant": ["No"],
    "When does the pain": ["Right after"],
    "Where do you feel": ["Above the pubic bone", "Deep inside"],
    "How long has this": ["6 weeks to 3 months"],
    "Do you have any of these when you pass urine": ["It burns or stings", "Often"],
    "Have you noticed any of these": ["None of these"],
}
SEEN = {
    "What was done": ["Agreed and done: outside and inside"],
    "Tender inside": ["Nodule behind"],
}
LATER = {"Right now or in the last 2 days, do you": ["Sudden, very strong"]}


@contextmanager
def _form(desk: Desk, link: Locator) -> Iterator[Page]:
    """A form in a tab of its own; afterwards the chart is looked at again."""
    with desk.context.expect_page() as opened:
        link.click()
    yield opened.value
    opened.value.close()
    # A headless browser never hides a page, so it tells of no coming back.
    with desk.page.expect_request("**/cds-services/**"):
        desk.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    desk.answered()


def _answer(form: Page, says: dict[str, list[str]], send: str) -> None:
    """Fills in the form, to the page of thanks."""
    form.get_by_role("button", name="Begin").click()
    while not form.url.endswith("/review"):
        for question, answers in says.items():
            asked = form.locator("fieldset", has=form.locator("legend", has_text=question))
            if asked.count():
                for answer in answers:
                    asked.locator("label", has_text=answer).first.click()
        step = form.url
        told = form.url.endswith("/emergency")  # what to do now, with a link to go on
        role = "link" if told else "button"
        form.get_by_role(role, name=re.compile("^(Continue|Go on)")).first.click()
        form.wait_for_url(lambda url, step=step: url != step)
    form.get_by_role("button", name=send).click()
    form.wait_for_url("**/done")


def _responses(desk: Desk) -> list[dict[str, Any]]:
    """Noor's answers to every form, the newest first."""
    found = desk.demo.ehr.find("QuestionnaireResponse", patient="noor-haddad")
    return sorted(found, key=lambda response: response["authored"], reverse=True)


def test_an_override_needs_a_reason_and_reaches_the_store(desk: Desk) -> None:
    desk.open("jordan-okafor")
    card = desk.card("sti-testing")
    card.locator("summary", has_text="Override").first.click()
    override = card.get_by_role("button", name="Override this card")
    override.click()  # no reason chosen: the browser does not let it through
    before = desk.feedback("REC-STI")

    card.get_by_label("done", exact=False).first.check()
    card.get_by_label("Comment").fill("tested last week")
    override.click()
    card.locator(".said", has_text="Overridden").wait_for()

    ((outcome, reason, comment),) = desk.feedback("REC-STI")[len(before) :]
    assert (outcome, comment) == ("overridden", "tested last week")
    assert reason == "done-elsewhere"
    assert desk.orders("jordan-okafor") == []


def test_whoever_brings_the_chart_the_cards_are_the_same(desk: Desk) -> None:
    desk.open("dana-whitfield")
    sent = desk.topics()
    desk.call(data="fetch")
    assert desk.topics() == sent
    assert len(sent) == 6

    request = desk.page.locator("#raw details.json pre").first.text_content() or ""
    assert '"fhirServer"' in request
    assert '"prefetch"' not in request


def test_other_hooks_and_why_some_cannot_be_called(desk: Desk) -> None:
    desk.open("sam-castellano")
    assert desk.topics() == []
    assert "nothing to say" in desk.page.locator("#said").inner_text()
    assert desk.page.locator("option[value=encounter-start]").is_disabled()
    words = desk.page.locator("option[value=encounter-start]").text_content() or ""
    assert "no visit today" in words

    desk.call("appointment-book")
    assert desk.topics() == ["offer-intake"]


def test_restricted_answers_take_a_click(desk: Desk) -> None:
    desk.open("dana-whitfield")
    private = desk.page.locator("#tables .private")
    assert "safe" not in desk.page.locator("#tables").inner_text().lower()

    private.locator("summary").click()
    assert "safe" in private.inner_text().lower()


def test_a_refusal_is_told_in_words(desk: Desk, watch: Any) -> None:
    def mix_up(route: Route) -> None:
        """Sends the chart of somebody else along."""
        body = route.request.post_data_json
        body["prefetch"]["patient"]["id"] = "somebody-else"
        route.continue_(post_data=body)

    desk.page.route("**/cds-services/*patient-view", mix_up)
    desk.open("henrik-larsen")

    assert "412" in desk.page.locator("#problem").inner_text()
    assert desk.page.locator(".card").count() == 0
    watch[1].complaints[:] = [c for c in watch[1].complaints if "412" not in c]


def test_without_the_service_the_chart_can_still_be_read(desk: Desk, watch: Any) -> None:
    desk.page.route("**/cds-services", lambda route: route.abort())
    desk.open("ruth-adler")

    assert desk.page.locator("h1").inner_text() == "Ruth Adler"
    assert "Postmenopausal" in desk.page.locator("#tables").inner_text()
    assert "cannot be reached" in desk.page.locator("#problem").inner_text()
    watch[1].complaints[:] = [c for c in watch[1].complaints if "ERR_FAILED" not in c]
