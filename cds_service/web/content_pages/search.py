"""Search over the content: every word must be there, one wrong letter in a long word is forgiven,
titles count most, and each hit shows a line of its text. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cds_service.web.content_pages.index import PageEntry

MAX_HITS = 100
AROUND = 60  # characters shown on each side of a word
FORGIVING = 5  # letters of a word from which on one may be wrong


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry, and a line around the first word as (text, is the word marked)."""

    entry: PageEntry
    snippet: tuple[tuple[str, bool], ...]


def search(entries: Sequence[PageEntry], query: str) -> list[Hit]:
    """Returns the entries that hold every word of the query: the one with that id first, then
    those with the words in their title, and those with a wrong letter forgiven last."""
    wanted = query.casefold().split()
    found = [
        (forms != wanted, _rank(entry, query.casefold(), forms), place, entry, forms)
        for place, entry in enumerate(entries)
        if (forms := [_form(word, entry) for word in wanted]) and None not in forms
    ]
    found.sort(key=lambda hit: hit[:3])
    return [Hit(entry, _snippet(entry.text, forms)) for *_, entry, forms in found[:MAX_HITS]]


def _form(word: str, entry: PageEntry) -> str | None:
    """The word as the entry has it: as part of its text, or with one letter wrong."""
    if word in entry.words:
        return word
    if len(word) < FORGIVING:
        return None
    return next((other for other in entry.vocabulary if _is_near(word, other)), None)


def _is_near(one: str, other: str) -> bool:
    """True if one letter changed, added, left out or swapped with the next makes them equal."""
    if abs(len(one) - len(other)) > 1:
        return False
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    if start is None:
        return True
    rest, there = one[start:], other[start:]
    swapped = rest[1:2] + rest[:1] + rest[2:]
    return rest[1:] == there[1:] or rest[1:] == there or rest == there[1:] or swapped == there


def _rank(entry: PageEntry, query: str, forms: Sequence[str | None]) -> int:
    names = (entry.id.casefold(), entry.link.name.casefold())
    if query in names:
        return 0
    title = f"{names[0]} {entry.title.casefold()}"
    return 1 if all(form and form in title for form in forms) else 2


def _snippet(text: str, forms: Sequence[str | None]) -> tuple[tuple[str, bool], ...]:
    """The text around the first word that is found, cut at words."""
    pattern = "|".join(re.escape(form) for form in forms if form)
    first = re.search(pattern, text, re.I)
    if first is None:
        return ()
    start = text.rfind(" ", 0, max(first.start() - AROUND, 0)) + 1
    end = text.find(" ", first.end() + AROUND)
    line = text[start : end if end >= 0 else len(text)]
    return tuple(_marked(line, pattern))


def _marked(line: str, pattern: str) -> Iterator[tuple[str, bool]]:
    for place, part in enumerate(re.split(f"({pattern})", line, flags=re.I)):
        if part:
            yield part, place % 2 == 1
