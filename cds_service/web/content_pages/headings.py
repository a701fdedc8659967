"""The headings of a page as its table of contents. Pure."""

from __future__ import annotations

import re
from html import unescape

from markupsafe import Markup

HEADING = re.compile(r"<h2(?: id=\"([^\"]+)\")?>(.*?)</h2>", re.S)
TAG = re.compile(r"<[^>]+>")
MIN_HEADINGS = 3  # of a page that has a table of contents


def with_ids(page: str) -> Markup:
    """The HTML of a page in which every second heading has an id; made of its words where the
    template gave none."""

    def numbered(match: re.Match[str]) -> str:
        return f'<h2 id="{match[1] or _id(match[2])}">{match[2]}</h2>'

    return Markup(HEADING.sub(numbered, page))  # noqa: S704 - the templates' own HTML, ids are words


def headings(page: str) -> list[tuple[str, str]]:
    """The id and the words of each second heading of a page that :func:`with_ids` made; empty where
    it has too few of them to need a table of contents."""
    found = [(match[1], _words(match[2])) for match in HEADING.finditer(page)]
    return found if len(found) >= MIN_HEADINGS else []


def _words(html: str) -> str:
    return unescape(TAG.sub("", html)).strip()


def _id(html: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", _words(html).lower()).strip("-")
