"""Which items a form shows for the answers given so far: of a response, or of answers by linkId."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .enablement import Enablement, Truth
from .form import Form, Item
from .header import ROOT
from .run import Run
from .structure import StructureReader
from .tree import Answer, Entry, Level


class Showing:
    """Decides enableWhen for each item of a form; where a group or question stands several times,
    the first counts."""

    def __init__(self, form: Form) -> None:
        self._enablement = Enablement(form)
        self._levels: dict[str, Level] = {}

    @classmethod
    def of_response(cls, form: Form, response: Mapping[str, Any]) -> Showing:
        """Reads a QuestionnaireResponse; any JSON may come in, and it never raises."""
        showing, top = cls(form), Level(ROOT)
        run = Run(form, dict(response), {}, None)
        StructureReader(run).read(response.get("item"), top)
        showing._place(form.top, top)
        return showing

    @classmethod
    def of_answers(cls, form: Form, answers: Mapping[str, list[Answer]]) -> Showing:
        """Takes readable answers by linkId, wherever they stood. An empty list is a question that
        was answered with nothing readable."""
        showing = cls(form)
        showing._fill(form.top, Level(ROOT), answers)
        return showing

    def _place(self, items: Mapping[str, Item], level: Level) -> None:
        for link_id, item in items.items():
            self._levels[link_id] = level
            entry = next(iter(level.found.get(link_id, ())), None)
            if entry is not None and entry.levels:
                self._place(item.children, entry.levels[0])

    def _fill(
        self, items: Mapping[str, Item], level: Level, answers: Mapping[str, list[Answer]]
    ) -> None:
        for link_id, item in items.items():
            self._levels[link_id] = level
            given = answers.get(link_id)
            if given is None and not item.children:
                continue
            sent = 0 if given is None else len(given) or 1
            entry = Entry(item, level, ROOT, sent, given or [])
            level.found[link_id] = [entry]
            if item.children:
                entry.levels.append(Level(ROOT, entry))
                self._fill(item.children, entry.levels[0], answers)

    def shown(self, item: Item) -> Truth:
        """Checks whether the item is asked; None where that cannot be decided. What stands below a
        question without an answer has no place in a response, so it is not."""
        level = self._levels.get(item.link_id)
        return False if level is None else self._enablement.is_enabled(item, level)

    def conditions(self, item: Item) -> tuple[Truth, ...]:
        """Checks whether each condition of the item holds, in their order."""
        level = self._levels.get(item.link_id)
        if level is None:
            return (False,) * len(item.conditions)
        return tuple(self._enablement.is_met(c, item, level) for c in item.conditions)
