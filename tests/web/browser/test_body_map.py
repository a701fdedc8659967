"""The drawing beside "Where do you feel it?": another way to tick the same boxes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from cds_service.content.drawings import body_maps, regions_of
from tests.web.browser.looking import barriers, keep, too_wide
from tests.web.browser.test_form import NEXT, question
from tests.web.browser.test_topics import NARROW, PHONE, begin, origin

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from cds_service.content import Content

__all__ = ["begin", "origin"]

DESK = {"width": 1280, "height": 900}
MAX_HEIGHT = 620  # of the drawings on a phone
THUMB = 44

Begin = Callable[..., "Page"]

CHOSEN = "(n) => getComputedStyle(document.querySelector(`.n${n} path`)).fillOpacity"
SIZES = """() => [...document.querySelectorAll("foreignObject")]
  .flatMap((one) => [one.getBoundingClientRect().width, one.getBoundingClientRect().height])"""


def at_the_question(page: Page, *organs: str) -> Page:
    while not page.locator('[name="v:where"]').count():
        for organ in organs:
            if question(page, "organs", organ).count():
                question(page, "organs", organ).check()
        with page.expect_navigation(wait_until="load"):
            page.locator(NEXT).click()
    return page


def ticked(page: Page) -> list[str]:
    return [box.get_attribute("value") for box in page.locator('[name="v:where"]:checked').all()]


def regions(content: Content) -> dict[str, str]:
    """Every region with the code it stands for."""
    items = content.questionnaire.resource["item"]
    where: dict[str, Any] = next(item for item in items if list(body_maps(item, content.drawings)))
    return {
        region: option["valueCoding"]["code"]
        for option in where["answerOption"]
        for region in regions_of(option)
    }


@pytest.mark.parametrize("script", [True, False])
def test_each_region_ticks_its_box_and_pressed_again_clears_it(
    begin: Begin, content: Content, script: bool
) -> None:
    page = at_the_question(begin(java_script_enabled=script, viewport=PHONE))
    wrong = {}
    for region, code in regions(content).items():
        for expected in ([code], []):
            press(page, region)
            if ticked(page) != expected:
                wrong[region] = ticked(page)

    assert wrong == {}


def press(page: Page, region: str) -> None:
    """Presses a region where its number stands."""
    number = page.locator(f"#{region} + text")
    number.evaluate("(one) => one.scrollIntoView({block: 'center'})")
    box = number.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def test_what_is_pressed_is_in_the_answers(begin: Begin) -> None:
    page = at_the_question(begin(java_script_enabled=False))
    press(page, "front-deep")
    with page.expect_navigation(wait_until="load"):
        page.locator(NEXT).click()
    page.goto(page.url.rpartition("/step")[0] + "/own")

    assert "Deep inside, lower belly or pelvis" in page.locator("main").inner_text()
    assert page.locator(".region.chosen").count() == 1
    assert page.locator("svg.drawing").count() == 2


@pytest.mark.parametrize(
    ("organs", "drawn"),
    [
        (["uterus", "vagina"], "v"),
        (["neovagina"], "v"),
        (["penis", "testis"], "p"),
        (["notsure"], "vp"),
        ([], "vp"),
        (["vagina", "neopenis"], "vp"),
    ],
)
def test_the_close_ups_fit_the_body_or_all_are_there(
    begin: Begin, organs: list[str], drawn: str
) -> None:
    page = at_the_question(begin(), *organs)

    assert [k for k in "vp" if page.locator(f"#{k}-anus").count()] == list(drawn)
    assert page.locator("#front-belly, #back-low").count() == 2


def test_keyboards_and_screen_readers_have_the_boxes_alone(begin: Begin) -> None:
    page = at_the_question(begin())
    boxes = page.locator('[name="v:where"]')
    boxes.first.focus()
    page.keyboard.press("Space")
    ring = page.locator(".n1 path").first.evaluate("(one) => getComputedStyle(one).strokeWidth")
    page.keyboard.press("Tab")
    tree = page.locator("fieldset.question").aria_snapshot()

    assert ticked(page) == ["opening"]
    assert page.evaluate(CHOSEN, 1) == "1"
    assert page.locator(".n1 tspan").first.is_visible()
    assert float(ring.removesuffix("px")) >= 3
    assert page.evaluate("document.activeElement.value") == "clitoris"
    names = [line for line in tree.splitlines() if "checkbox" in line]
    assert len(set(names)) == boxes.count() == len(names)
    assert not {"img", "button"} & {line.strip("- ").split(" ")[0] for line in tree.splitlines()}
    assert 'checkbox "Clitoris"' in tree


def test_not_sure_clears_the_drawing_and_what_is_folded_stays_folded(begin: Begin) -> None:
    page = at_the_question(begin())
    press(page, "front-belly")
    question(page, "where", "unsure").check()
    assert (
        page.locator(".region path").first.evaluate("(p) => getComputedStyle(p).fillOpacity") == "0"
    )

    page.locator(".map summary").click()
    page.locator(NEXT).click()
    page.go_back()
    assert not page.locator("svg.drawing").first.is_visible()
    assert page.locator(".map summary").inner_text() == "Show the drawing"


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("phone", {"viewport": PHONE}),
        ("dark", {"viewport": PHONE, "color_scheme": "dark"}),
        ("forced", {"viewport": PHONE, "forced_colors": "active"}),
        ("narrow", {"viewport": NARROW}),
        ("desk", {"viewport": DESK}),
        ("large", {"viewport": NARROW}),
    ],
)
def test_it_fits_every_screen(begin: Begin, language: str, name: str, how: dict[str, Any]) -> None:
    page = at_the_question(begin(language, **how))
    if name == "large":
        page.locator("button.look.large").click()
        page.wait_for_selector("html.large")
    press(page, "front-deep")
    press(page, "back-low")
    keep(page, f"map-{language}-{name}")

    assert min(page.evaluate(SIZES)) >= THUMB
    assert too_wide(page) <= 0
    assert barriers(page) == []
    drawings = page.locator(".map").bounding_box()
    options = page.locator(".mapped .options").bounding_box()
    assert drawings is not None
    assert options is not None
    if name == "desk":
        assert drawings["x"] + drawings["width"] <= options["x"]
    else:
        assert drawings["height"] <= MAX_HEIGHT
        assert drawings["y"] + drawings["height"] <= options["y"] + 1
