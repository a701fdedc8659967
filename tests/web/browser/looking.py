"""Looking at pages in a real browser: a service on loopback, and everything a page does wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.support.clinic import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCREENSHOTS = ROOT / "var" / "screenshots"
GRAVE = ("moderate", "serious", "critical")


class Quiet(WSGIRequestHandler):
    """Serves without a word."""

    def log(self, type: str, message: str, *args: object) -> None:
        pass


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The application on a free port of 127.0.0.1; gives its origin."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def watch(page: Page) -> list[str]:
    """A list that fills with whatever a page must not do: errors in the console (among them every
    breach of its Content-Security-Policy), failed requests, requests to other origins."""
    wrong: list[str] = []

    def asked(url: str) -> None:
        here = urlsplit(page.url).netloc
        there = urlsplit(url)
        if there.scheme in ("http", "https") and here and there.netloc != here:
            wrong.append(f"asked another origin: {url}")

    page.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
    page.on("request", lambda request: asked(request.url))
    return wrong


def barriers(page: Page) -> list[str]:
    """What axe-core finds that is more than minor: rule, element and what to do."""
    page.wait_for_load_state()  # a page whose style has not arrived has other colours
    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {node['target']}: {node['failureSummary']}"
        for rule in found
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]


def too_wide(page: Page) -> int:
    """By how many pixels the page scrolls sideways."""
    page.wait_for_load_state()
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def keep(page: Page, name: str) -> None:
    """A screenshot of the whole page under ``var/screenshots``."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
