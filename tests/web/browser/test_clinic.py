"""The demo clinic in a real browser: three origins, the public API, a person's whole visit."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from playwright.sync_api import expect

from demo.running import Demo
from demo.servers import Ports
from tests.demo.test_servers import free_ports
from tests.web.browser.looking import barriers, keep, too_wide
from tests.web.browser.watching import Watch

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route

PHONE = {"width": 390, "height": 844}
WIDE = {"width": 1280, "height": 900}
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>[x](javascript:alert(3)) **bold**"
ILL = "hostile-person"
MAX_WORDS, MAX_HEIGHT = 900, 4000  # of the page of reasons as it opens


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    settings = {
        "CDS_DATABASE_URL": f"sqlite:///{folder}/cds.sqlite3",
        "CDS_KEY_FILE": f"{folder}/cds.key",
    }
    demo = Demo(Ports(*free_ports(3)), folder, settings, say=lambda _: None).start()
    yield demo
    demo.stop()


class Desk:
    """A clinician at the clinic's page, and what the servers know afterwards."""

    def __init__(self, demo: Demo, context: BrowserContext) -> None:
        self.demo = demo
        self.context = context
        self.page: Page = context.new_page()

    def open(self, person: str) -> None:
        """Opens a chart and waits for the answer of the hook that opening it fires."""
        self.page.goto(f"{self.demo.clinic}/people/{person}")
        self.answered()

    def answered(self) -> None:
        """The page says when it is done."""
        self.page.wait_for_selector("#support[aria-busy=false]")

    def call(self, hook: str = "patient-view", data: str = "prefetch") -> None:
        self.page.evaluate("document.getElementById('bench').open = true")
        self.page.select_option("#hook", hook)
        self.page.check(f"input[name=data][value={data}]")
        self.page.click("#fire")
        self.answered()

    def topics(self) -> list[str]:
        cards = self.page.locator(".card").all()
        return [card.get_attribute("data-topic") or "" for card in cards]

    def card(self, topic: str) -> Locator:
        return self.page.locator(f".card[data-topic={topic}]")

    def orders(self, person: str) -> list[dict[str, Any]]:
        return self.demo.ehr.find("ServiceRequest", patient=person)

    def feedback(self, card: str) -> list[tuple[str, str | None, str | None]]:
        """(outcome, reason, comment) of a card's feedback, as the service's own store has it."""
        query = """select f.outcome, f.reason_code, f.comment from feedback f
            join cards c on c.id = f.card_id where c.card = ? order by f.id"""
        with closing(sqlite3.connect(self.demo.folder / "cds.sqlite3")) as store:
            return list(store.execute(query, (card,)))

    def why(self) -> Page:
        with self.context.expect_page() as opened:
            self.page.click("text=Why these cards")
        opened.value.wait_for_load_state()
        return opened.value


ZONE = "Europe/Madrid"  # of the browser


@pytest.fixture
def watch(browser: Browser, demo: Demo) -> Iterator[tuple[BrowserContext, Watch]]:
    """A fresh visitor; whatever they do, no policy is broken and no other origin is called."""
    context = browser.new_context(viewport=WIDE, timezone_id=ZONE)
    watch = Watch(context)
    yield context, watch
    context.close()
    assert watch.complaints == []
    assert watch.origins <= {demo.clinic, demo.service, demo.fhir.removesuffix("/fhir")}


@pytest.fixture
def desk(demo: Demo, watch: tuple[BrowserContext, Watch]) -> Desk:
    return Desk(demo, watch[0])


# -- a visit ---------------------------------------------------------------------------------


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


def test_why_tells_every_rule_with_what_it_used_and_can_be_filtered(desk: Desk) -> None:
    desk.open("maya-torres")
    told = desk.why()
    everything = told.locator(".rule").count()
    assert everything > 60
    assert told.locator(".rule:visible").count() == 0

    told.fill("#words", "C18")
    urinary = told.locator(".rule:visible", has=told.locator("code", has_text="C18")).first
    assert urinary.get_attribute("data-answer") == "yes"
    told.fill("#words", "prostat")
    assert 0 < told.locator(".rule:visible").count() < everything / 2
    told.fill("#words", "")
    told.uncheck("input[value=no]")
    assert "no" not in {
        rule.get_attribute("data-answer") for rule in told.locator(".rule:visible").all()
    }


def test_why_draws_each_source_of_each_card_for_this_person(desk: Desk) -> None:
    desk.open("tomas-novak")
    cards = len(desk.topics())
    told = desk.why()

    assert told.locator(".because").count() == cards
    for card in told.locator(".because").all():
        assert card.locator(".source > summary").first.is_visible()
        assert card.locator(".diagram").count() >= 1
    support = told.locator(".box.support:visible").first
    assert "✓ yes" in support.inner_text()
    keep(told, "why-drawn")
    words = len(told.locator("main").inner_text().split())
    assert words <= MAX_WORDS
    assert told.evaluate("document.documentElement.scrollHeight") <= MAX_HEIGHT

    version = httpx.get(f"{desk.demo.service}/health/ready").json()["content"]["version"]
    assert version in told.locator("main").inner_text()
    assert told.locator(".timeline svg").get_attribute("role") == "img"


# -- what may go wrong -----------------------------------------------------------------------


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


def test_nothing_a_person_or_a_chart_says_becomes_markup(desk: Desk, demo: Demo) -> None:
    _admit_somebody_hostile(demo)
    desk.open(ILL)
    page = desk.page
    _open_all(page)

    assert "private-conversation" in desk.topics()
    assert page.locator("h1").inner_text() == HOSTILE
    assert HOSTILE in page.locator("#tables").inner_text()
    quoted = "".join(desk.card("private-conversation").locator(".markdown").all_inner_texts())
    assert "onerror=alert(1)" in quoted
    _assert_inert(page)
    told = desk.why()
    _open_all(told)
    _assert_inert(told)


def test_nothing_a_service_answers_becomes_markup(desk: Desk, demo: Demo) -> None:
    """Whatever a service says in its cards, the clinic shows words."""
    bad = "javascript:alert(4)"
    card = {
        "uuid": "c",
        "summary": HOSTILE,
        "detail": f"{HOSTILE}\n\n<b onclick=alert(5)>b</b> ![x](https://example.org/x.png) <{bad}>",
        "indicator": HOSTILE,
        "source": {"label": HOSTILE, "url": bad, "topic": {"code": "x"}},
        "suggestions": [
            {"label": HOSTILE, "actions": [{"type": "create", "description": HOSTILE}]}
        ],
        "overrideReasons": [{"code": "x", "system": "x", "display": HOSTILE}],
        "links": [{"label": HOSTILE, "url": bad, "type": "absolute"}],
    }
    desk.page.route(
        "**/cds-services/*patient-view",
        lambda route: route.fulfill(
            json={"cards": [card]}, headers={"Access-Control-Allow-Origin": "*"}
        ),
    )
    desk.open("grace-lindqvist")
    _open_all(desk.page)

    assert desk.page.locator(".card h3").inner_text() == HOSTILE
    _assert_inert(desk.page)


def _admit_somebody_hostile(demo: Demo) -> None:
    subject = {"reference": f"Patient/{ILL}"}
    patient = {"resourceType": "Patient", "id": ILL, "name": [{"text": HOSTILE}]}
    answers = demo.ehr.find("QuestionnaireResponse", patient="dana-whitfield")[0]
    other = {"linkId": "other", "answer": [{"valueString": HOSTILE}]}
    problem = {"resourceType": "Condition", "id": f"{ILL}-1", "subject": subject}
    result = {"resourceType": "Observation", "id": f"{ILL}-2", "subject": subject}
    for resource in (
        {**patient, "birthDate": "1990-01-01", "gender": "female"},
        {**answers, "id": f"{ILL}-0", "subject": subject, "item": [*answers["item"], other]},
        {**problem, "code": {"text": HOSTILE}},
        {**result, "status": "final", "code": {"text": HOSTILE}, "valueString": HOSTILE},
    ):
        demo.ehr.put(resource)


def _open_all(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")


def _assert_inert(page: Page) -> None:
    """No element but our own: no picture, no frame, no handler, no link that runs something."""
    assert page.locator("main img, main script, main iframe, main b").count() == 0
    found = page.evaluate(
        """[...document.querySelectorAll('main *')].flatMap((e) => [...e.attributes]
            .filter((a) => a.name.startsWith('on') || /^(javascript|data):/i.test(a.value))
            .map((a) => a.name + '=' + a.value))"""
    )
    assert found == []


# -- for everybody -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("colours", "size"), [("light", WIDE), ("dark", PHONE)], ids=["wide-light", "phone-dark"]
)
def test_every_view_is_open_to_everybody(colours: Any, size: Any, desk: Desk, demo: Demo) -> None:
    page = desk.page
    page.emulate_media(color_scheme=colours)
    page.set_viewport_size(size)
    name = f"clinic-{'phone' if size is PHONE else 'wide'}-{colours}"
    page.goto(demo.clinic)
    findings = _looked_at(page, f"{name}-people")
    for person in ("noor-haddad", "mateo-ruiz", "tomas-novak"):
        desk.open(person)
        page.evaluate("document.querySelectorAll('.card details').forEach(d => d.open = true)")
        findings += _looked_at(page, f"{name}-{person}")
    told = desk.why()
    told.emulate_media(color_scheme=colours)
    told.set_viewport_size(size)
    findings += _looked_at(told, f"{name}-why")
    page.goto(f"{demo.clinic}/feedback")
    page.wait_for_selector("table")
    findings += _looked_at(page, f"{name}-feedback")

    assert findings == []


def _looked_at(page: Page, name: str) -> list[str]:
    """Keeps a picture of the view, and says what is wrong with it."""
    keep(page, name)
    overflow = too_wide(page)
    return [*barriers(page), *([f"{name} is {overflow} px too wide"] if overflow > 0 else [])]
