"""The answers of conditions and rules for one call: yes, no, unknown, or an error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from cds_service.content.model import Applicability, Content, InputRef
from cds_service.decision.facts import Facts
from cds_service.decision.hidden_checks import hidden_checks, without_a_card
from cds_service.decision.visibility import NO_SELECTION, Selection, disabled_rules
from cds_service.fhirpath import Bindings, FhirPathError


class Answer(StrEnum):
    """The three answers, and a rule that could not be asked."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    ERROR = "error"


class ConditionEvaluator:
    """Answers the conditions and rules of one call, each evaluated at most once.

    ``now`` is aware. Rules of ``excluded`` sources answer unknown to the rules that ask for them;
    ``hidden`` are those of them that count all the same. ``present`` are the inputs that this call
    has (``Facts.present``); None asks every rule. ``known`` holds the answers so far. ``errors``
    maps a condition's text to what went wrong; an error acts as unknown. For one thread.
    """

    __slots__ = ("_by_text", "bindings", "content", "errors", "excluded", "facts", "hidden",
                 "known", "now", "present")  # fmt: skip

    def __init__(
        self,
        content: Content,
        facts: Facts,
        now: datetime,
        excluded: Selection = NO_SELECTION,
        present: frozenset[InputRef] | None = None,
    ) -> None:
        self.content = content
        self.facts = facts
        self.now = now
        self.excluded = excluded = without_a_card(content, excluded)
        self.present = present
        self.hidden = hidden_checks(content, facts.variables, now, excluded)
        inputs = {
            **facts.variables,
            **disabled_rules(content, excluded),
            **self.hidden.inputs,
        }
        self.bindings = content.expressions.bind(inputs, now)
        self.known: dict[Applicability, Answer] = {}
        self.errors: dict[str, str] = {}
        self._by_text: dict[str, Answer] = {}

    def derive(
        self, known: Mapping[Applicability, Answer], bindings: Bindings | None = None
    ) -> ConditionEvaluator:
        """Another evaluator of the same call that takes these answers as given, and asks every
        rule."""
        derived = ConditionEvaluator(self.content, self.facts, self.now)
        derived.known |= known
        derived.bindings = bindings or self.bindings
        return derived

    def rule(self, name: str) -> Answer:
        """The answer of a named expression."""
        try:
            return answer_of(self.bindings[name])
        except FhirPathError as error:
            self.errors[f"%{name}"] = error.message
            return Answer.ERROR

    def answer(self, condition: Applicability) -> Answer:
        """The answer of one condition."""
        if condition not in self.known:
            text = condition.expression.text  # many conditions say the same thing
            if text not in self._by_text:
                self._by_text[text] = self._evaluate(condition)
            self.known[condition] = self._by_text[text]
        return self.known[condition]

    def _evaluate(self, condition: Applicability) -> Answer:
        try:
            return answer_of(self.bindings.answer(condition.expression))
        except FhirPathError as error:
            self.errors[condition.expression.text] = error.message
            return Answer.ERROR

    def can_hold(self, conditions: Iterable[Applicability]) -> bool:
        """False if an input that one of them requires is absent from this call."""
        if self.present is None:
            return True
        for condition in conditions:
            needed = condition.prerequisites
            if needed is not None and needed.isdisjoint(self.present):
                return False
        return True

    def all_hold(self, conditions: Iterable[Applicability]) -> Answer:
        """AND of three-valued conditions: a no decides, then an error, then an unknown."""
        worst = Answer.YES
        for condition in conditions:
            answer = self.answer(condition)
            if answer is Answer.NO:
                return Answer.NO
            if answer is not Answer.YES and worst is not Answer.ERROR:
                worst = answer
        return worst


def answer_of(values: list[object]) -> Answer:
    """The answer of a rule's result: one boolean, or no item for unknown. Raises FhirPathError for
    anything else."""
    if not values:
        return Answer.UNKNOWN
    if len(values) == 1 and isinstance(values[0], bool):
        return Answer.YES if values[0] else Answer.NO
    raise FhirPathError("a rule must answer true, false or nothing")
