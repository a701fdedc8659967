"""The page of reasons in a real browser: every rule, drawn for one person."""

from __future__ import annotations

import httpx

from tests.web.browser.desk import Desk
from tests.web.browser.looking import keep

MAX_WORDS, MAX_HEIGHT = 900, 4000  # of the page of reasons as it opens


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
