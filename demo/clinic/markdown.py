"""A card's Markdown as HTML that is safe to show: no HTML of its own, https links, no images."""

from __future__ import annotations

import nh3
from markdown_it import MarkdownIt

TEXT = {"p", "br", "hr", "em", "strong", "del", "code", "pre", "blockquote", "a"}
BLOCKS = {"ul", "ol", "li", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"}
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def render(text: str) -> str:
    """HTML of GitHub-flavoured Markdown; links open in a tab of their own."""
    return nh3.clean(
        _MARKDOWN.render(text),
        tags=TEXT | BLOCKS,
        attributes={"a": {"href", "target"}, "ol": {"start"}},
        set_tag_attribute_values={"a": {"target": "_blank"}},
        url_schemes={"https"},
        link_rel="noopener noreferrer",
    )
