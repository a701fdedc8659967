"""What a service answers becomes text, never markup of its own."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from demo.clinic.markdown import render, split


def test_the_markdown_of_a_card_is_shown_as_it_is_meant() -> None:
    html = render("**Why**\n\n- one\n- [source](https://example.org/a)\n\n| a |\n| - |\n| b |")

    assert "<strong>Why</strong>" in html
    assert "<li>one</li>" in html
    assert "<td>b</td>" in html
    assert 'href="https://example.org/a"' in html
    assert 'rel="noopener noreferrer"' in html


@pytest.mark.parametrize(
    ("text", "lead", "rest"),
    [
        (
            "**Why**\n\n- one\n- two\n\n**Do now**\n\n- three\n- four\n\n**Basis:** five",
            "**Why**\n\n- one\n\n**Do now**\n\n- three\n- four",
            "- two\n\n**Basis:** five",
        ),
        (
            "**Why:** one\n\n**Do now:** two\n\n**Basis:** x",
            "**Why:** one\n\n**Do now:** two",
            "**Basis:** x",
        ),
        ("One paragraph.", "One paragraph.", ""),
        ("One.\n\nTwo.", "One.\n\nTwo.", ""),
        ("", "", ""),
    ],
)
def test_the_first_reason_and_what_to_do_are_always_visible(
    text: str, lead: str, rest: str
) -> None:
    assert split(text) == (lead, rest)


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![x](https://example.org/x.png)",
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](http://example.org)",
        "<https://example.org/ onclick=alert(1)>",
        '[x](https://example.org "onmouseover=alert(1)")',
        "<style>*{display:none}</style>",
        "<iframe src=https://example.org></iframe>",
    ],
)
def test_nothing_runs_loads_or_leads_elsewhere(text: str) -> None:
    found = Elements(render(text))

    assert found.names <= {"p", "a"}
    for name, value in found.attributes:
        assert name in ("title", "target", "rel") or (name, value[:8]) == ("href", "https://")


class Elements(HTMLParser):
    """The elements of a piece of HTML, and their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
