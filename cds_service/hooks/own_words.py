"""Words that a person typed, as inert text of a card."""

import re

_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()#+\-.!|~:@/=\"'$^])")
ISOLATE, END_ISOLATE = "\u2068", "\u2069"  # Unicode TR9: FSI and PDI
# Controls (C0, C1, DEL), the marks, embeddings, overrides and isolates of TR9, line separators.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def escape(text: str) -> str:
    """A person's words as inert Markdown: no markup, no HTML, no links, no control characters, one
    line, in bidirectional isolates (prevents reordering of the card's own words, Trojan Source)."""
    flat = _CONTROL.sub("", " ".join(text.split()))
    marked = _PUNCTUATION.sub(r"\\\1", flat)
    plain = "".join(_HTML.get(character, character) for character in marked)
    return f"{ISOLATE}{plain}{END_ISOLATE}"
