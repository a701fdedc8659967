"""A value becomes an answer of the item's own type, or is said not to be one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cds_service.fhir.questionnaire_response import Item, compile_form
from cds_service.fhir_api.typed_answers import WrongAnswer, typed_answers
from cds_service.fhirpath import compile_expression

CODING = {"system": "https://x.example", "code": "a", "display": "A"}


def an_item(kind: str, repeats: bool = False, **more: Any) -> Item:
    node = {"linkId": "q", "type": kind, "repeats": repeats, **more}
    return compile_form({"resourceType": "Questionnaire", "item": [node]}).items["q"]


def value(text: str) -> Any:
    """What an expression gives."""
    return compile_expression(text).evaluate(None)[0]


RIGHT = [
    ("boolean", True, {"valueBoolean": True}),
    ("integer", 3, {"valueInteger": 3}),
    ("decimal", Decimal("2.5"), {"valueDecimal": 2.5}),
    ("decimal", 2, {"valueDecimal": 2}),
    ("string", "words", {"valueString": "words"}),
    ("text", "words", {"valueString": "words"}),
    ("url", "https://x.example", {"valueUri": "https://x.example"}),
    ("date", value("@2026-05-04"), {"valueDate": "2026-05-04"}),
    ("dateTime", value("@2026-05-04"), {"valueDateTime": "2026-05-04"}),
    ("dateTime", value("@2026-05-04T10:00:00Z"), {"valueDateTime": "2026-05-04T10:00:00+00:00"}),
    ("time", value("@T10:00:00"), {"valueTime": "10:00:00"}),
    ("choice", {**CODING, "userSelected": True}, {"valueCoding": CODING}),
    ("open-choice", CODING, {"valueCoding": CODING}),
    ("open-choice", "words", {"valueString": "words"}),
    ("quantity", value("3 'kg'"), {"valueQuantity": {"value": 3, "unit": "kg"}}),
    ("quantity", {"value": 3, "unit": "kg"}, {"valueQuantity": {"value": 3, "unit": "kg"}}),
    ("reference", {"resourceType": "Condition", "id": "7"}, "Condition/7"),
    ("reference", {"reference": "Condition/7"}, "Condition/7"),
    ("attachment", {"url": "https://x.example"}, {"valueAttachment": {"url": "https://x.example"}}),
]


@pytest.mark.parametrize(("kind", "given", "expected"), RIGHT, ids=lambda x: str(x)[:24])
def test_a_value_of_the_items_type(kind: str, given: Any, expected: Any) -> None:
    if kind == "reference":
        expected = {"valueReference": {"reference": expected}}

    assert typed_answers(an_item(kind), [given]) == [expected]


WRONG = [
    ("boolean", 1),
    ("integer", True),
    ("integer", Decimal("2.5")),
    ("decimal", "2.5"),
    ("string", " "),
    ("date", "2026-05-04"),
    ("date", value("@2026-05-04T10:00:00Z")),
    ("choice", "a"),
    ("choice", {"resourceType": "Condition", "code": "a"}),
    ("choice", {"coding": [CODING]}),
    ("quantity", 3),
    ("reference", {"display": "somebody"}),
    ("reference", "Condition/7"),
    ("attachment", {}),
    ("display", "words"),
]


@pytest.mark.parametrize(("kind", "given"), WRONG, ids=lambda x: str(x)[:24])
def test_a_value_of_another_type_is_said_to_be_wrong(kind: str, given: Any) -> None:
    with pytest.raises(WrongAnswer, match="another type"):
        typed_answers(an_item(kind), [given])


def test_nothing_found_is_no_answer() -> None:
    assert typed_answers(an_item("boolean"), []) == []


def test_the_same_value_twice_is_one_answer() -> None:
    assert typed_answers(an_item("choice"), [CODING, dict(CODING)]) == [{"valueCoding": CODING}]


def test_only_a_repeating_item_takes_several() -> None:
    assert len(typed_answers(an_item("integer", repeats=True), [1, 2])) == 2
    with pytest.raises(WrongAnswer, match="takes one answer"):
        typed_answers(an_item("integer"), [1, 2])
