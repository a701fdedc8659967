"""Telephone numbers in texts as links that dial (RFC 3966). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from markupsafe import Markup, escape

NUMBER = re.compile(r"\+?\d[\d ().-]*\d")
MIN_DIGITS = 3  # as in 112


def dialled(text: str) -> str | None:
    """The ``tel:`` address of the first number in a text; None where it has no number."""
    match = NUMBER.search(text)
    digits = re.sub(r"[^\d+]", "", match[0]) if match else ""
    return f"tel:{digits}" if len(digits.lstrip("+")) >= MIN_DIGITS else None


def with_links(text: str, site_words: Mapping[str, str]) -> Markup:
    """A text as HTML, in which the site's telephone words are links."""
    html = str(escape(text))
    for word in sorted(set(site_words.values()), key=len, reverse=True):
        address, written = dialled(word), str(escape(word))
        if address:
            html = html.replace(written, f'<a href="{address}">{written}</a>')
    return Markup(html)  # noqa: S704 - escaped above; the address is digits
