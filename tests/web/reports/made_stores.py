"""Three stores: empty, with a few calls, and with many calls on two content versions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from flask import Flask

from cds_service import create_app
from cds_service.app.assembly import HOOK_CALLS
from cds_service.content import Content
from cds_service.store import Store
from tests.support.clinic import settings_in
from tests.support.made_records import DAY, NOW, SERVICE, accepted, call, card, overridden

CLIENT, OTHER = "https://ehr.example.org", "https://other.example.org"
LATER = NOW + timedelta(minutes=3)
FLAGGED = "REC-UA"


def nothing(_store: Store, _content: Content) -> None:
    """Nobody called."""


def few(store: Store, _content: Content) -> None:
    """Three calls of one client."""
    taken, left, set_aside = card("REC-UA"), card("REC-UA"), card("REC-SELF")
    for shown in (taken, left, set_aside):
        store.record_call(call(shown))
    reactions = [accepted(taken, LATER), overridden(set_aside, "their own <b>code</b>", LATER)]
    store.save_feedback(SERVICE, CLIENT, reactions, LATER)


def many(store: Store, content: Content) -> None:
    """Every card shown 60 times, on two versions, by two clients; one is nearly always refused."""
    names = [one.id for one in content.cards.values()]
    offered = tuple(f"{r['system']}|{r['code']}" for r in content.override_reasons.values())
    for number in range(60):
        version = "0.1.0+older" if number < 30 else "0.1.0+newer"
        client = OTHER if number % 3 == 0 else CLIENT
        shown = [card(name, overrides=offered) for name in names]
        at = NOW - DAY * (60 - number) / 2
        store.record_call(call(*shown, at=at, content_version=version, client=client))
        acted = at + timedelta(seconds=40 + number)
        reasons = ("done-elsewhere", None, "not-indicated")
        items = [
            overridden(one, reasons[number % 3], acted)
            if one.card == FLAGGED and number % 10
            else accepted(one, acted)
            for one in shown
            if one.card == FLAGGED or number % 2
        ]
        store.save_feedback(SERVICE, client, items, acted)


def app_with(fill: Callable[[Store, Content], None], content: Content, folder: Path) -> Flask:
    """A service with a report token and a filled store."""
    app = create_app(settings_in(folder, report_token="open"), lambda: NOW + DAY)
    fill(app.extensions[HOOK_CALLS].store, content)
    return app
