"""Answers: a value of the item's type, one of its options, within its limits (4.5)."""

from __future__ import annotations

from typing import Any

from .codes import CodeSets, exclusive_beside_others, is_option, takes
from .datatypes import COMPLEX, element_problems, type_problems
from .form import Item, key_of
from .limits import LimitChecker
from .run import Run
from .tree import Answer, Entry

_FIELDS = COMPLEX["answer"]
_TYPES = {  # value[x] name -> the type it holds
    "valueBoolean": "boolean",
    "valueDecimal": "decimal",
    "valueInteger": "integer",
    "valueDate": "date",
    "valueDateTime": "dateTime",
    "valueTime": "time",
    "valueString": "string",
    "valueUri": "uri",
    "valueAttachment": "Attachment",
    "valueCoding": "Coding",
    "valueQuantity": "Quantity",
    "valueReference": "Reference",
}
# where a primitive's extensions stand
_PRIMITIVE = frozenset(f"_{name}" for name, kind in _TYPES.items() if kind not in COMPLEX)


class AnswerReader:
    """Reads one answer after the other; what is wrong goes to the run's report."""

    def __init__(self, run: Run) -> None:
        self._report = run.report
        self._sets = CodeSets(run.form, run.value_sets)
        self._limits = LimitChecker(run, self._sets)
        self._takes: dict[str, tuple[str, ...]] = {}

    def read(self, item: Item, answer: Any, path: str) -> Answer | None:
        """The answer where its type is right; None, and a problem, where it is not."""
        if not isinstance(answer, dict) or not answer:
            self._error(item, "structure", "An answer is an object that holds a value.", path)
            return None
        names = [name for name in answer if name in _TYPES]
        if len(names) > 1:
            self._error(item, "structure", "An answer holds one value. Send one answer each.", path)
            return None
        if not self._has_value(item, answer, names, path):
            return None
        return self._value(item, names[0], answer[names[0]], f"{path}.value")

    def _has_value(self, item: Item, answer: Any, names: list[str], path: str) -> bool:
        """Checks whether there is a value; all other elements are checked on the way."""
        if len(answer) > len(names):
            rest = {k: v for k, v in answer.items() if k not in _TYPES and k not in _PRIMITIVE}
            for place, text in element_problems(_FIELDS, rest, path) if rest else ():
                self._error(item, "structure", text, place)
        if not names:
            text = "The answer has no value. Send one, or leave the answer out."
            self._error(item, "required", text, path)
        return bool(names)

    def _value(self, item: Item, name: str, value: Any, path: str) -> Answer | None:
        expected = self._expected(item)
        if name not in expected:
            if expected:
                self._error(item, "value", f"It takes {' or '.join(expected)}.", path)
            return None
        problems = list(type_problems(_TYPES[name], value, path))
        for place, text in problems:
            self._error(item, "value", text, place)
        if problems:
            return None
        answer = Answer(name[len("value") :], value, path)
        self._check_option(item, name, value, path)
        self._limits.check(item, answer)
        return answer

    def _expected(self, item: Item) -> tuple[str, ...]:
        if item.link_id not in self._takes:
            self._takes[item.link_id] = takes(item)
            if not self._takes[item.link_id] and item.kind not in ("group", "display"):
                text = "The type of this item is not known, so its answers are not checked."
                self._report.warn("not-supported", text, "QuestionnaireResponse", item.link_id)
        return self._takes[item.link_id]

    def _check_option(self, item: Item, name: str, value: Any, path: str) -> None:
        allowed = is_option(item, self._sets, name, value)
        if allowed is None:
            text = "Not checked: the value set of its answers is not known here."
            self._report.warn("not-supported", text, path, item.link_id)
        elif not allowed:
            text = "It is not one of the item's options. Send system and code of one of them."
            self._error(item, "code-invalid", text, path)

    def check_together(self, entry: Entry) -> None:
        """Returns what the answers of one question must be side by side: repeats,
        optionExclusive."""
        item = entry.item
        if entry.sent > 1 and not item.repeats:
            text = "It takes one answer, but there are several. Send one."
            self._error(item, "structure", text, f"{entry.path}.answer")
        if item.repeats and item.options is not None:
            self._check_options_together(entry)

    def _check_options_together(self, entry: Entry) -> None:
        item = entry.item
        keys = [key_of(f"value{answer.kind}", answer.value) for answer in entry.answers]
        if exclusive_beside_others(item, keys):
            text = "One of the chosen options excludes all others. Send it alone or leave it out."
            self._error(item, "business-rule", text, f"{entry.path}.answer")
        if len(set(keys)) < len(keys):
            text = "The same option is chosen twice. Send it once."
            self._report.warn("duplicate", text, f"{entry.path}.answer", item.link_id)

    def _error(self, item: Item, code: str, text: str, path: str) -> None:
        self._report.error(code, text, path, item.link_id)
