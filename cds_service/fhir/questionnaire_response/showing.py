"""What a form shows for the answers given so far: the validator's reading, for those who ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .enablement import Enablement, Truth
from .form import Form, Item
from .header import ROOT
from .run import Run
from .structure import StructureReader
from .tree import Level


class Showing:
    """Which items of a form are shown beside a response; where a group or question stands several
    times, the first counts. Any JSON may come in; it never raises."""

    def __init__(self, form: Form, response: Mapping[str, Any]) -> None:
        self._enablement = Enablement(form)
        self._levels: dict[str, Level] = {}
        run, top = Run(form, dict(response), {}, None), Level(ROOT)
        StructureReader(run).read(response.get("item"), top)
        self._place(form.top, top)

    def _place(self, items: Mapping[str, Item], level: Level) -> None:
        for link_id, item in items.items():
            self._levels[link_id] = level
            entry = next(iter(level.found.get(link_id, ())), None)
            if entry is not None and entry.levels:
                self._place(item.children, entry.levels[0])

    def shown(self, item: Item) -> Truth:
        """Whether the item is asked; None where that cannot be decided. What stands below a
        question without an answer has no place in a response, so it is not."""
        level = self._levels.get(item.link_id)
        return False if level is None else self._enablement.is_enabled(item, level)

    def conditions(self, item: Item) -> tuple[Truth, ...]:
        """Whether each condition of the item holds, in their order."""
        level = self._levels.get(item.link_id)
        if level is None:
            return (False,) * len(item.conditions)
        return tuple(self._enablement.is_met(c, item, level) for c in item.conditions)
