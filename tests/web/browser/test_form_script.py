"""The form's script decides as the server does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.web.browser.looking import served
from tests.web.form.forms import Garden, coding, control, ext, item, options, questionnaire, when

if TYPE_CHECKING:
    from playwright.sync_api import Browser
from tests.web.browser.test_form import begin, press_on

PAIRS: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
    (item("a", "boolean"), when("a", "=", answerBoolean=True), ["true", "false"]),
    (item("b", "boolean"), when("b", "exists", answerBoolean=False), ["true"]),
    (item("c", "integer"), when("c", ">", answerInteger=3), ["3", "4", "20"]),
    (item("d", "decimal"), when("d", "<=", answerDecimal=2.5), ["2,5", "2.6", "10"]),
    (item("e", "integer"), when("e", "!=", answerInteger=3), ["3", "4"]),
    (item("f", "date"), when("f", "<", answerDate="2024-01-01"), ["2023-12-31", "2024-01-02"]),
    (item("g", "string"), when("g", "=", answerString="ja"), ["ja", "nein"]),
    (
        item("h", "choice", answerOption=options("x", "y"), extension=[control("drop-down")]),
        when("h", "=", answerCoding=coding("y")),
        ["x", "y"],
    ),
    (
        item(
            "i",
            "integer",
            extension=[
                control("slider"),
                ext("minValue", valueInteger=0),
                ext("maxValue", valueInteger=10),
            ],
        ),
        when("i", ">=", answerInteger=7),
        ["6", "7"],
    ),
]


@contextmanager
def pairs(folder: Path) -> Iterator[str]:
    asked = [
        part
        for number, (one, condition, _) in enumerate(PAIRS)
        for part in (one, item(f"then-{number}", "string", enableWhen=[condition]))
    ]
    grouped = questionnaire(item("all", "group", "All", item=asked))
    with served(Garden(folder, grouped, secure=False).app) as origin:
        yield origin


def test_the_script_shows_what_the_server_shows(browser: Browser, tmp_path: Path) -> None:
    with pairs(tmp_path) as origin:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{origin}/intake")
        begin(page)
        for number, (one, _, values) in enumerate(PAIRS):
            for value in values:
                name = f'[name="v:{one["linkId"]}"]'
                if one["type"] == "boolean":
                    page.locator(f'{name}[value="{value}"]').check()
                elif one["type"] == "choice":
                    page.locator(name).select_option(value)
                else:
                    page.locator(name).fill(value)
                then = page.locator(f'fieldset:has(> [name="s:then-{number}"])')
                by_script = then.is_visible()
                press_on(page, "[value='size:normal']")  # keeps the answers, and stays
                assert then.is_visible() == by_script, (one["linkId"], value)
        context.close()
