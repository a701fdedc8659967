"""The groups of people by which the report tells rates, from ``groups.yaml``."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from cds_service.decision.evaluate import Answer

NOT_KNOWN, NONE = "not known", "none of these"


@dataclass(frozen=True, slots=True)
class Groups:
    """``ages`` are the first ages of the bands; ``anatomy`` maps a named fact to its word."""

    ages: tuple[int, ...]
    anatomy: Mapping[str, str]

    @property
    def bands(self) -> tuple[str, ...]:
        """The names of the bands, youngest first."""
        return (*(self._band(place) for place in range(len(self.ages))), NOT_KNOWN)

    def band(self, age: int | None) -> str:
        """The band of an age in whole years."""
        return NOT_KNOWN if age is None else self._band(max(bisect_right(self.ages, age) - 1, 0))

    def _band(self, place: int) -> str:
        first = self.ages[place]
        return f"{first}-{self.ages[place + 1] - 1}" if place + 1 < len(self.ages) else f"{first}+"

    def anatomy_of(self, answers: Mapping[str, Answer]) -> str:
        """The group of the answers of the named facts."""
        if not answers or any(a not in (Answer.YES, Answer.NO) for a in answers.values()):
            return NOT_KNOWN
        words = [self.anatomy[name] for name, answer in answers.items() if answer is Answer.YES]
        return " and ".join(words) or NONE


@cache
def read_groups() -> Groups:
    """The groups of the file."""
    path = Path(__file__).with_name("groups.yaml")
    read: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Groups(tuple(read["ages"]), dict(read["anatomy"]))
