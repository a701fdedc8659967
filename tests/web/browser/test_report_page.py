"""The page of reports in a browser: accessible, on a phone, and printed on two pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from cds_service.content import Content
from tests.web.reports.made_stores import app_with, many

from .looking import barriers, keep, served, too_wide, watch

if TYPE_CHECKING:
    from playwright.sync_api import Browser

OPERATOR = {"username": "anyone", "password": "open"}
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def origin(content: Content, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(app_with(many, content, tmp_path_factory.mktemp("many"))) as origin:
        yield origin


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_the_page_is_accessible_and_asks_nobody_else(
    browser: Browser, origin: str, viewport: dict[str, int], scheme: str
) -> None:
    context = browser.new_context(
        color_scheme=scheme, viewport=viewport, http_credentials=OPERATOR, java_script_enabled=True
    )
    page = context.new_page()
    wrong = watch(page)

    page.goto(f"{origin}/reports")
    keep(page, f"reports-{viewport['width']}-{scheme}")
    sideways = too_wide(page)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    found = barriers(page)
    context.close()

    assert found == []
    assert wrong == []
    assert sideways <= 0


def test_it_prints_on_two_pages(browser: Browser, origin: str) -> None:
    context = browser.new_context(http_credentials=OPERATOR, viewport=WIDE)
    page = context.new_page()
    page.goto(f"{origin}/reports")

    printed = page.pdf(format="A4", margin=dict.fromkeys(("top", "bottom", "left", "right"), "1cm"))
    context.close()

    assert len(re.findall(rb"/Type\s*/Page\b", printed)) <= 2
