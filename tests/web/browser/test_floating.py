"""The emergency message that floats while ticking leaves the exit and the screen free."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.web.browser.test_form import NEXT, question
from tests.web.browser.test_topics import NARROW, PHONE, begin, origin

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["begin", "origin"]

ZOOMED = {"width": 320, "height": 256}
SHARE = 0.4  # of the window that a floating message may take
# Whether it floats, how much of the window it takes, and whether it meets the exit button.
SEEN = """() => {
  const box = document.querySelector(".display.emergency:not([hidden])");
  const b = box.getBoundingClientRect();
  const e = document.querySelector("[data-leave] button").getBoundingClientRect();
  const middle = document.elementFromPoint(e.left + e.width / 2, e.top + e.height / 2);
  return {floats: getComputedStyle(box).position === "sticky", share: b.height / innerHeight,
    meets: b.top < e.bottom && e.top < b.bottom && b.left < e.right && e.left < b.right,
    exit: middle === document.querySelector("[data-leave] button")};
}"""


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("window", [PHONE, NARROW, ZOOMED])
def test_it_leaves_the_exit_and_most_of_the_screen_free(
    begin: Callable[..., Page], window: dict[str, Any], large: bool, language: str
) -> None:
    page = begin(language, viewport=window)
    if large:
        page.locator("button.look.large").click()
        page.wait_for_selector("html.large")
    with page.expect_navigation(wait_until="load"):
        page.locator(NEXT).click()
    question(page, "rfgen", "severe").check()
    seen = page.evaluate(SEEN)

    assert seen["exit"]
    assert seen["floats"] or large or window is ZOOMED
    if seen["floats"]:
        assert not seen["meets"]
        assert seen["share"] <= SHARE
