"""A real Chromium for the browser tests: found, or installed by ``make browser``.

Where there is none the tests are skipped and say so; with ``CI`` set they fail instead.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

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
