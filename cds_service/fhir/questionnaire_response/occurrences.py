"""Numbers of answers: required, minOccurs, maxOccurs, nothing where disabled (4.5).

minOccurs says how many answers there are if there is one; only ``required`` (R4: meaningful for
enabled items) says that there must be one. A required group needs one answered descendant. What
stands inside a group that was not sent is not asked for.
"""

from __future__ import annotations

from .enablement import Enablement
from .form import MAX_OCCURS, MIN_OCCURS, Form, Item
from .problems import Severity
from .run import Run
from .tree import Entry, Level


class OccurrenceChecker:
    """Walks the tree once more, now that it is known what is enabled."""

    def __init__(self, run: Run) -> None:
        self._run, self._report, self._form = run, run.report, run.form
        self.enablement = Enablement(run.form)
        self._undecided: set[str] = set()

    def check(self, level: Level) -> None:
        """Checks a level and all below it."""
        for entry in level.entries:
            if self._report.full:
                return
            if self._shown(entry.item, level, entry.path) is False:
                self._disabled(entry)
                continue
            for inner in entry.levels:
                self.check(inner)
        for item in _demanding(self._form, level):
            if self.enablement.is_enabled(item, level):
                self._count(item, level)

    def _shown(self, item: Item, level: Level, path: str) -> bool | None:
        shown = self.enablement.is_enabled(item, level)
        if shown is None and item.link_id not in self._undecided:
            self._undecided.add(item.link_id)
            text = "Not checked: whether it is shown cannot be decided here."
            self._report.warn("not-supported", text, path, item.link_id)
        return shown

    def _disabled(self, entry: Entry) -> None:
        if not entry.answered:
            return
        text = "It is answered, but other answers say that it is not asked. Leave it out."
        kept: Severity = "information"  # while in progress, an answer may be needed again (4.2)
        severity = "error" if self._run.complete else kept
        self._report.add(severity, "business-rule", text, entry.path, entry.item.link_id)

    def _count(self, item: Item, level: Level) -> None:
        entries = level.found.get(item.link_id, [])
        path = entries[0].path if entries else level.path
        answered = sum(1 for e in entries if e.answered) if item.is_group else 0
        count = answered if item.is_group else sum(entry.sent for entry in entries)
        if item.required and item.kind != "display" and not count:
            what = "nothing in this group is answered" if item.is_group else "it is not answered"
            self._run.missing("required", f"Required, but {what}. Answer it.", path, item.link_id)
            return
        self._bounds(item, path, count)

    def _bounds(self, item: Item, path: str, count: int) -> None:
        least, most = item.count(MIN_OCCURS), item.count(MAX_OCCURS)
        what = "repetitions" if item.is_group else "answers"
        if least is not None and 0 < count < least:
            text = f"It has too few {what}; at least {least} are needed."
            self._run.missing("required", text, path, item.link_id)
        if most is not None and count > most:
            text = f"It has too many {what}; at most {most} are allowed."
            self._run.missing("business-rule", text, path, item.link_id)


def _demanding(form: Form, level: Level) -> list[Item]:
    return form.demanding if level.item is None else level.item.demanding
