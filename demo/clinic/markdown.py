"""A card's Markdown as HTML that is safe to show: no HTML of its own, https links, no images."""

from __future__ import annotations

import nh3
from markdown_it import MarkdownIt

TEXT = {"p", "br", "hr", "em", "strong", "del", "code", "pre", "blockquote", "a"}
BLOCKS = {"ul", "ol", "li", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"}
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def split(text: str) -> tuple[str, str]:
    """Divides a card's detail into what is always visible and the rest, both Markdown.

    A part begins with bold words. Visible are the first line of the first part and the second part
    (why, then what to do); without parts, the first paragraph.
    """
    parts: list[list[str]] = []
    for block in filter(None, (block.strip() for block in text.split("\n\n"))):
        if block.startswith("**") or not parts:
            parts.append([block])
        else:
            parts[-1].append(block)
    if not parts:
        return "", ""
    head, *more = "\n\n".join(parts[0]).split("\n- ")
    lead = [f"{head}\n- {more[0]}" if more else head, *map("\n\n".join, parts[1:2])]
    rest = [*("- " + line for line in more[1:]), *map("\n\n".join, parts[2:])]
    return "\n\n".join(lead), "\n\n".join(rest)


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
