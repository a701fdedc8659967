"""Answers of rules for people who answered no form, kept by what the rules can see of them.

Most of a population sent no form, and hardly anything in a chart concerns one rule. A rule that
reads no entry of a person sees only the age and some elements of the Patient: its answer is worked
out once for each combination of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from cds_service.content.model import Content
from cds_service.decision.evaluate import Answer, Evaluation

PATIENT = re.compile(r"%patient\b(?:\.([A-Za-z]+))?")
SEEN = frozenset({"patient", "age", "encounter", "user"})  # inputs that may be there
MAX_KEPT = 100_000  # answers that are kept


class RuleAnswers:
    """Answers the named expressions of one content, of one evaluation after another."""

    def __init__(self, content: Content, names: Iterable[str]) -> None:
        self.names = tuple(names)
        expressions = content.expressions.expressions
        inputs = {name: _inputs(name, expressions) for name in self.names}
        requirements = content.requirements.keys()
        self._allowed = requirements | SEEN
        self._chart = {name: found & requirements for name, found in inputs.items()}
        self._inputs = inputs
        self._elements = _patient_elements(expressions.values())
        self._kept: dict[tuple[str, Any, Any, Any], Answer] = {}

    def of(self, evaluation: Evaluation) -> list[Answer]:
        """The answer of each name, in order."""
        variables = evaluation.facts.variables
        rule = evaluation.evaluator.rule
        allowed = self._allowed
        told = any(value for name, value in variables.items() if name not in allowed)
        if self._elements is None or told:
            return [rule(name) for name in self.names]
        present = {name for name, entries in evaluation.facts.entries.items() if entries}
        encounter, patient = variables["encounter"], self._patient(variables["patient"])
        seen = orjson.dumps(encounter) if encounter else None
        answers = []
        for name in self.names:
            if not present.isdisjoint(self._chart[name]):
                answers.append(rule(name))
                continue
            inputs = self._inputs[name]
            key = (
                name,
                variables["age"] if "age" in inputs else None,
                patient if "patient" in inputs else None,
                seen if "encounter" in inputs else None,
            )
            answer = self._kept.get(key)
            if answer is None:
                answer = rule(name)
                if len(self._kept) < MAX_KEPT and answer is not Answer.ERROR:
                    self._kept[key] = answer
            answers.append(answer)
        return answers

    def _patient(self, patient: Mapping[str, Any]) -> bytes:
        """The elements of the Patient that some expression reads, choice types included."""
        elements = self._elements or ()
        read = {k: v for k, v in patient.items() if k.startswith(elements)} if elements else {}
        return orjson.dumps(read, option=orjson.OPT_SORT_KEYS)


def _inputs(name: str, expressions: Mapping[str, Any]) -> frozenset[str]:
    """Returns what a named expression reads, names followed."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        for variable in expressions[one].variables - found:
            found.add(variable)
            if variable in expressions:
                waiting.append(variable)
    return frozenset(found)


def _patient_elements(expressions: Iterable[Any]) -> tuple[str, ...] | None:
    """The elements of %patient that expressions read; None where one reads it whole."""
    named = {m[1] for one in expressions for m in PATIENT.finditer(one.text)}
    return None if None in named else tuple(sorted(named))
