"""The demo clinic in a real browser: three origins, the public API, a person's whole visit."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route
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
    assert "urine-testing" not in desk.topics()
    page.goto(f"{desk.demo.clinic}/feedback")
    row = page.locator("tr", has_text="Urine testing").inner_text()
    assert "1 of 1 (100%" in row


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


def test_from_the_patients_form_to_the_order_and_the_feedback(desk: Desk) -> None:
    page = desk.page
    desk.open("noor-haddad")
    assert desk.topics() == ["offer-intake"]

    with desk.context.expect_page() as opened:
        desk.card("offer-intake").get_by_role("link", name="opens the form for this person").click()
    _answer(opened.value)

    (response,) = desk.demo.ehr.find("QuestionnaireResponse", patient="noor-haddad")
    assert response["status"] == "completed"
    page.bring_to_front()
    desk.call()
    assert desk.topics()[0] == "urine-testing"
    page.locator("#tables dd", has_text="It burns or stings").wait_for()
    card = desk.card("urine-testing")
    card.get_by_role("button", name="Accept").first.click()
    card.locator(".said", has_text="Draft order added").wait_for()

    assert [order["status"] for order in desk.orders("noor-haddad")] == ["draft"]
    assert ("accepted", None, None) in desk.feedback("REC-UA")


# What Noor says: the start of a question, and the start of each answer she ticks.
SAYS = {
    "Are you in a place": ["Yes"],
    "Right now or in the last 2 days, do you": ["None of these"],
    "So that we only ask": ["Womb", "Vagina or front opening"],
    "Have you had any of these from the vagina": ["None of these"],
    "Are you pregnant": ["No"],
    "When does the pain": ["Right after"],
    "Where do you feel": ["Above the pubic bone"],
    "How long has this": ["More than once, under"],
    "Do you have any of these when you pass urine": ["It burns or stings", "Often"],
    "Have you noticed any of these": ["None of these"],
}


def _answer(form: Page) -> None:
    """Fills in the form as the patient, to the page of thanks."""
    form.get_by_role("button", name="Begin").click()
    while "/intake/step/" in form.url:
        for question, answers in SAYS.items():
            asked = form.locator("fieldset", has=form.locator("legend", has_text=question))
            if asked.count():
                for answer in answers:
                    asked.locator("label", has_text=answer).first.click()
        step = form.url
        form.get_by_role("button", name=re.compile("^(Continue|Go on)$")).click()
        form.wait_for_url(lambda url, step=step: url != step)
    form.get_by_role("button", name="Send my answers").click()
    form.wait_for_url("**/intake/done")


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
