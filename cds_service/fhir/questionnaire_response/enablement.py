"""Which items are enabled (R4 Questionnaire.item.enableWhen; 4.2).

The one place that decides it, for the validator, the rules and the form, with nested and repeated
items: a disabled item disables what is in it, an answer to a disabled question does not count, and
``!=`` needs an answer to differ from. True, False, or None where it cannot be decided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .form import ENABLE_EXPRESSION, Condition, Form, Item
from .ordering import same, sign
from .tree import Answer, Entry, Level

MAX_CHAIN = 50  # conditions that wait for one another; a longer chain is not decided

Truth = bool | None
_ORDERS: Mapping[str, Callable[[int], bool]] = {
    ">": lambda order: order > 0,
    "<": lambda order: order < 0,
    ">=": lambda order: order >= 0,
    "<=": lambda order: order <= 0,
}


class Enablement:
    """Decides each item of each level once."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._chain = 0

    def is_enabled(self, item: Item, level: Level) -> Truth:
        """Checks whether the form shows the item there, given what was answered."""
        if item.unconditional:
            return True
        shown = level.shown
        if item.link_id not in shown:
            shown[item.link_id] = None  # what waits for itself is not decided
            shown[item.link_id] = self._decide(item, level)
        return shown[item.link_id]

    def _decide(self, item: Item, level: Level) -> Truth:
        if self._chain >= MAX_CHAIN:
            return None
        self._chain += 1
        try:
            outer = True if level.entry is None else self._is_shown(level.entry)
            own = self._own(item, level) if outer is not False else False
            return own if outer or own is False else None
        finally:
            self._chain -= 1

    def _is_shown(self, entry: Entry) -> Truth:
        return self.is_enabled(entry.item, entry.level)

    def _own(self, item: Item, level: Level) -> Truth:
        if ENABLE_EXPRESSION in item.extensions:
            return None
        if not item.conditions:
            return True
        settling, undecided = not item.enable_all, False  # "any" ends at true, "all" at false
        for condition in item.conditions:
            met = self.is_met(condition, item, level)
            if met is settling:
                return settling
            undecided = undecided or met is None
        return None if undecided else not settling

    def is_met(self, condition: Condition, item: Item, level: Level) -> Truth:
        """Checks whether one condition of the item holds there."""
        target = self._form.items.get(condition.question)
        if target is None or not condition.kind:
            return None
        entry = nearest(target, item, level)
        if entry is None:
            return _unanswered(condition)
        if condition not in entry.met:
            entry.met[condition] = self._on_entry(condition, entry)
        return entry.met[condition]

    def _on_entry(self, condition: Condition, entry: Entry) -> Truth:
        shown = self._is_shown(entry)
        if shown is False:
            return _unanswered(condition)
        answer = _unanswered(condition) if not entry.sent else _meets(condition, entry)
        return answer if shown or answer is False else None


def _unanswered(condition: Condition) -> Truth:
    return condition.value is False if condition.operator == "exists" else False


def _meets(condition: Condition, entry: Entry) -> Truth:
    """A repeating question meets a condition with any answer; ``!=`` takes all of them.

    An answer that could not be read leaves open what it would have said.
    """
    operator, value = condition.operator, condition.value
    if operator == "exists":
        return value is True
    if operator not in _ORDERS and operator not in ("=", "!="):
        return None
    undecided = entry.sent > len(entry.answers)
    for answer in entry.answers:
        met = _compare(answer, operator, value)
        if met:
            return operator != "!="
        undecided = undecided or met is None
    return None if undecided else operator == "!="


def _compare(answer: Answer, operator: str, value: Any) -> Truth:
    """The comparison for one answer; ``!=`` is compared as ``=``."""
    if operator in ("=", "!="):
        return same(answer.kind, answer.value, value)
    order = sign(answer.kind, answer.value, value)
    return None if order is None else _ORDERS[operator](order)


def nearest(target: Item, item: Item, level: Level) -> Entry | None:
    """The occurrence of a question nearest to an item (R4: ancestors, preceding, following).

    Climbs to the closest level on the way to the target, then goes down by the repetitions next to
    the item: the last of those before it, the first of those after it.
    """
    if not target.line and level.entry is None:  # both at the top, as in most forms
        found = level.found.get(target.link_id)
        return found[-1 if target.place < item.place else 0] if found else None
    branch = item
    while level.entry is not None and level.entry.item not in (*target.line, target):
        branch, level = level.entry.item, level.entry.level
    if level.item is target:
        return level.entry
    here = 0 if level.item is None else len(level.item.line) + 1
    steps = [*target.line, target][here:]
    side = -1 if steps and steps[0].place < branch.place else 0
    return _descend(steps, level, side)


def _descend(steps: list[Item], level: Level, side: int) -> Entry | None:
    entry = None
    for number, step in enumerate(steps):
        found = level.found.get(step.link_id)
        if not found:
            return None
        entry = found[side]
        if number < len(steps) - 1:
            if not entry.levels:
                return None
            level = entry.levels[side]
    return entry
