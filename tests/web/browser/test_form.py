"""The patient's form in a browser: with a script and without, by keyboard, read by machines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cds_service import create_app, utc_now
from tests.support.clinic import settings_in
from tests.web.browser.looking import barriers, keep, served, too_wide, watch
from tests.web.form.forms import Garden, control, ext, item, questionnaire

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NEXT = "#answers .actions [value=next]"
ONWARD = f"{NEXT}, .actions a.second[href^='/intake/']"  # also of the page of an emergency
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)> **bold** [link](https://evil.example)"
MAX_BYTES = 40_000  # of a page as it travels
# A page without a session is not found; a message that has the focus gives way to what a link asks
# for; a page that is left while it loads cancels what it asked for.
EXPECTED = re.compile("status of 404|Autofocus|^failed: http://127")

Look = Callable[..., "Page"]


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("form")
    app = create_app(settings_in(folder, public_base_url="http://127.0.0.1"), utc_now)
    with served(app) as origin:
        yield origin


@pytest.fixture
def look(browser: Browser, origin: str) -> Iterator[Look]:
    """Opens pages; after the test, whatever they did wrong fails it."""
    contexts, wrong = [], []

    def opened(path: str, **how: Any) -> Page:
        context = browser.new_context(**how)
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        wrong.append(watch(page))
        page.goto(f"{origin}{path}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [text for one in wrong for text in one if not EXPECTED.search(text)] == []


def begin(page: Page) -> None:
    with page.expect_navigation(wait_until="load"):
        page.get_by_role("button", name="Begin").click()


def question(page: Page, link_id: str, value: str) -> Any:
    return page.locator(f'[name="v:{link_id}"][value="{value}"]')


def press_on(page: Page, where: str = NEXT) -> None:
    """Presses a button and waits for the whole next page: half of it lacks fields and style."""
    with page.expect_navigation(wait_until="load"):
        page.locator(where).click()


def onward(page: Page, field: str) -> None:
    """Presses Continue until a field is there, past the page of an emergency too."""
    for _ in range(30):
        if page.locator(field).count():
            return
        press_on(page, ONWARD)
    raise AssertionError(f"{field} is on no page")


def test_the_whole_form_works_without_a_script(look: Look) -> None:
    page = look("/intake", java_script_enabled=False)
    begin(page)
    question(page, "private", "yes").check()
    press_on(page)
    question(page, "rfgen", "severe").check()
    press_on(page)
    assert page.url.endswith("/emergency")
    assert "can be an emergency" in page.locator("h1:focus").inner_text()
    page.get_by_role("link", name="Continue with the form").click()
    assert page.url.endswith("/step/3")
    assert "can be an emergency" in page.get_by_role("alert").first.inner_text()
    question(page, "organs", "penis").check()
    question(page, "organs", "decline").check()
    press_on(page)
    page.locator(".errors:focus").wait_for()
    page.locator(".errors a").click()
    question(page, "organs", "decline").uncheck()
    onward(page, '[name="v:rfpen"]')  # a person without a vagina is not asked about one
    assert "part 4 of" in page.locator(".progress").inner_text().lower()
    onward(page, '[name="v:sev"]')
    question(page, "sev", "7").check()
    onward(page, 'textarea[name="v:other"]')
    page.locator("textarea").fill("It began in spring.")
    page.locator('[value="back"]').click()
    press_on(page)
    assert page.locator("textarea").input_value() == "It began in spring."
    press_on(page)

    assert page.url.endswith("/review")
    for folded in page.locator("main details").all():
        folded.locator("summary").click()
    text = page.locator("main").inner_text()
    for words in ("Penis", "7", "It began in spring."):
        assert words in text
    page.get_by_role("link", name=re.compile("^Change ?: How bad")).click()
    question(page, "sev", "8").check()
    press_on(page)
    page.get_by_role("button", name="Finish").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Save my answers as a file").click()
    saved = Path(download.value.path()).read_text(encoding="utf-8")
    assert '"valueInteger": 8' in saved
    page.get_by_role("button", name="Leave this page now").click()
    assert page.url.endswith("/blank")


def test_the_whole_form_works_by_keyboard_alone(look: Look) -> None:
    page = look("/intake")
    press_until(page, "Begin")
    page.keyboard.press("Enter")
    page.wait_for_url("**/step/1")
    tab_to(page, "v:private", most=12)
    page.keyboard.press("Space")
    for _ in range(30):
        if page.url.endswith("/review"):
            break
        if page.locator('[name="v:rfgen"]').count():
            tab_to(page, "v:rfgen", most=12)
            page.keyboard.press("Space")
            assert question(page, "rfgen", "severe").is_checked()
            said = page.get_by_role("alert").filter(has_text="can be an emergency").first
            assert said.is_visible()
        if page.locator('[name="v:sev"]').count():
            tab_to(page, "v:sev", most=16)  # the message with its telephone link stands before it
            page.keyboard.press("Space")
            for _ in range(6):
                page.keyboard.press("ArrowRight")
        before = page.url
        emergency = page.url.endswith("/emergency")
        gate = page.locator(".choice").count() > 0
        words = "Continue with the form" if emergency else "Go on" if gate else "Continue"
        press_until(page, words)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url, before=before: url != before)
    assert "6" in page.locator("main").inner_text()
    press_until(page, "Finish")
    page.keyboard.press("Enter")
    page.wait_for_url("**/done")


def tab_to(page: Page, name: str, most: int = 200) -> None:
    """Presses Tab until a field of that name has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == name:
            return
    raise AssertionError(f"{name} cannot be reached by keyboard")


def press_until(page: Page, words: str) -> None:
    """Presses Tab until a button with those words has the focus, visibly."""
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText") == words:
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid"
            return
    raise AssertionError(f"{words!r} cannot be reached by keyboard")


LOOKS = {
    "phone-light-en": ("en", {"viewport": {"width": 320, "height": 640}, "color_scheme": "light"}),
    "desktop-dark-es": ("es", {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"}),
}


@pytest.mark.parametrize("name", LOOKS)
def test_every_kind_of_page_can_be_read_by_everybody(look: Look, origin: str, name: str) -> None:
    language, how = LOOKS[name]
    page = look(f"/intake?language={language}&size=large", **how)

    def checked(what: str) -> None:
        assert barriers(page) == [], what
        assert too_wide(page) <= 0, what
        assert page.locator("html").get_attribute("lang") == language
        keep(page, f"form-{name}-{what}")

    checked("start")
    page.locator("[value=begin]").click()
    question(page, "private", "yes").check()
    onward(page, '[name="v:rfgen"]')
    question(page, "rfgen", "chesthead").check()
    checked("step")
    press_on(page)
    checked("emergency")
    onward(page, '[name="v:organs"]')
    page.evaluate(
        "['vagina', 'decline'].forEach((code) => "
        "document.querySelector(`[value=${code}]`).checked = true)"
    )
    press_on(page)
    checked("error")
    question(page, "organs", "decline").uncheck()
    onward(page, '[name="v:sev"]')
    checked("scale")
    question(page, "sev", "9").check()
    onward(page, '[name="v:safe"]')
    question(page, "safe", "no").check()
    checked("private")
    press_on(page, "[value='size:normal']")
    assert question(page, "safe", "no").is_checked()
    onward(page, "textarea")
    checked("words")
    press_on(page)
    for path in ("review", "later", "resume", "print", "done"):
        page.goto(f"{origin}/intake/{path}?language={language}")
        checked(path)
    page.context.clear_cookies()
    page.goto(f"{origin}/blank")
    assert barriers(page) == []


@pytest.mark.parametrize("size", ["normal", "large"])
def test_an_emergency_is_seen_at_once_on_a_phone(size: str, look: Look) -> None:
    """Also when the first of many options is ticked, below which it stands."""
    page = look(f"/intake?size={size}", viewport={"width": 360, "height": 640})
    begin(page)
    onward(page, '[name="v:rfgen"]')
    question(page, "rfgen", "severe").check()
    said = page.get_by_role("alert").filter(has_text="can be an emergency").bounding_box()
    keep(page, f"emergency-phone-{size}")

    assert said is not None
    assert said["y"] > 0
    assert said["y"] + said["height"] <= 640
    assert said["height"] < 320  # the question is seen as well
    for _ in range(4):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getBoundingClientRect().bottom") < said["y"]


def test_the_emergency_page_fits_a_phone_and_names_what_to_do(look: Look) -> None:
    page = look("/intake", viewport={"width": 390, "height": 844})
    begin(page)
    onward(page, '[name="v:rfgen"]')
    question(page, "rfgen", "severe").check()
    press_on(page)
    link = page.get_by_role("link", name="Continue with the form").bounding_box()
    keep(page, "emergency-page")

    assert page.evaluate("document.activeElement.tagName") == "H1"
    assert barriers(page) == []
    assert link is not None
    assert link["y"] + link["height"] <= 844
    assert link["height"] >= 44
    page.get_by_role("link", name="I ticked this by mistake").click()
    question(page, "rfgen", "severe").uncheck()
    press_on(page)
    assert page.url.endswith("/step/3")
    assert page.get_by_role("alert").filter(has_text="can be an emergency").count() == 0


def test_the_script_shows_and_clears_at_once(look: Look) -> None:
    page = look("/intake")
    begin(page)
    question(page, "private", "no").check()
    page.get_by_role("button", name=re.compile("^Clear this answer ?: Are you in")).click()
    assert not question(page, "private", "no").is_checked()
    press_on(page)
    assert page.url.endswith("/step/2")  # nothing new was left unseen
    question(page, "rfgen", "severe").check()
    assert page.get_by_role("alert").filter(has_text="can be an emergency").is_visible()
    question(page, "rfgen", "none").check()
    assert not question(page, "rfgen", "severe").is_checked()
    assert not page.get_by_role("alert").filter(has_text="can be an emergency").is_visible()
    onward(page, '[name="v:dry"]')
    assert not page.locator('[name="v:dryother"]').first.is_visible()
    question(page, "dry", "most").check()
    assert page.locator('[name="v:dryother"]').first.is_visible()


def test_a_number_on_a_scale_is_typed_or_slid(browser: Browser, tmp_path: Path) -> None:
    scale = [
        control("slider"),
        ext("minValue", valueInteger=0),
        ext("maxValue", valueInteger=10),
    ]
    asked = questionnaire(item("size", "integer", extension=scale))
    with served(Garden(tmp_path, asked, secure=False).app) as origin:
        page = browser.new_page()
        page.goto(f"{origin}/intake")
        begin(page)
        number, slider = page.locator('[name="v:size"]'), page.get_by_role("slider")
        assert number.input_value() == ""
        slider.press("ArrowRight")
        assert number.input_value() == "6"
        number.fill("2")
        assert slider.input_value() == "2"
        page.close()


def test_what_people_write_is_only_ever_text(look: Look, origin: str) -> None:
    page = look("/intake")
    said: list[str] = []
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    begin(page)
    onward(page, "textarea")
    written_on = page.url.removeprefix(f"{origin}/intake/")
    page.locator("textarea").fill(EVIL)
    press_on(page)
    for path in ("review", written_on, "done"):
        page.goto(f"{origin}/intake/{path}")
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        shown = page.locator("main").inner_text() + page.evaluate(
            "[...document.querySelectorAll('textarea')].map((area) => area.value).join()"
        )
        assert (EVIL in shown) == (path != "done")  # the last page never holds what is private
        assert page.locator("main img, main script, main strong, main a[href*=evil]").count() == 0
    assert said == []


@pytest.mark.parametrize("way", ["button", "keys"])
def test_leaving_shows_a_blank_page_and_there_is_no_way_back(look: Look, way: str) -> None:
    page = look("/intake")
    begin(page)
    question(page, "private", "yes").check()
    press_on(page)
    page.wait_for_url("**/step/2")
    if way == "button":
        page.get_by_role("button", name="Leave this page now").click()
    else:
        for _ in range(3):
            page.keyboard.press("Escape")
    page.wait_for_url("**/blank")

    assert page.locator("body").inner_text().strip() == "Page"
    assert page.title() == "Page"
    page.go_back()
    assert "There is no open form here" in page.locator("main").inner_text()
    assert page.context.cookies() == []


def test_every_page_is_light(look: Look) -> None:
    page = look("/intake")
    begin(page)
    while True:
        page.wait_for_load_state("load")
        sizes = page.evaluate(WEIGHTS)
        assert {"site.css", "intake.css", "intake.js"} <= sizes.keys()
        assert sum(sizes.values()) < MAX_BYTES, sizes
        if page.url.endswith("/review"):
            return
        press_on(page)


WEIGHTS = """() => Object.fromEntries(
    ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
        .map((entry) => [entry.name.split("/").pop(), entry.encodedBodySize]))"""
