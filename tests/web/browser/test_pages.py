"""The start page and the content browser as people meet them: light, dark, on a phone, by keyboard,
and without a script."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from cds_service import create_app
from cds_service.authoring.last_run import Outcome, write_run
from cds_service.content import Content
from cds_service.web.content_pages.index import ContentIndex, address
from tests.support.clinic import NOW, settings_in

from .looking import barriers, keep, served, too_wide, watch

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PAGES = {
    "start": "/",
    "content": "/content",
    "search": "/content?q=endometriosis",
    "cause": "/content/causes/suspected-endometriosis",
    "flag": "/content/flags/RF01",
    "card": "/content/cards/urine-testing",
    "question": "/content/questions/organs",
    "fact": "/content/facts/hasUterus",
    "value-set": "/content/value-sets/endometriosis",
    "strategy": "/content/strategy/dyspareunia-workup",
    "sheet": "/content/sheet",
    "not-there": "/content/causes/none",
}
KEPT = ("start", "flag")  # as screenshots
RUN = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
WIDE, PHONE = {"width": 1200, "height": 900}, {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def origin(content: Content, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("pages")
    results = folder / "vignettes.json"
    outcomes = [
        Outcome("C16-1", "two features", "suspected-endometriosis", "C16 yes", ()),
        Outcome("C16-2", "one", "suspected-endometriosis", "C16 no", ("C16 is yes",)),
    ]
    write_run(results, content.version, RUN, outcomes)
    settings = settings_in(
        folder,
        vignette_results=results,
        clinic_url="http://127.0.0.1:8082",
        public_base_url="http://127.0.0.1",
    )
    with served(create_app(settings, lambda: NOW)) as origin:
        yield origin


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible_and_ask_nobody_else(
    browser: Browser, origin: str, scheme: str
) -> None:
    context = browser.new_context(color_scheme=scheme, viewport=WIDE)
    page = context.new_page()
    wrong = watch(page)
    found = {}

    for name, path in PAGES.items():
        page.goto(origin + path)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        if name in KEPT:
            keep(page, f"pages-{name}-{scheme}")
        found[name] = barriers(page)
    context.close()

    assert {name: lines for name, lines in found.items() if lines} == {}
    assert [line for line in wrong if "404" not in line] == []  # the page that is not there


def test_the_table_of_contents_of_a_long_page_stays_in_view(browser: Browser, origin: str) -> None:
    page = browser.new_page(viewport=WIDE)
    page.goto(f"{origin}/content/cards/pelvic-exam")
    contents = page.get_by_role("navigation", name="On this page")
    page.evaluate("scrollTo(0, 5000)")
    evidence = contents.get_by_role("link", name="Evidence")
    box = evidence.bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 200
    evidence.click()
    heading = page.get_by_role("heading", name="Evidence").bounding_box()
    below = contents.bounding_box()
    page.close()

    assert heading is not None
    assert below is not None
    assert below["y"] + below["height"] <= heading["y"] < WIDE["height"]


def test_the_link_of_a_card_ticks_the_lines_that_the_sheet_prints(
    browser: Browser, origin: str
) -> None:
    page = browser.new_page(viewport=WIDE)
    page.goto(f"{origin}/content/sheet#l=c06-1.s1")
    page.wait_for_load_state()
    values = [box.get_attribute("value") for box in page.locator("input:checked").all()]
    date = page.get_by_role("textbox", name="Date").input_value()
    page.emulate_media(media="print")
    printed = sum(line.is_visible() for line in page.locator(".line").all())
    page.close()

    assert values == ["c06-1", "s1"]
    assert len(date) == len("2026-12-01")
    assert printed == 2


def test_on_a_phone_only_tables_scroll_sideways(browser: Browser, origin: str) -> None:
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()
    sideways = {}

    for name, path in PAGES.items():
        page.goto(origin + path)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        sideways[name] = too_wide(page)
    page.goto(origin + PAGES["cause"])
    keep(page, "pages-cause-phone")
    context.close()

    assert {name: pixels for name, pixels in sideways.items() if pixels > 0} == {}


# Collects the diagrams of many pages in one page; returns how many, and the boxes that hold
# something which sticks out of them.
MEASURE = """
async paths => {
  const outside = [];
  let diagrams = 0;
  for (const path of paths) {
    const html = await (await fetch(path)).text();
    const parsed = new DOMParser().parseFromString(html, 'text/html');
    for (const diagram of parsed.querySelectorAll('ul.diagram')) {
      document.querySelector('article').append(diagram);
      diagrams += 1;
      for (const box of diagram.querySelectorAll('.box')) {
        const around = box.getBoundingClientRect();
        for (const part of box.children) {
          const own = part.getBoundingClientRect();
          const sticks = own.right > around.right || own.bottom > around.bottom;
          if (sticks) outside.push(part.textContent);
        }
      }
      diagram.remove();
    }
  }
  return [diagrams, outside];
}
"""


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_what_belongs_to_a_box_stays_inside_it(
    browser: Browser, origin: str, content: Content, viewport: dict[str, int]
) -> None:
    page = browser.new_page(viewport=viewport)
    page.goto(origin + PAGES["cause"])

    paths = [address(entry.link) for entry in ContentIndex(content).entries.values()]
    diagrams, outside = page.evaluate(MEASURE, paths)
    page.close()

    assert diagrams > len(content.sources)
    assert outside == []


def test_a_diagram_leads_on_by_keyboard_and_without_a_script(browser: Browser, origin: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(origin + PAGES["flag"])

    page.locator("ul.diagram a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/content/facts/pregnant")
    heading = page.locator("h1").inner_text()
    page.get_by_role("link", name="Content", exact=True).first.click()
    page.get_by_label("Search ids, titles, texts and codes").fill("C16")
    page.keyboard.press("Enter")
    page.wait_for_url("**/content?q=C16")
    first = page.locator(".hits a").first.inner_text()
    context.close()

    assert heading == "pregnant"
    assert first == "C16: Possible endometriosis"
