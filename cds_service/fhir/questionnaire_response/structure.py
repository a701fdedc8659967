"""Order, nesting and repetition follow the Questionnaire (4.5; R4 QuestionnaireResponse, qrs-1)."""

from __future__ import annotations

from typing import Any

from .answers import AnswerReader
from .datatypes import COMPLEX, element_problems
from .form import MAX_DEPTH, Item
from .run import Run
from .tree import Entry, Level

_FIELDS = COMPLEX["item"]


class StructureReader:
    """Builds the tree, reporting whatever does not stand where the Questionnaire says."""

    def __init__(self, run: Run) -> None:
        self._form, self._report = run.form, run.report
        self._answers = AnswerReader(run)

    def read(self, nodes: Any, level: Level) -> None:
        """Fills a level from a list of items."""
        known = self._form.below(level.item)
        last, disordered = 0, False
        for number, node in enumerate(nodes if isinstance(nodes, list) else ()):
            path = f"{level.path}.item[{number}]"
            if not self._is_item(node, path):
                continue
            item = known.get(node["linkId"])
            if item is None:
                self._stray(node, path, level.item)
                continue
            if item.place < last and not disordered:
                disordered = True
                text = "It comes later than the Questionnaire has it. Send items in its order."
                self._report.error("structure", text, path, item.link_id)
            last = max(last, item.place)
            self._entry(item, node, path, level)

    def _is_item(self, node: Any, path: str) -> bool:
        """Checks whether it can be followed further; its elements are checked on the way."""
        link_id = node.get("linkId") if isinstance(node, dict) else None
        known = link_id if isinstance(link_id, str) and link_id in self._form.items else None
        for place, text in element_problems(_FIELDS, node, path):
            self._report.error("structure", text, place, known)
        if isinstance(node, dict) and "linkId" not in node and node:
            self._report.error("required", "The item has no linkId. Send one.", path)
        return isinstance(link_id, str)

    def _entry(self, item: Item, node: dict[str, Any], path: str, level: Level) -> None:
        entry = Entry(item, level, path)
        earlier = level.found.setdefault(item.link_id, [])
        if earlier and not (item.is_group and item.repeats):
            self._report.error("structure", _repeated(item), path, item.link_id)
        earlier.append(entry)
        if item.is_group:
            self._group(entry, node)
        elif item.kind == "display":
            self._display(entry, node)
        else:
            self._question(entry, node)

    def _group(self, entry: Entry, node: dict[str, Any]) -> None:
        if "answer" in node:
            text = "A group has no answers. Put its questions below it, as items."
            self._report.error("invariant", text, f"{entry.path}.answer", entry.item.link_id)
            self._check_answers(node, entry.path, entry.item)
        self._inside(entry, node.get("item"), entry.path)

    def _display(self, entry: Entry, node: dict[str, Any]) -> None:
        for name in ("answer", "item"):
            if name in node:
                text = "A fixed text has neither answers nor items. Leave them out."
                path = f"{entry.path}.{name}"
                self._report.error("invariant", text, path, entry.item.link_id)
        self._check_answers(node, entry.path, entry.item)
        self._strays(node.get("item"), entry.path)

    def _question(self, entry: Entry, node: dict[str, Any]) -> None:
        item, path = entry.item, entry.path
        if "item" in node:
            text = "Items below a question stand below one of its answers (qrs-1). Move them."
            self._report.error("invariant", text, f"{path}.item", item.link_id)
            self._strays(node["item"], path)
        answers = node.get("answer")
        for number, answer in enumerate(answers if isinstance(answers, list) else ()):
            place = f"{path}.answer[{number}]"
            entry.sent += 1
            read = self._answers.read(item, answer, place)
            if read is not None:
                entry.answers.append(read)
            if isinstance(answer, dict):
                self._inside(entry, answer.get("item"), place)
        entry.answered = entry.answered or entry.sent > 0
        self._answers.check_together(entry)

    def _inside(self, entry: Entry, nodes: Any, path: str) -> None:
        level = Level(path, entry)
        entry.levels.append(level)
        self.read(nodes, level)
        entry.answered = entry.answered or any(inner.answered for inner in level.entries)

    # -- items that are not where they belong -------------------------------------------------

    def _stray(self, node: dict[str, Any], path: str, parent: Item | None) -> None:
        """Reports an item the Questionnaire does not have here; its answers are still checked."""
        item = self._form.items.get(node["linkId"])
        if item is None:
            text = "The Questionnaire has no item with this linkId. Send only what it asks."
            self._report.error("not-found", text, f"{path}.linkId")
        else:
            self._report.error("structure", _misplaced(item), path, item.link_id)
            self._check_answers(node, path, item)
        self._strays(node.get("item"), path)
        for number, answer in enumerate(_list(node.get("answer"))):
            if isinstance(answer, dict):
                self._strays(answer.get("item"), f"{path}.answer[{number}]")

    def _strays(self, nodes: Any, path: str) -> None:
        if nodes and path.count("].") >= MAX_DEPTH:
            self._report.error("structure", "The items are nested too deeply.", path)
            return
        for number, node in enumerate(_list(nodes)):
            place = f"{path}.item[{number}]"
            if self._is_item(node, place):
                self._stray(node, place, None)

    def _check_answers(self, node: dict[str, Any], path: str, item: Item) -> None:
        """Checks answers that have no place in the tree, so that none goes unmentioned."""
        for number, answer in enumerate(_list(node.get("answer"))):
            self._answers.read(item, answer, f"{path}.answer[{number}]")


def _repeated(item: Item) -> str:
    if item.kind == "display":
        return "A fixed text stands here twice. Send it once or not at all."
    if item.is_group:
        return "This group is asked once, but stands here again. Send it once."
    return "The question stands here again. Send one item with all its answers."


def _misplaced(item: Item) -> str:
    parent = item.line[-1] if item.line else None
    if parent is None:
        return "It stands inside another item. Move it to the top level of the response."
    way = "" if parent.is_group else "an answer of "
    return f"It is not where the Questionnaire has it. Move it below {way}item '{parent.link_id}'."


def _list(nodes: Any) -> list[Any]:
    return nodes if isinstance(nodes, list) else []
