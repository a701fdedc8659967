"""A response in the shape of its Questionnaire: levels of entries, answers inside entries.

A level is one list of items that stand side by side: the whole response, one repetition of a
group, or what stands below one answer. Only what is where it belongs is in the tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .form import Condition, Item


@dataclass(slots=True, eq=False)
class Level:
    """``shown`` remembers which items are enabled here, for `enablement`."""

    path: str
    entry: Entry | None = None  # what it stands in; None at the top
    found: dict[str, list[Entry]] = field(default_factory=dict)
    shown: dict[str, bool | None] = field(default_factory=dict)

    @property
    def item(self) -> Item | None:
        """The item of the Questionnaire whose children stand here."""
        return None if self.entry is None else self.entry.item

    @property
    def entries(self) -> Iterator[Entry]:
        """The entries, those of one item together."""
        return (entry for entries in self.found.values() for entry in entries)


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A value of the right type; ``kind`` is its value[x] name without ``value``."""

    kind: str
    value: Any
    path: str


@dataclass(slots=True, eq=False)
class Entry:
    """One item of the response. ``sent`` counts all its answers, ``answers`` are the readable."""

    item: Item
    level: Level
    path: str
    sent: int = 0
    answers: list[Answer] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    answered: bool = False  # it, or anything inside it
    met: dict[Condition, bool | None] = field(
        default_factory=dict
    )  # conditions already decided on it
