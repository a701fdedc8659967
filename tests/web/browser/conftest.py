"""A real Chromium for the browser tests: found, or installed by ``make browser``.

Where there is none the tests are skipped and say so; with ``CI`` set they fail instead.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from demo.running import Demo
from demo.servers import Ports
from tests.demo.test_servers import free_ports
from tests.web.browser.desk import WIDE, ZONE, Desk
from tests.web.browser.watching import Watch

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--disable-quic", "--disable-background-networking"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for the run; tests open contexts of their own in it."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CDS_TEST_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        words = "no Chromium found: run `make browser` as root, or set CDS_TEST_BROWSER"
        if "CI" in os.environ:
            pytest.fail(words)
        pytest.skip(words)
    with sync_playwright() as playwright:
        as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS + as_root)
        yield browser
        browser.close()


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
