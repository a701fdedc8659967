"""Constraints written as FHIRPath, on the Questionnaire and on its items."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cds_service.fhir.questionnaire_response import validate
from tests.fhir.questionnaire_response.forms import (
    CORE,
    form,
    found,
    group,
    item,
    response,
    said,
    when,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)
VIOLATED = [("error", "invariant", "x")]
UNCHECKED = [("warning", "not-supported", "x")]
FIVE = {"valueInteger": 5}


def constraint(
    expression: Any, severity: str = "error", url: str = "questionnaire-constraint"
) -> Any:
    return {
        "url": CORE + url,
        "extension": [
            {"url": "key", "valueId": "k"},
            {"url": "severity", "valueCode": severity},
            {"url": "expression", **expression},
            {"url": "human", "valueString": "A number over three."},
        ],
    }


def text(expression: str) -> dict[str, Any]:
    return {"valueString": expression}


OVER_THREE = constraint(text("answer.value.all($this > 3)"))
WRITTEN = {"valueExpression": {"language": "text/fhirpath", "expression": "answer.value > 3"}}
ROWS: list[tuple[str, Any, int, Any]] = [
    ("holds", OVER_THREE, 5, []),
    ("violated", OVER_THREE, 2, VIOLATED),
    ("mild", constraint(text("answer.value > 3"), "warning"), 2, [("warning", "invariant", "x")]),
    ("target", constraint(WRITTEN, url="targetConstraint"), 2, VIOLATED),
    ("no-answer", constraint(text("answer.item.answer.value > 3")), 2, []),
    ("resource", constraint(text("%resource.item.count() = 1")), 2, []),
    ("questionnaire", constraint(text("%questionnaire.item.count() = 2")), 2, VIOLATED),
    ("not-fhirpath", constraint(text("answer.value >")), 2, UNCHECKED),
    ("unknown-element", constraint(text("answers.value > 3")), 2, UNCHECKED),
    ("unknown-name", constraint(text("%other > 3")), 2, UNCHECKED),
    ("context", constraint(text("%context.answer.value > 3")), 2, UNCHECKED),
    ("no-expression", constraint({}), 2, UNCHECKED),
    ("unlike-types", constraint(text("answer.value > 'x'")), 2, UNCHECKED),
    ("no-boolean", constraint(text("answer.value")), 2, []),
]


@pytest.mark.parametrize(
    ("rule", "value", "expected"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS]
)
def test_a_constraint_of_an_item(rule: Any, value: int, expected: Any) -> None:
    questionnaire = form(item("x", "integer", extensions=[rule]))

    assert found(questionnaire, response(said("x", {"valueInteger": value}))) == expected


def test_the_words_are_those_of_the_questionnaire() -> None:
    questionnaire = form(item("x", "integer", extensions=[OVER_THREE]))

    (problem,) = validate(questionnaire, response(said("x", {"valueInteger": 2})))

    assert problem.text == "A number over three."
    assert problem.expression == "QuestionnaireResponse.item[0]"


def test_a_constraint_is_run_on_every_repetition() -> None:
    inner = item("x", "integer", extensions=[OVER_THREE])
    questionnaire = form(item("g", "group", inner, repeats=True))
    sent = response(*(group("g", said("x", {"valueInteger": n})) for n in (5, 2, 7, 1)))

    assert [p.expression for p in validate(questionnaire, sent)] == [
        "QuestionnaireResponse.item[1].item[0]",
        "QuestionnaireResponse.item[3].item[0]",
    ]


def test_a_constraint_of_the_whole_response() -> None:
    rule = constraint(text("item.where(linkId = 'x').exists() or item.count() = 0"))
    questionnaire = form(item("y"), item("x", "integer"), extension=[rule])

    assert found(questionnaire, response()) == []
    assert found(questionnaire, response(said("x", FIVE))) == []
    assert found(questionnaire, response(said("y", "!"))) == [("error", "invariant", None)]
    assert found(questionnaire, response(said("y", "!"), status="in-progress")) == [
        ("warning", "invariant", None)
    ]


def test_a_constraint_of_a_disabled_item_is_not_run() -> None:
    rule = {"enableWhen": [when("q", "exists", answerBoolean=True)]}
    questionnaire = form(
        item("q"), item("x", "group", extensions=[constraint(text("false"))], **rule)
    )

    assert found(questionnaire, response(group("x"))) == []
    assert found(questionnaire, response(said("q", "!"), group("x"))) == VIOLATED


def test_a_constraint_on_the_time_needs_a_clock() -> None:
    rule = constraint(text("answer.value < today()"))
    questionnaire = form(item("x", "date", extensions=[rule]))
    sent = response(said("x", {"valueDate": "2026-11-23"}))

    assert found(questionnaire, sent) == UNCHECKED
    assert found(questionnaire, sent, now=NOW) == VIOLATED


def test_constraints_stop_when_they_take_too_long() -> None:
    rule = constraint(text("%resource.item.count() > 0"))
    questionnaire = form(item("x", "group", extensions=[rule], repeats=True))
    sent = response(*(group("x") for _ in range(1000)))

    assert found(questionnaire, sent) == UNCHECKED
