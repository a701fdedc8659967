"""How far back a chart entry may lie: whole hours or days, said once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .breaking import FACTS, Broken, Document, Edit, find


def dated(document: Document) -> Document:
    """The first chart fact that looks back."""
    return next(d for d in document["dataRequirement"] if "dateFilter" in d)


def look_back(**changes: Any) -> Edit:
    return lambda d: dated(d)["dateFilter"][0]["valueDuration"].update(changes)


def second_look_back(document: Document) -> None:
    dates = dated(document)["dateFilter"]
    dates.append(dates[0])


BROKEN: list[Broken] = [
    ("look-back-unit", FACTS, look_back(code="mo"), FACTS, "dataRequirement", "number of h or d"),
    ("look-back-part", FACTS, look_back(value=1.5), FACTS, "dataRequirement", "number of h or d"),
    ("two-look-backs", FACTS, second_look_back, FACTS, "dataRequirement", "one dateFilter at most"),
]


@pytest.mark.parametrize("broken", BROKEN, ids=[name for name, *_ in BROKEN])
def test_what_is_wrong_is_found_where_it_is(broken: Broken, folder: Path) -> None:
    find(broken, folder)
