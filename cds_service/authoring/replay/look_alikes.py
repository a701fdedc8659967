"""Codings that no value set holds although their words say what one is about.

The words are data, ``value_sets/look-alikes.tsv``: of each value set the phrases that a display may
hold, and those that tell it apart. A phrase is met when each of its words begins a word of the
display. They only point a reader to codes worth mapping: no rule reads them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cds_service.content.model import Content

FILE = "look-alikes.tsv"
WORD = re.compile(r"[^\W_]+")
Phrases = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Words:
    """The phrases of one value set, and those that rule it out."""

    phrases: Phrases
    unless: Phrases

    def match(self, words: list[str]) -> bool:
        """Checks whether the words of a display look like the value set."""
        return _any(self.phrases, words) and not _any(self.unless, words)


def read_words(folder: Path) -> dict[str, Words]:
    """Value set id -> its words, from the folder of value sets; empty without the file. Raises
    ValueError for a line that has not three columns."""
    path = folder / FILE
    if not path.exists():
        return {}
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()[1:], 2):
        columns = line.split("\t")
        if len(columns) != len(("value set", "words", "unless")):
            raise ValueError(f"{path}: line {number} must have three columns, set apart by tabs")
        name, phrases, unless = columns
        found[name] = Words(_phrases(phrases), _phrases(unless))
    return found


def _phrases(text: str) -> Phrases:
    return tuple(
        tuple(WORD.findall(phrase.lower())) for phrase in text.split(",") if phrase.strip()
    )


def _any(phrases: Phrases, words: list[str]) -> bool:
    return any(
        all(any(word.startswith(start) for word in words) for start in phrase) for phrase in phrases
    )


class LookAlikes:
    """Finds the value sets that a display looks like, among those asked for at its place."""

    def __init__(self, content: Content, words: dict[str, Words]) -> None:
        self._words = words
        self._asked: dict[tuple[str, str], set[str]] = {}
        for requirement in content.requirements.values():
            place = (requirement.type, requirement.main.path)
            name = (requirement.main.value_set or "").rpartition("/")[2]
            self._asked.setdefault(place, set()).add(name)

    def of(self, kind: str, element: str, display: str) -> Iterator[str]:
        """Yields the ids of value sets, in order."""
        words = WORD.findall(display.lower())
        for name in sorted(self._asked.get((kind, element), ())):
            if name in self._words and self._words[name].match(words):
                yield name
