"""A clinician at the page of the demo clinic, and what the servers know afterwards."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from demo.running import Demo

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page

PHONE = {"width": 390, "height": 844}
WIDE = {"width": 1280, "height": 900}
ZONE = "Europe/Madrid"  # of the browser


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
