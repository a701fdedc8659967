"""The way through the form on a phone: one topic a page, no page long, nothing asked twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from cds_service import create_app, utc_now
from tests.support.clinic import settings_in
from tests.web.browser.looking import barriers, keep, served
from tests.web.browser.test_form import press_on, question

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WORDS = {
    "site emergency number": "112",
    "site help-line": "0800 555 0100",
    "site crisis line": "0800 555 0101",
}
PHONE, NARROW = {"width": 390, "height": 844}, {"width": 320, "height": 568}
WALKS = {
    "F4": ["uterus", "cervix", "ovary", "vagina"],
    "M2": ["penis", "testis", "prostate"],
    "unknown": [],
}
MOST, MOST_SHORT = 1600, 844  # pixels of a page; of one with a question of few options
OVER = {"en": 1.0, "es": 1.07}  # Spanish needs more words
LONGEST_REVIEW = 1200

Begin = Callable[..., "Page"]


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("topics")
    settings = settings_in(folder, public_base_url="http://127.0.0.1", site_words=WORDS)
    with served(create_app(settings, utc_now)) as origin:
        yield origin


@pytest.fixture
def begin(browser: Browser, origin: str) -> Iterator[Begin]:
    contexts = []

    def begun(language: str = "en", **how: object) -> Page:
        contexts.append(browser.new_context(**{"viewport": PHONE, **how}))
        page = contexts[-1].new_page()
        page.set_default_timeout(15_000)
        page.goto(f"{origin}/intake?language={language}")
        with page.expect_navigation(wait_until="load"):
            page.locator("[value=begin]").click()
        return page

    yield begun
    for context in contexts:
        context.close()


def until(page: Page, field: str) -> None:
    while not page.locator(field).count():
        press_on(page)


def height(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollHeight"))


@pytest.mark.parametrize("walk", WALKS)
@pytest.mark.parametrize("language", ["en", "es"])
def test_each_page_is_one_topic_and_at_most_two_screens(
    begin: Begin, language: str, walk: str
) -> None:
    page = begin(language)
    headings, long, found = [], {}, {}
    while not page.url.endswith("/review"):
        heading = page.locator("h1").inner_text()
        headings.append(heading)
        questions = page.locator("fieldset.question:visible")
        options = page.locator("fieldset.question:visible .option").count()
        most = MOST_SHORT if questions.count() == 1 and options <= 4 else MOST
        if height(page) > most * OVER[language]:
            long[heading] = height(page)
        if barriers(page):
            found[heading] = barriers(page)
        if page.locator('[name="v:private"]').count():
            question(page, "private", "yes").check()
        for organ in WALKS[walk]:
            if page.locator(f'[name="v:organs"][value="{organ}"]').count():
                question(page, "organs", organ).check()
        if walk == "unknown":
            keep(page, f"topic-{language}-{len(headings):02}")
        press_on(page)
    keep(page, f"topic-{language}-{walk}-review")

    assert long == {}
    assert found == {}
    assert len(set(headings)) == len(headings) >= 16
    assert not [h for h in headings if h.startswith(("Step", "Part", "Parte", "Paso"))]
    assert barriers(page) == []


@pytest.mark.parametrize("language", ["en", "es"])
def test_with_everything_skipped_the_answers_read_back_are_short(
    begin: Begin, language: str
) -> None:
    page = begin(language)
    page.goto(page.url.rpartition("/step")[0] + "/review")
    keep(page, f"topic-{language}-skipped")

    assert height(page) <= LONGEST_REVIEW
    questions = page.locator("dt").all_text_contents()
    assert len(set(questions)) == len(questions)


# Everything to press that is not a link within a sentence, and smaller than a thumb needs.
SMALL = """
() => [...document.querySelectorAll('button, .button, .look, .option, summary, dd a, .plain a')]
  .filter((one) => one.checkVisibility() && !one.matches('.unseen, .machine summary'))
  .map((one) => [one.innerText, one.getBoundingClientRect()])
  .filter(([, box]) => box.width < 44 || box.height < 44)
  .map(([text, box]) => `${text} ${box.width}x${box.height}`)
"""


@pytest.mark.parametrize("language", ["en", "es"])
def test_everything_to_press_is_large_enough_for_a_thumb(begin: Begin, language: str) -> None:
    page = begin(language)
    small = {}

    def look(name: str) -> None:
        page.evaluate("document.querySelectorAll('main details').forEach((d) => { d.open = true })")
        if page.evaluate(SMALL):
            small[name] = page.evaluate(SMALL)

    home = page.url.rpartition("/step")[0]
    question(page, "private", "yes").check()
    while not page.url.endswith("/review"):
        look(page.url)
        press_on(page)
    for path in ("/review", "/own", "/done", "/later", "/resume", ""):
        page.goto(home + path)
        look(path)

    assert small == {}


def test_emergency_signs_stand_in_four_parts(begin: Begin) -> None:
    page = begin()
    until(page, '[name="v:rfgen"]')
    boxes = page.locator('[name="v:rfgen"]')
    alone = page.locator('[name="v:rfgen"][data-alone]')

    assert page.locator("fieldset.question h3").count() == 4
    assert (boxes.count(), alone.count()) == (14, 2)
    assert [box.get_attribute("value") for box in boxes.all()][-2:] == ["none", "unsure"]


def test_worst_pain_is_eleven_radios_and_untouched_is_not_answered(begin: Begin) -> None:
    page = begin(viewport=NARROW)
    until(page, '[name="v:sev"]')
    radios = page.get_by_role("radio")
    sizes = [label.bounding_box() for label in page.locator(".scale .option").all()]

    assert radios.count() == 11
    assert page.locator('[name="v:sev"]:checked').count() == 0
    assert all(size and min(size["width"], size["height"]) >= 44 for size in sizes)
    assert page.get_by_role("radio", name="0 : No pain").count() == 1
    radios.first.focus()
    page.keyboard.press("ArrowRight")
    assert question(page, "sev", "1").is_checked()
    page.locator(".clear").first.click()
    press_on(page)
    response = page.request.get(page.url.rpartition("/step")[0] + "/answers.json").json()
    assert "sev" not in [answered["linkId"] for answered in response.get("item", [])]


def test_safety_is_asked_only_after_an_offer_to_skip_it(begin: Begin) -> None:
    page = begin()
    question(page, "private", "yes").check()
    while page.locator("[value=skip]").count() != 1 or not page.locator(".choice").count():
        assert page.locator('[name="v:safe"], [name="v:trauma"], [name="v:unwanted"]').count() == 0
        press_on(page)
    on, skip = (button.bounding_box() for button in page.locator(".choice button").all())

    assert page.locator("h1").inner_text() == "Safety and touch"
    assert page.locator("main a[href='tel:08005550100']").count() == 1
    assert "Safety" not in page.title()
    assert on is not None
    assert skip is not None
    assert (on["width"], on["height"]) == (skip["width"], skip["height"])
    press_on(page, ".choice [value=skip]")
    assert page.locator("h1").inner_text() == "How it affects you"
    press_on(page, "#answers [value=back]")
    assert page.locator('[name="v:safe"]').count() == 5


REPLIES = {
    ("safe", "no"): ["Thank you for telling us.", "If you want help now: 0800 555 0100."],
    ("safe", "unsure"): ["Thank you for telling us.", "If you want help now: 0800 555 0100."],
    ("unwanted", "longer"): ["You are not to blame.", "If you want help now: 0800 555 0100."],
    ("unwanted", "past12m"): ["You are not to blame.", "If you want help now: 0800 555 0100."],
    ("unwanted", "past5d"): ["You are not to blame. Some care works best", "You choose. 0800"],
}


def shown(page: Page) -> str:
    return " ".join(page.locator("form .display:visible").all_inner_texts())


def test_each_reply_comes_at_once_and_no_words_twice(begin: Begin) -> None:
    page = begin()
    question(page, "private", "yes").check()
    until(page, '[name="v:safe"]')

    for (link_id, code), words in REPLIES.items():
        question(page, link_id, code).check()
        assert all(text in shown(page) for text in words), code
        page.locator(f'[value="clear:{link_id}"]').click()
        assert shown(page) == ""
    for code in ("longer", "past5d"):
        question(page, "safe", "no").check()
        question(page, "unwanted", code).check()
        assert shown(page).count("You are not to blame.") == 1
        assert shown(page).count("If you want help now") == 1
    assert barriers(page) == []


def test_not_alone_the_form_says_what_it_leaves_out(begin: Begin) -> None:
    page = begin()
    words = "Some questions come only when nobody else can see your screen."

    assert words in page.locator("main").inner_text()
    question(page, "private", "no").check()
    assert words in page.locator("main").inner_text()
    question(page, "private", "yes").check()
    assert words not in page.locator("main").inner_text()
