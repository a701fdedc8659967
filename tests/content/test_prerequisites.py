"""A rule that nothing in a call touches is not asked, and nobody can tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given

from cds_service.authoring.vignettes import Case
from cds_service.content import Content
from cds_service.content.model import Contribution
from cds_service.content.prerequisites import PrerequisiteReader
from cds_service.decision.evaluate import Answer, ConditionEvaluator, Evaluation, finish
from cds_service.fhirpath import compile_expression
from tests.decision.test_invariants import Person, asked, people
from tests.support.clinic import Clinic


def contributions(content: Content) -> Iterator[Contribution]:
    return (c for asking in content.contributions.values() for c in asking)


def asked_of_all(evaluation: Evaluation, hook: str) -> Evaluation:
    """The same evaluation, every rule asked."""
    given = evaluation.evaluator
    return finish(ConditionEvaluator(given.content, given.facts, given.now), hook)


def same(evaluation: Evaluation, hook: str) -> None:
    """Nothing that anybody sees differs when every rule is asked."""
    full = asked_of_all(evaluation, hook)
    for contribution in contributions(evaluation.content):
        if not evaluation.evaluator.can_hold(contribution.conditions):
            assert full.evaluator.all_hold(contribution.conditions) is not Answer.YES, (
                contribution.id
            )
    for name in ("shown", "deferred", "held", "moments", "closed", "errors"):
        assert getattr(evaluation, name) == getattr(full, name), name


def test_nobody_of_the_vignettes_can_tell(cases: list[Case]) -> None:
    for case in cases:
        same(case.found, case.vignette.hook)


@given(person=people)
def test_no_random_person_can_tell(person: Person, clinic: Clinic) -> None:
    same(clinic.result(asked(clinic, person)).evaluation, "patient-view")


def test_most_rules_wait_for_something(content: Content) -> None:
    waiting = [
        any(condition.prerequisites is not None for condition in c.conditions)
        for c in contributions(content)
    ]

    assert sum(waiting) > 0.75 * len(waiting)


A, B = ("urine", "burn"), ("dry", "most")
FEVER = frozenset({("%", "bodyTemperature")})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%answers.urine.burn", {A}),
        ("%answers.urine.burn and %answers.dry.most", {A}),
        ("%answers.urine.burn or %answers.dry.most", {A, B}),
        ("%answers.urine.burn or true", None),
        ("%answers.urine.burn and false", set()),
        ("%answers.urine.burn.not()", None),
        ("%answers.urine.burn = false", {("urine", "")}),
        ("false = %answers.urine.burn", {("urine", "")}),
        ("%answers.urine.burn ~ false", None),
        ("%answers.urine.burn implies %answers.dry.most", None),
        ("%answers.sev >= 7", {("sev", "")}),
        ("%answers.urine.exists()", {("urine", "")}),
        ("%answers.urine.exists().not()", None),
        ("iif(%answers.urine.burn, true, false)", {A}),
        ("iif(%answers.urine.burn, true, %answers.dry.most)", {A, B}),
        ("iif(%answers.urine.burn, %answers.dry.most)", {A}),
        ("iif(%answers.urine.burn.not(), false, true)", None),
        ("iif(%answers.urine.burn, 1, 0) + iif(%answers.dry.most, 1, 0) >= 2", {A, B}),
        ("iif(%answers.urine.burn, 1, 0) + iif(%answers.dry.most, 1, 0) >= 0", None),
        ("iif(%answers.urine.burn, 1, 1) + iif(%answers.dry.most, 1, 0) >= 1", None),
        ("%bodyTemperature.exists()", FEVER),
        ("%bodyTemperature.where(value > 38 'Cel').first().exists()", FEVER),
        ("%bodyTemperature.empty()", None),
        ("%bodyTemperature.count() >= 1", None),
        ("%feverAlias", FEVER),
        ("%feverAlias.not()", None),
        ("%age < 25", None),
        ("true", None),
    ],
)
def test_what_has_to_be_there_for_a_rule_to_be_true(
    content: Content, text: str, expected: Any
) -> None:
    alias: Any = type("Fact", (), {"expression": compile_expression("%bodyTemperature.exists()")})
    reader = PrerequisiteReader({"feverAlias": alias}, content.requirements, content.prefixes)

    found = reader.of(compile_expression(text))

    assert found == (None if expected is None else frozenset(expected))
