"""What the form prints, the first page that names emergencies, and the last that names nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.web.browser.looking import barriers, keep, too_wide
from tests.web.browser.test_form import ONWARD, question
from tests.web.browser.test_topics import NARROW, PHONE, WORDS, begin, origin

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["begin", "origin"]

TYPICAL = {
    "private": ["yes"],
    "rfgen": ["none"],
    "organs": ["uterus", "cervix", "ovary", "vagina"],
    "rfvag": ["none"],
    "where": ["deep", "opening"],
    "when": ["during", "after"],
    "dur": ["gt6m"],
    "sev": ["7"],
    "trigger": ["deep", "period"],
    "bleed": ["aftersex"],
    "urine": ["burn"],
    "gyn": ["dysmen", "famendo"],
    "stirisk": ["newpartner"],
    "safe": ["no"],
    "distress": ["lot"],
}
PRIVATE = ("A new partner", "Do you feel safe", "Neck of the womb")


def answered(page: Page) -> None:
    """Answers what a typical person answers, to the page that reads it back."""
    while not page.url.endswith("/review"):
        for link_id, codes in TYPICAL.items():
            for code in codes:
                if question(page, link_id, code).count():
                    question(page, link_id, code).check()
        with page.expect_navigation(wait_until="load"):
            page.locator(ONWARD).click()


def pages_of(page: Page) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4")))


def test_own_answers_print_on_two_pages_with_their_date_and_nothing_private(
    begin: Callable[..., Page],
) -> None:
    page = begin()
    answered(page)
    page.get_by_role("button", name="Finish").click()
    page.wait_for_url("**/done")
    keep(page, "done")
    last, held = page.locator("main").inner_text(), page.content()
    onward = page.get_by_role("link", name="Print my answers")
    assert barriers(page) == []
    onward.click()
    page.wait_for_url("**/own")
    keep(page, "own")
    without = page.locator("main").inner_text()

    assert "Nothing was sent" in last
    assert page.locator("a[href='tel:112']").count() == 0
    assert "do not wait: call 112" in last
    for text in PRIVATE:
        assert text not in held
        assert text not in without
    assert re.search(r"Answered: \d{4}-\d\d-\d\d \d\d:\d\d UTC", without)
    assert "Emergency answers hold until" in without
    assert "Deep inside, lower belly or pelvis" in without
    assert page.get_by_role("button", name="Print", exact=True).is_visible()
    assert barriers(page) == []
    assert pages_of(page) <= 2
    page.get_by_role("link", name="Also print private answers").click()
    page.wait_for_url("**/own?private=1")
    assert all(text in page.locator("main").inner_text() for text in PRIVATE)


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_blank_form_prints_on_four_pages(browser: Browser, origin: str, language: str) -> None:
    page = browser.new_page()
    page.goto(f"{origin}/intake/print?language={language}")
    text = page.locator("main").inner_text()
    found, pages = barriers(page), pages_of(page)
    keep(page, f"print-{language}")
    page.close()

    assert pages <= 4
    assert found == []
    assert text.index("112") < text.index("☐") + 400
    assert "☐" in text


@pytest.mark.parametrize("viewport", [PHONE, NARROW], ids=["phone", "narrow"])
@pytest.mark.parametrize("language", ["en", "es"])
def test_the_first_page_begins_with_emergencies(
    browser: Browser, origin: str, language: str, viewport: dict[str, int]
) -> None:
    page = browser.new_page(viewport=viewport)
    page.goto(f"{origin}/intake?language={language}")
    call = page.locator("main a[href='tel:112']").first.bounding_box()
    before = page.evaluate(
        "document.querySelector('main a[href^=tel]').compareDocumentPosition("
        "document.querySelector('main h1')) & Node.DOCUMENT_POSITION_FOLLOWING"
    )
    keep(page, f"start-{language}-{viewport['width']}")
    found, sideways = barriers(page), too_wide(page)
    page.locator(".first a[href*=print]").click()
    page.wait_for_url("**/print?*#emergency")
    page.close()

    assert call is not None
    assert call["y"] + call["height"] <= viewport["height"]
    assert before
    assert found == []
    assert sideways <= 0


def test_every_page_says_that_nothing_is_sent(begin: Callable[..., Page]) -> None:
    page = begin()
    words = "You are not signed in: your answers are not sent."
    pages = 0
    while not page.url.endswith("/review"):
        assert words in page.locator("footer").inner_text(), page.url
        pages += 1
        with page.expect_navigation(wait_until="load"):
            page.locator(ONWARD).click()

    assert pages > len(WORDS)
    assert words in page.locator("footer").inner_text()
