"""Answers: their types, how they are written, the options and the limits of their items."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.fhir.questionnaire_response import validate
from tests.fhir.questionnaire_response.forms import (
    CORE,
    SDC,
    SYSTEM,
    coding,
    form,
    found,
    item,
    response,
    said,
)

UCUM = "http://unitsofmeasure.org"
MIB = 1024 * 1024


def kg(value: Any, code: str = "kg", **more: Any) -> dict[str, Any]:
    return {"value": value, "unit": code, "system": UCUM, "code": code, **more}


# item type -> value[x] name, values that are right, values that are wrong
TYPES: dict[str, tuple[str, list[Any], list[Any]]] = {
    "boolean": ("valueBoolean", [True, False], ["true", 1, 0, None, [], {}]),
    "decimal": ("valueDecimal", [1, 1.5, -2e10, 0], ["1.5", True, float("inf"), float("nan"),
                10**400, None]),
    "integer": ("valueInteger", [0, -5, 2**31 - 1, -(2**31)], [1.0, 1.5, "1", True, 2**31, None]),
    "date": ("valueDate", ["2026", "2026-05", "2024-02-29"], ["2026-13", "2026-02-29", "26-01-01",
             "2026-5-1", "2026-05-01T10:00:00Z", "today", "", 2026, None, "0000-01-01"]),
    "dateTime": ("valueDateTime", ["2026", "2026-05-01", "2026-05-01T10:00:00Z",
                 "2016-12-31T23:59:60Z", "2026-05-01T10:00:00.123456789012345+05:30"],
                 ["2026-05-01T10:00:00", "2026-05-01T10:00Z", "2026-05-01T25:00:00Z",
                  "2026-05-01 10:00:00Z", "2026-05-01T", 5, None, "2026-05-01T10:00:00+15:00"]),
    "time": ("valueTime", ["10:00:00", "23:59:59.5"], ["10:00", "24:00:00", "10:00:00Z", 10]),
    "string": ("valueString", ["x", " x ", "two\nlines\tand", "ü"], ["", 5, True, None, ["x"],
               "a\x00b", "\x1b[0m", "x" * (MIB + 1)]),
    "text": ("valueString", ["x\r\ny"], ["", 5]),
    "url": ("valueUri", ["https://example.org/a?b", "urn:oid:1.2.3"], ["", "a b", "a\n", 5, None]),
    "choice": ("valueCoding", [coding("red"), {"display": "my red"},
               {**coding("red"), "version": "1", "userSelected": True, "_code": {"id": "c"}}],
               ["red", None, {}, [], {"code": 5}, {"code": " red"}, {"code": "red", "system": 1},
                {"system": SYSTEM}, {"code": "red", "system": "a b"}, {"code": "red", "name": "x"},
                {"code": "red", "userSelected": "yes"}, {"code": "red", "display": ""}]),
    "open-choice": ("valueCoding", [coding("red")], ["red", {}]),
    "attachment": ("valueAttachment", [{"url": "https://example.org/a.png"},
                   {"contentType": "image/png", "data": "aGVsbG8=", "size": 5}],
                   [{}, {"data": "aGVsbG8="}, {"data": "<x>", "contentType": "a/b"},
                    {"url": "u", "size": "big"}, {"url": "u", "size": -1}, "x",
                    {"url": "u", "creation": "now"}]),
    "reference": ("valueReference", [{"reference": "Patient/1"}, {"display": "my doctor"},
                  {"identifier": {"value": "x"}, "type": "Patient"}],
                  [{}, "Patient/1", {"reference": 5}, {"type": "Patient"}, {"identifier": "x"}]),
    "quantity": ("valueQuantity", [kg(70), kg(70.5, comparator="<"), {"value": 3, "unit": "cups"}],
                 [{}, 70, {"unit": "kg"}, kg("70"), kg(70, comparator="~"),
                  {"value": 70, "code": "kg"}, kg(True), kg(None)]),
}  # fmt: skip
RIGHT = [(kind, name, value) for kind, (name, right, _) in TYPES.items() for value in right]
WRONG = [(kind, name, value) for kind, (name, _, wrong) in TYPES.items() for value in wrong]


def places(rows: list[tuple[str, str, Any]]) -> list[str]:
    """An id for each row: the item type and where it stands in the list."""
    return [f"{row[0]}-{number}" for number, row in enumerate(rows)]


@pytest.mark.parametrize(("kind", "name", "value"), RIGHT, ids=places(RIGHT))
def test_a_value_of_the_items_type_is_valid(kind: str, name: str, value: Any) -> None:
    assert validate(form(item("a", kind)), response(said("a", {name: value}))) == []


@pytest.mark.parametrize(("kind", "name", "value"), WRONG, ids=places(WRONG))
def test_a_value_of_another_shape_is_an_error(kind: str, name: str, value: Any) -> None:
    problems = validate(form(item("a", kind)), response(said("a", {name: value})))

    assert [(p.severity, p.code, p.link_id) for p in problems] == [("error", "value", "a")]
    assert problems[0].expression.startswith("QuestionnaireResponse.item[0].answer[0].value")


@pytest.mark.parametrize("kind", TYPES)
def test_every_other_value_type_is_an_error(kind: str) -> None:
    values = {name: right[0] for name, right, _ in TYPES.values()}
    others = (
        values.keys() - {TYPES[kind][0]} - ({"valueString"} if kind == "open-choice" else set())
    )

    for name in others:
        sent = response(said("a", {name: values[name]}))
        assert found(form(item("a", kind)), sent) == [("error", "value", "a")], name


@pytest.mark.parametrize("kind", ["question", "coding", None, 5], ids=str)
def test_answers_of_an_unknown_item_type_are_not_checked(kind: Any) -> None:
    sent = response(said("a", "x", "y"))

    assert found(form(item("a", kind, repeats=True)), sent) == [("warning", "not-supported", "a")]


# -- options -------------------------------------------------------------------------------------


RED, BLUE = {"valueCoding": coding("red")}, {"valueCoding": coding("blue")}
REFERENCE = {"valueReference": {"reference": "A/1"}}
SHOWN = {"valueCoding": {**coding("red"), "display": "Another display"}}
LISTED = {
    "id": "v",
    "resourceType": "ValueSet",
    "compose": {"include": [{"system": SYSTEM, "concept": [{"code": "red"}]}]},
}
WHOLE_SYSTEM = {**LISTED, "compose": {"include": [{"system": SYSTEM}]}}
EXCLUDING = {**LISTED, "compose": {**LISTED["compose"], "exclude": [{"system": SYSTEM}]}}
EXPANDED = {
    "id": "v",
    "resourceType": "ValueSet",
    "expansion": {
        "contains": [
            {"system": SYSTEM, "code": "warm", "abstract": True, "contains": [coding("red")]}
        ]
    },
}
VALUE_SETS = {"https://example.org/vs": frozenset({(SYSTEM, "red")})}
NOT_OPTION = [("error", "code-invalid", "a")]
UNCHECKED = [("warning", "not-supported", "a")]
WRONG_TYPE = [("error", "value", "a")]
OPTIONS: list[tuple[str, dict[str, Any], Any, Any]] = [
    # name, item, answer, what is said
    ("option", item("a", "choice", answerOption=[RED, BLUE]), RED, []),
    ("display-ignored", item("a", "choice", answerOption=[RED]), SHOWN, []),
    ("no-option", item("a", "choice", answerOption=[RED]), BLUE, NOT_OPTION),
    ("other-system", item("a", "choice", answerOption=[RED]),
     {"valueCoding": coding("red", "https://example.org/x")}, NOT_OPTION),
    ("no-system", item("a", "choice", answerOption=[RED]),
     {"valueCoding": coding("red", None)}, NOT_OPTION),
    ("option-without-system", item("a", "choice", answerOption=[{"valueCoding": {"code": "x"}}]),
     {"valueCoding": coding("x", None)}, []),
    ("string-for-choice", item("a", "choice", answerOption=[RED]), {"valueString": "red"},
     WRONG_TYPE),
    ("integer-option", item("a", "choice", answerOption=[{"valueInteger": 1}]),
     {"valueInteger": 1}, []),
    ("no-integer-option", item("a", "choice", answerOption=[{"valueInteger": 1}]),
     {"valueInteger": 2}, NOT_OPTION),
    ("restricted-integer", item("a", "integer", answerOption=[{"valueInteger": 1}]),
     {"valueInteger": 2}, NOT_OPTION),
    ("date-option", item("a", "choice", answerOption=[{"valueDate": "2026"}]),
     {"valueDate": "2026"}, []),
    ("no-date-option", item("a", "date", answerOption=[{"valueDate": "2026"}]),
     {"valueDate": "2027"}, NOT_OPTION),
    ("time-option", item("a", "choice", answerOption=[{"valueTime": "10:00:00"}]),
     {"valueTime": "10:00:00"}, []),
    ("no-time-option", item("a", "choice", answerOption=[{"valueTime": "10:00:00"}]),
     {"valueTime": "11:00:00"}, NOT_OPTION),
    ("string-option", item("a", "choice", answerOption=[{"valueString": "x"}]),
     {"valueString": "x"}, []),
    ("no-string-option", item("a", "choice", answerOption=[{"valueString": "x"}]),
     {"valueString": "y"}, NOT_OPTION),
    ("reference-option", item("a", "choice", answerOption=[REFERENCE]),
     {"valueReference": {"reference": "A/1", "display": "A"}}, []),
    ("no-reference-option",
     item("a", "choice", answerOption=[REFERENCE]),
     {"valueReference": {"reference": "A/2"}}, NOT_OPTION),
    ("open-string", item("a", "open-choice", answerOption=[RED]), {"valueString": "pink"}, []),
    ("open-option", item("a", "open-choice", answerOption=[RED]), RED, []),
    ("open-no-option", item("a", "open-choice", answerOption=[RED]), BLUE, NOT_OPTION),
    ("contained", item("a", "choice", answerValueSet="#v"), RED, []),
    ("not-contained", item("a", "choice", answerValueSet="#v"), BLUE, NOT_OPTION),
    ("no-such-contained", item("a", "choice", answerValueSet="#w"), RED, UNCHECKED),
    ("value-set", item("a", "choice", answerValueSet="https://example.org/vs|1"), RED, []),
    ("not-in-value-set", item("a", "choice", answerValueSet="https://example.org/vs"), BLUE,
     NOT_OPTION),
    ("display-only", item("a", "choice", answerValueSet="https://example.org/vs"),
     {"valueCoding": {"display": "red"}}, NOT_OPTION),
    ("unknown-value-set", item("a", "choice", answerValueSet="https://example.org/no"), RED,
     UNCHECKED),
    ("open-value-set", item("a", "open-choice", answerValueSet="#v"), {"valueString": "pink"}, []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "answer", "said_about"), [o[1:] for o in OPTIONS], ids=[o[0] for o in OPTIONS]
)
def test_an_answer_is_one_of_the_options(asked: Any, answer: Any, said_about: Any) -> None:
    questionnaire = form(asked, contained=[LISTED])

    assert found(questionnaire, response(said("a", answer)), value_sets=VALUE_SETS) == said_about


@pytest.mark.parametrize(
    ("value_set", "red", "blue"),
    [(EXPANDED, [], NOT_OPTION), (WHOLE_SYSTEM, UNCHECKED, UNCHECKED),
     (EXCLUDING, UNCHECKED, UNCHECKED)],
    ids=["expanded", "whole-system", "excluding"],
)  # fmt: skip
def test_a_contained_value_set_is_trusted_as_far_as_it_lists(
    value_set: Any, red: Any, blue: Any
) -> None:
    questionnaire = form(item("a", "choice", answerValueSet="#v"), contained=[value_set])

    assert found(questionnaire, response(said("a", RED))) == red
    assert found(questionnaire, response(said("a", BLUE))) == blue


def test_an_exclusive_option_stands_alone() -> None:
    none = {"valueCoding": coding("none")}
    mark = {"url": CORE + "questionnaire-optionExclusive", "valueBoolean": True}
    unset = {**mark, "valueBoolean": False}
    asked = item("a", "choice", repeats=True, answerOption=[
        RED, {**BLUE, "extension": [unset]}, {**none, "extension": [mark]}])  # fmt: skip

    assert found(form(asked), response(said("a", none))) == []
    assert found(form(asked), response(said("a", RED, BLUE))) == []
    assert found(form(asked), response(said("a", RED, none))) == [("error", "business-rule", "a")]
    assert found(form(asked), response(said("a", RED, RED))) == [("warning", "duplicate", "a")]


# -- limits --------------------------------------------------------------------------------------

TOO_LONG = [("error", "too-long", "a")]
INVALID = [("error", "value", "a")]
CODE = [("error", "code-invalid", "a")]
NONE: list[Any] = []


def limited(kind: str, extension: str, **value: Any) -> dict[str, Any]:
    url = extension if "/" in extension else CORE + extension
    return item("a", kind, ext={url: value})


UNITS = item(
    "a",
    "quantity",
    extensions=[
        {"url": CORE + "questionnaire-unitOption", "valueCoding": {"system": UCUM, "code": code}}
        for code in ("kg", "[lb_av]")
    ],
)
CUPS = item(
    "a",
    "quantity",
    ext={CORE + "questionnaire-unitOption": {"valueCoding": {"display": "cups"}}},
)
KILOGRAM = {"valueCoding": {"system": UCUM, "code": "kg"}}
LIMITS: list[tuple[str, dict[str, Any], dict[str, Any], Any]] = [
    ("as-long", item("a", maxLength=3), {"valueString": "abc"}, NONE),
    ("longer", item("a", maxLength=3), {"valueString": "abcd"}, TOO_LONG),
    ("text-longer", item("a", "text", maxLength=3), {"valueString": "abcd"}, TOO_LONG),
    ("url-longer", item("a", "url", maxLength=3), {"valueUri": "urn:x"}, TOO_LONG),
    ("open-longer", item("a", "open-choice", maxLength=3), {"valueString": "abcd"}, TOO_LONG),
    ("as-short", limited("string", "minLength", valueInteger=3), {"valueString": "abc"}, NONE),
    ("shorter", limited("string", "minLength", valueInteger=3), {"valueString": "ab"}, INVALID),
    ("pattern", limited("string", "regex", valueString="[0-9]{3}"), {"valueString": "123"}, NONE),
    ("no-match", limited("string", "regex", valueString="[0-9]{3}"), {"valueString": "1234"},
     INVALID),
    ("anchored", limited("string", "regex", valueString="^[a-z]+$"), {"valueString": "abc"}, NONE),
    ("runs-away", limited("string", "regex", valueString="(a+)+b"), {"valueString": "a" * 40},
     UNCHECKED),
    ("too-costly", limited("text", "regex", valueString=".*x.*y.*z"), {"valueString": "a" * 2000},
     UNCHECKED),
    ("no-pattern", limited("string", "regex", valueString="("), {"valueString": "a"}, UNCHECKED),
    ("least", limited("integer", "minValue", valueInteger=3), {"valueInteger": 3}, NONE),
    ("below", limited("integer", "minValue", valueInteger=3), {"valueInteger": 2}, INVALID),
    ("most", limited("integer", "maxValue", valueInteger=3), {"valueInteger": 3}, NONE),
    ("above", limited("integer", "maxValue", valueInteger=3), {"valueInteger": 4}, INVALID),
    ("decimal-most", limited("decimal", "maxValue", valueDecimal=0.3), {"valueDecimal": 0.3}, NONE),
    ("decimal-above", limited("decimal", "maxValue", valueDecimal=0.3), {"valueDecimal": 0.30001},
     INVALID),
    ("date-least", limited("date", "minValue", valueDate="2026-05-01"), {"valueDate": "2026-05-01"},
     NONE),
    ("date-before", limited("date", "minValue", valueDate="2026-05-01"),
     {"valueDate": "2026-04-30"}, INVALID),
    ("date-after", limited("date", "maxValue", valueDate="2026-05"), {"valueDate": "2026-06"},
     INVALID),
    ("date-undecided", limited("date", "minValue", valueDate="2026-05-01"), {"valueDate": "2026"},
     UNCHECKED),
    ("datetime-before", limited("dateTime", "minValue", valueDateTime="2026-05-01T10:00:00Z"),
     {"valueDateTime": "2026-05-01T10:00:00+01:00"}, INVALID),
    ("time-after", limited("time", "maxValue", valueTime="10:00:00"), {"valueTime": "10:00:01"},
     INVALID),
    ("time-and-date", limited("time", "maxValue", valueDate="2026"), {"valueTime": "10:00:01"},
     UNCHECKED),
    ("computed-limit", limited("date", "maxValue", _valueDate={"extension": []}),
     {"valueDate": "2026"}, UNCHECKED),
    ("places", limited("decimal", "maxDecimalPlaces", valueInteger=2), {"valueDecimal": 1.25},
     NONE),
    ("too-many-places", limited("decimal", "maxDecimalPlaces", valueInteger=2),
     {"valueDecimal": 1.255}, INVALID),
    ("whole-number", limited("decimal", "maxDecimalPlaces", valueInteger=0), {"valueDecimal": 1e9},
     NONE),
    ("quantity-places", limited("quantity", "maxDecimalPlaces", valueInteger=1),
     {"valueQuantity": kg(1.25)}, INVALID),
    ("quantity-least", limited("quantity", SDC + "minQuantity", valueQuantity=kg(1)),
     {"valueQuantity": kg(1000, "g")}, NONE),
    ("quantity-below", limited("quantity", SDC + "minQuantity", valueQuantity=kg(1)),
     {"valueQuantity": kg(999, "g")}, INVALID),
    ("quantity-above", limited("quantity", SDC + "maxQuantity", valueQuantity=kg(1)),
     {"valueQuantity": kg(1001, "g")}, INVALID),
    ("quantity-other", limited("quantity", SDC + "maxQuantity", valueQuantity=kg(1)),
     {"valueQuantity": kg(1, "m")}, UNCHECKED),
    ("quantity-bound", limited("quantity", SDC + "maxQuantity", valueQuantity=kg(1)),
     {"valueQuantity": kg(1, comparator="<")}, UNCHECKED),
    ("unit-option", UNITS, {"valueQuantity": kg(1, "[lb_av]")}, NONE),
    ("no-unit-option", UNITS, {"valueQuantity": kg(1, "g")}, CODE),
    ("unit-words", CUPS, {"valueQuantity": {"value": 1, "unit": "cups"}}, NONE),
    ("other-unit-words", CUPS, {"valueQuantity": {"value": 1, "unit": "spoons"}}, CODE),
    ("unit", limited("quantity", "questionnaire-unit", **KILOGRAM), {"valueQuantity": kg(1)}, NONE),
    ("unit-the-same-words", limited("quantity", "questionnaire-unit",
     valueCoding={"display": "cups"}), {"valueQuantity": {"value": 1, "unit": "cups"}}, NONE),
    ("unit-set-without-code", limited("quantity", "questionnaire-unitValueSet", valueCanonical="u"),
     {"valueQuantity": {"value": 1, "unit": "cups"}}, CODE),
    ("unit-converts", limited("quantity", "questionnaire-unit", **KILOGRAM),
     {"valueQuantity": kg(1, "[lb_av]")}, NONE),
    ("unit-of-length", limited("quantity", "questionnaire-unit", **KILOGRAM),
     {"valueQuantity": kg(1, "m")}, INVALID),
    ("unit-unknown", limited("quantity", "questionnaire-unit", **KILOGRAM),
     {"valueQuantity": kg(1, "stone")}, UNCHECKED),
    ("unit-set", limited("quantity", "questionnaire-unitValueSet", valueCanonical="u"),
     {"valueQuantity": kg(1)}, NONE),
    ("not-in-unit-set", limited("quantity", "questionnaire-unitValueSet", valueCanonical="u"),
     {"valueQuantity": kg(1, "g")}, CODE),
    ("unit-set-unknown", limited("quantity", "questionnaire-unitValueSet", valueCanonical="v"),
     {"valueQuantity": kg(1, "g")}, UNCHECKED),
    ("target", limited("reference", "questionnaire-referenceResource", valueCode="Patient"),
     {"valueReference": {"reference": "https://example.org/fhir/Patient/1/_history/2"}}, NONE),
    ("target-by-type", limited("reference", "questionnaire-referenceResource", valueCode="Patient"),
     {"valueReference": {"type": "Patient", "identifier": {"value": "x"}}}, NONE),
    ("other-target", limited("reference", "questionnaire-referenceResource", valueCode="Patient"),
     {"valueReference": {"reference": "Group/1"}}, INVALID),
    ("lying-type", limited("reference", "questionnaire-referenceResource", valueCode="Patient"),
     {"valueReference": {"reference": "Group/1", "type": "Patient"}}, INVALID),
    ("unknown-target", limited("reference", "questionnaire-referenceResource", valueCode="Patient"),
     {"valueReference": {"reference": "urn:uuid:1"}}, UNCHECKED),
    ("contained-target", limited("reference", "questionnaire-referenceResource",
     valueCode="Patient"), {"valueReference": {"reference": "#p"}}, NONE),
    ("contained-other", limited("reference", "questionnaire-referenceResource",
     valueCode="Group"), {"valueReference": {"reference": "#p"}}, INVALID),
    ("media", limited("attachment", "mimeType", valueCode="image/png"),
     {"valueAttachment": {"url": "u", "contentType": "IMAGE/png; x=1"}}, NONE),
    ("other-media", limited("attachment", "mimeType", valueCode="image/png"),
     {"valueAttachment": {"url": "u", "contentType": "text/html"}}, INVALID),
    ("untold-media", limited("attachment", "mimeType", valueCode="image/png"),
     {"valueAttachment": {"url": "u"}}, INVALID),
    ("size", limited("attachment", "maxSize", valueDecimal=1),
     {"valueAttachment": {"url": "u", "size": MIB}}, NONE),
    ("too-large", limited("attachment", "maxSize", valueDecimal=1),
     {"valueAttachment": {"url": "u", "size": MIB + 1}}, TOO_LONG),
    ("untold-size", limited("attachment", "maxSize", valueDecimal=1),
     {"valueAttachment": {"url": "u"}}, UNCHECKED),
    ("lying-size", limited("attachment", "maxSize", valueDecimal=0.000001),
     {"valueAttachment": {"contentType": "a/b", "size": 1, "data": "aGVsbG8="}}, TOO_LONG),
    ("hidden", item("a", maxLength=1, ext={CORE + "questionnaire-hidden": {"valueBoolean": True}}),
     {"valueString": "ab"}, TOO_LONG),
]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "answer", "said_about"), [x[1:] for x in LIMITS], ids=[x[0] for x in LIMITS]
)
def test_limits_of_an_item(asked: Any, answer: Any, said_about: Any) -> None:
    sent = response(said("a", answer), contained=[{"resourceType": "Patient", "id": "p"}])

    assert found(form(asked), sent, value_sets={"u": {(UCUM, "kg")}}) == said_about


def test_matching_is_paid_from_one_purse() -> None:
    asked = item("a", repeats=True, ext={CORE + "regex": {"valueString": ".*x.*"}})
    sent = response(said("a", *["a" * 150] * 3))

    problems = validate(form(asked), sent)

    assert [p.code for p in problems] == ["value", "not-supported", "not-supported"]
