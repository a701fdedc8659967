"""Rules and conditions with their diagrams, ready for a template."""

from __future__ import annotations

from dataclasses import dataclass

from cds_service.content.model import Applicability, NamedFact
from cds_service.fhirpath import Expression
from cds_service.web.diagram import Step, Vocabulary, outline


@dataclass(frozen=True, slots=True)
class Figure:
    """A rule: its name, in words, as an expression, and as the steps of its diagram."""

    name: str
    words: str
    expression: str
    step: Step


def of_fact(fact: NamedFact, vocabulary: Vocabulary) -> Figure:
    """The figure of a named expression."""
    return _figure(fact.name, fact.description, fact.expression, vocabulary)


def of_conditions(
    conditions: tuple[Applicability, ...], vocabulary: Vocabulary
) -> tuple[Figure, ...]:
    """One figure for each condition; a condition that only names a rule needs no picture."""
    return tuple(_figure("", c.description, c.expression, vocabulary) for c in conditions)


def _figure(name: str, words: str, expression: Expression, vocabulary: Vocabulary) -> Figure:
    step = outline(expression.tree, vocabulary)
    return Figure(name, words, expression.text, step)
