"""Constraints written as expressions (R4 questionnaire-constraint, SDC targetConstraint; 4.5).

An expression is run on the whole response, or on each item of the response it belongs to. Only a
plain false is a violation. They are run on responses that are right otherwise, because an
expression on wrong shapes answers nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cds_service.fhirpath import Expression, FhirPathError, compile_expression
from cds_service.fhirpath.elements import enter_all
from cds_service.fhirpath.nodes import Call, Variable, walk
from cds_service.fhirpath.scope import Scope

from .enablement import Enablement
from .form import CORE, Item, as_dict, dicts, value_name
from .problems import Severity
from .run import Run
from .tree import Entry, Level

URLS = (CORE + "questionnaire-constraint", CORE + "targetConstraint")
MAX_WORK = 20_000  # evaluations times items: an expression may read the whole response
_CLOCK = frozenset({"now", "today", "timeOfDay"})
_NOT_CHECKED = "Not checked: its constraint {}."


@dataclass(frozen=True, slots=True)
class Constraint:
    """``words`` say what must hold, as the Questionnaire's author put it."""

    expression: Expression
    severity: str
    words: str


class ConstraintChecker:
    """Compiles the constraints of a form when a response first needs them."""

    def __init__(self, run: Run, enablement: Enablement) -> None:
        self._run, self._enablement = run, enablement
        self._compiled: dict[str, list[Constraint]] = {}
        self._resource: list[Any] = []
        self._work = MAX_WORK
        self._told: set[str | None] = set()

    def check(self, top: Level) -> None:
        """Runs every constraint of the form."""
        if self._run.report.has_errors:
            return
        own = list(self._constraints(None))
        holders = [item for item in self._run.form.items.values() if _has(item.extensions)]
        if not own and not holders:
            return
        self._resource = enter_all(self._run.response)
        entries = list(_entries(top))
        size = len(entries) + 1
        for constraint in own:
            self._evaluate(constraint, self._resource, top.path, None, size)
        for entry in entries:
            if _has(entry.item.extensions) and self._enablement.is_enabled(entry.item, entry.level):
                self._on_entry(entry, size)

    def _on_entry(self, entry: Entry, size: int) -> None:
        if entry.item.link_id not in self._compiled:
            self._compiled[entry.item.link_id] = list(self._constraints(entry.item))
        focus = None
        for constraint in self._compiled[entry.item.link_id]:
            try:
                focus = focus or self._focus(entry)
            except FhirPathError:  # the path to the entry is nested deeper than expressions may be
                self._unchecked(entry.path, entry.item.link_id, "stands too deep to be looked at")
                return
            self._evaluate(constraint, focus, entry.path, entry.item.link_id, size)

    def _focus(self, entry: Entry) -> list[Any]:
        """The item as FHIRPath knows it, with its type."""
        path = entry.path.partition(".")[2]
        found: list[Any] = compile_expression(path).run(self._scope())
        return found

    def _scope(self) -> Scope:
        def load(name: str) -> list[Any]:
            return enter_all(self._run.form.resource)  # %questionnaire is the only name allowed

        return Scope({}, load, self._resource, self._run.now)

    def _evaluate(
        self, constraint: Constraint, focus: list[Any], path: str, link_id: str | None, size: int
    ) -> None:
        self._work -= size
        if self._work < 0:
            self._unchecked(path, link_id, "would take too long")
            return
        try:
            found = constraint.expression.step(self._scope(), focus)
        except (FhirPathError, RecursionError, ArithmeticError):
            self._unchecked(path, link_id, "has no answer for this response")
            return
        if found and found[0] is False:
            weak = constraint.severity == "warning" or not self._run.complete
            severity: Severity = "warning" if weak else "error"
            self._run.report.add(severity, "invariant", constraint.words, path, link_id)

    def _constraints(self, item: Item | None) -> Iterator[Constraint]:
        extensions = self._run.form.extensions if item is None else item.extensions
        link_id = None if item is None else item.link_id
        for url in URLS:
            for node in extensions.get(url, ()):
                made = self._compile(as_dict(node), item is None)
                if made is None:
                    self._unchecked("QuestionnaireResponse", link_id, "cannot be run here")
                else:
                    yield made

    def _compile(self, node: dict[str, Any], on_response: bool) -> Constraint | None:
        parts = {
            str(part.get("url")): part.get(value_name(part) or "")
            for part in dicts(node.get("extension"))
        }
        text = parts.get("expression")
        text = as_dict(text).get("expression") if isinstance(text, dict) else text
        if not isinstance(text, str):
            return None
        try:
            expression = compile_expression(text, ("questionnaire",))
        except FhirPathError:
            return None
        words = str(parts.get("human") or "The answers do not agree with one another.")
        severity = str(parts.get("severity"))
        fits = self._fits(expression, on_response)
        return Constraint(expression, severity, words) if fits else None

    def _fits(self, expression: Expression, on_response: bool) -> bool:
        """Checks whether all it names is what it means here: %context is the item, the clock is
        known."""
        for node in walk(expression.tree):
            if isinstance(node, Variable) and node.name == "context" and not on_response:
                return False
            if isinstance(node, Call) and node.name in _CLOCK and self._run.now is None:
                return False
        return True

    def _unchecked(self, path: str, link_id: str | None, why: str) -> None:
        if link_id not in self._told:
            self._told.add(link_id)
            text = _NOT_CHECKED.format(why)
            self._run.report.warn("not-supported", text, path, link_id)


def _has(extensions: Any) -> bool:
    return any(url in extensions for url in URLS)


def _entries(level: Level) -> Iterator[Entry]:
    for entry in level.entries:
        yield entry
        for inner in entry.levels:
            yield from _entries(inner)
