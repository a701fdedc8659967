"""Which items are enabled, and what that asks for: enableWhen, required, minOccurs, maxOccurs."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.fhir.questionnaire_response import Showing, compile_form, validate
from cds_service.fhir.questionnaire_response.tree import Answer
from tests.fhir.questionnaire_response.forms import (
    CORE,
    SDC,
    coding,
    form,
    found,
    group,
    item,
    response,
    said,
    when,
)

DISABLED = [("error", "business-rule", "x")]
UNDECIDED = [("warning", "not-supported", "x")]
RED, BLUE = coding("red"), coding("blue")
NO, YES = False, True


def kg(value: float, code: str = "kg") -> dict[str, Any]:
    return {"value": value, "system": "http://unitsofmeasure.org", "code": code}


# question type, operator, answer[x], answers sent, shown (None: not decided)
CONDITIONS: list[tuple[str, str, dict[str, Any], list[Any], bool | None]] = [
    ("string", "exists", {"answerBoolean": True}, ["x"], YES),
    ("string", "exists", {"answerBoolean": True}, [], NO),
    ("string", "exists", {"answerBoolean": False}, ["x"], NO),
    ("string", "exists", {"answerBoolean": False}, [], YES),
    ("string", "=", {"answerString": "x"}, ["x"], YES),
    ("string", "=", {"answerString": "x"}, ["y"], NO),
    ("string", "=", {"answerString": "x"}, ["y", "x"], YES),
    ("string", "=", {"answerString": "x"}, [], NO),
    ("string", "!=", {"answerString": "x"}, ["y"], YES),
    ("string", "!=", {"answerString": "x"}, ["x"], NO),
    ("string", "!=", {"answerString": "x"}, ["y", "x"], NO),
    ("string", "!=", {"answerString": "x"}, [], NO),
    ("boolean", "=", {"answerBoolean": True}, [{"valueBoolean": True}], YES),
    ("boolean", "=", {"answerBoolean": True}, [{"valueBoolean": False}], NO),
    ("integer", ">", {"answerInteger": 3}, [{"valueInteger": 4}], YES),
    ("integer", ">", {"answerInteger": 3}, [{"valueInteger": 3}], NO),
    ("integer", ">", {"answerInteger": 3}, [{"valueInteger": 1}, {"valueInteger": 4}], YES),
    ("integer", ">", {"answerInteger": 3}, [], NO),
    ("integer", ">=", {"answerInteger": 3}, [{"valueInteger": 3}], YES),
    ("integer", ">=", {"answerInteger": 3}, [{"valueInteger": 2}], NO),
    ("integer", "<", {"answerInteger": 3}, [{"valueInteger": 2}], YES),
    ("integer", "<", {"answerInteger": 3}, [{"valueInteger": 3}], NO),
    ("integer", "<=", {"answerInteger": 3}, [{"valueInteger": 3}], YES),
    ("integer", "<=", {"answerInteger": 3}, [{"valueInteger": 4}], NO),
    ("integer", "=", {"answerInteger": 3}, [{"valueInteger": 3}], YES),
    ("decimal", "=", {"answerDecimal": 0.1}, [{"valueDecimal": 0.1}], YES),
    ("decimal", ">", {"answerDecimal": 0.1}, [{"valueDecimal": 1}], YES),
    ("date", ">", {"answerDate": "2026-05-01"}, [{"valueDate": "2026-05-02"}], YES),
    ("date", ">", {"answerDate": "2026-05-01"}, [{"valueDate": "2026-05-01"}], NO),
    ("date", ">", {"answerDate": "2026-05-01"}, [{"valueDate": "2026"}], None),
    ("dateTime", "<", {"answerDateTime": "2026-05-01T10:00:00Z"},
     [{"valueDateTime": "2026-05-01T10:00:00+01:00"}], YES),
    ("time", ">=", {"answerTime": "10:00:00"}, [{"valueTime": "10:00:00"}], YES),
    ("choice", "=", {"answerCoding": RED}, [{"valueCoding": {**RED, "display": "R"}}], YES),
    ("choice", "=", {"answerCoding": RED}, [{"valueCoding": BLUE}], NO),
    ("choice", "=", {"answerCoding": RED}, [{"valueCoding": coding("red", "urn:x")}], NO),
    ("choice", "!=", {"answerCoding": RED}, [{"valueCoding": BLUE}], YES),
    ("choice", "=", {"answerCoding": RED}, [{"valueCoding": {"display": "red"}}], NO),
    ("choice", "=", {"answerCoding": "red"}, [{"valueCoding": RED}], NO),
    ("open-choice", "=", {"answerString": "red"}, [{"valueString": "red"}], YES),
    ("open-choice", "=", {"answerCoding": RED}, [{"valueString": "red"}], NO),
    ("quantity", ">", {"answerQuantity": kg(1)}, [{"valueQuantity": kg(1001, "g")}], YES),
    ("quantity", "=", {"answerQuantity": kg(1)}, [{"valueQuantity": kg(1000, "g")}], YES),
    ("quantity", ">", {"answerQuantity": kg(1)}, [{"valueQuantity": kg(2, "stone")}], None),
    ("reference", "=", {"answerReference": {"reference": "A/1"}},
     [{"valueReference": {"reference": "A/1"}}], YES),
    ("reference", "=", {"answerReference": {"reference": "A/1"}},
     [{"valueReference": {"reference": "A/2"}}], NO),
    ("string", "~", {"answerString": "x"}, ["x"], None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "operator", "value", "sent", "shown"),
    CONDITIONS,
    ids=[f"{c[0]}-{n}" for n, c in enumerate(CONDITIONS)],
)
def test_every_operator(kind: str, operator: str, value: Any, sent: Any, shown: Any) -> None:
    questionnaire = form(
        item("q", kind, repeats=True), item("x", enableWhen=[when("q", operator, **value)])
    )

    problems = found(questionnaire, response(said("q", *sent), said("x", "hello")))

    assert problems == {YES: [], NO: DISABLED, None: UNDECIDED}[shown]


@pytest.mark.parametrize(
    ("behaviour", "first", "second", "shown"),
    [("all", "y", "y", YES), ("all", "y", "n", NO), ("any", "y", "n", YES), ("any", "n", "n", NO)],
)
def test_enable_behaviour(behaviour: str, first: str, second: str, shown: bool) -> None:
    conditions = [when("p", "=", answerString="y"), when("q", "=", answerString="y")]
    asked = item("x", enableWhen=conditions, enableBehavior=behaviour)
    questionnaire = form(item("p"), item("q"), asked)

    problems = found(questionnaire, response(said("p", first), said("q", second), said("x", "!")))

    assert problems == ([] if shown else DISABLED)


IF_YES = [when("q", "=", answerString="y")]


def test_a_disabled_group_disables_what_is_in_it() -> None:
    inner = item("x", "group", item("in", required=True), enableWhen=IF_YES, required=True)
    questionnaire = form(item("q"), inner)

    assert found(questionnaire, response(said("q", "n"), group("x", said("in", "!")))) == DISABLED
    assert found(questionnaire, response(said("q", "n"), group("x", group("in")))) == []
    assert found(questionnaire, response(said("q", "n"))) == []
    assert found(questionnaire, response(said("q", "y"))) == [("error", "required", "x")]


def test_an_answer_to_a_disabled_question_does_not_count() -> None:
    questionnaire = form(
        item("q"),
        item("p", enableWhen=IF_YES),
        item("x", enableWhen=[when("p", "exists", answerBoolean=True)]),
        item("v", enableWhen=[when("p", "exists", answerBoolean=False)]),
    )
    sent = response(said("q", "n"), said("p", "!"), said("x", "!"), said("v", "!"))

    assert found(questionnaire, sent) == [("error", "business-rule", "p"), *DISABLED]


def test_answers_to_disabled_items_are_kept_while_in_progress() -> None:
    questionnaire = form(item("q"), item("x", enableWhen=IF_YES))
    sent = response(said("q", "n"), said("x", "!"), status="in-progress")

    assert found(questionnaire, sent) == [("information", "business-rule", "x")]


def test_conditions_may_look_ahead_and_into_themselves() -> None:
    ahead = form(item("x", enableWhen=IF_YES), item("q"))
    circle = form(
        item("x", enableWhen=IF_YES),
        item("q", enableWhen=[when("x", "exists", answerBoolean=True)]),
    )

    assert found(ahead, response(said("x", "!"), said("q", "y"))) == []
    assert found(ahead, response(said("x", "!"), said("q", "n"))) == DISABLED
    assert {code for _, code, _ in found(circle, response(said("x", "!"), said("q", "y")))} == {
        "not-supported"
    }


def test_a_long_chain_of_conditions_ahead_is_not_followed_forever() -> None:
    names = [f"q{number}" for number in range(300)]
    links = zip(names, [*names[1:], None], strict=True)
    items = [
        item(name, enableWhen=[when(after, "exists", answerBoolean=True)] if after else [])
        for name, after in links
    ]

    problems = found(form(*items), response(*(said(name, "!") for name in names)))

    assert {severity for severity, _, _ in problems} == {"warning"}


REPEATED = form(
    item("g", "group", item("q"), item("x", enableWhen=IF_YES), repeats=True),
    item("x2", enableWhen=IF_YES),
)


def test_the_nearest_occurrence_is_that_of_the_same_repetition() -> None:
    good = response(group("g", said("q", "y"), said("x", "!")), group("g", said("q", "n")))
    bad = response(group("g", said("q", "y")), group("g", said("q", "n"), said("x", "!")))
    missing = response(group("g", said("q", "y")), group("g", said("x", "!")))

    assert found(REPEATED, good) == []
    assert found(REPEATED, bad) == DISABLED
    assert found(REPEATED, missing) == DISABLED


def test_from_outside_the_nearest_occurrence_before_is_the_last() -> None:
    last = response(group("g", said("q", "n")), group("g", said("q", "y")), said("x2", "!"))
    first = response(group("g", said("q", "y")), group("g", said("q", "n")), said("x2", "!"))

    assert found(REPEATED, last) == []
    assert found(REPEATED, first) == [("error", "business-rule", "x2")]


def test_a_question_below_an_unanswered_one_has_no_answer() -> None:
    below = [when("n", "exists", answerBoolean=True)]
    questionnaire = form(item("q", "string", item("n")), item("x", enableWhen=below))

    assert found(questionnaire, response(said("q"), said("x", "!"))) == DISABLED


def test_an_ancestor_is_nearer_than_anything_before() -> None:
    questionnaire = form(item("q", "string", item("x", enableWhen=IF_YES), repeats=True))
    below = [said("x", "!")]
    sent = response(
        said("q", {"valueString": "n"}, {"valueString": "y", "item": below}),
    )

    assert found(questionnaire, sent) == []


@pytest.mark.parametrize(
    "conditions", [[when("nobody", "exists", answerBoolean=True)], [{}], [when("q", "=")]], ids=str
)
def test_a_broken_condition_blames_nobody(conditions: Any) -> None:
    questionnaire = form(item("q"), item("x", enableWhen=conditions))

    severities = {s for s, _, _ in found(questionnaire, response(said("q", "y"), said("x", "!")))}

    assert severities == {"warning"}


@pytest.mark.parametrize("operator", ["=", "!="])
def test_an_answer_that_cannot_be_read_leaves_open_what_is_shown(operator: str) -> None:
    asked = item("x", enableWhen=[when("q", operator, answerString="y")])
    sent = response(said("q", {"valueInteger": 1}), said("x", "!"))

    assert found(form(item("q"), asked), sent) == [("error", "value", "q"), *UNDECIDED]


def test_an_expression_that_enables_is_not_checked() -> None:
    url = SDC + "enableWhenExpression"
    asked = item("x", required=True, ext={url: {"valueExpression": {"expression": "true"}}})

    assert found(form(asked), response(said("x", "!"))) == UNDECIDED
    assert found(form(asked), response()) == []


# -- required, minOccurs, maxOccurs ----------------------------------------------------------------


def occurs(least: int | None = None, most: int | None = None, **elements: Any) -> dict[str, Any]:
    kind, items = elements.pop("kind", "string"), elements.pop("items", ())
    extensions = {
        CORE + "questionnaire-minOccurs": None if least is None else {"valueInteger": least},
        CORE + "questionnaire-maxOccurs": None if most is None else {"valueInteger": most},
    }
    return item("x", kind, *items, ext=extensions, **{"repeats": True, **elements})


IN_GROUP = {"kind": "group", "items": [item("in"), item("deep", "group", item("deepest"))]}
FILLED, BLANK = group("x", said("in", "!")), group("x", group("in"))
DEEP = group("x", group("deep", said("deepest", "!")))
COUNTS: list[tuple[str, dict[str, Any], list[Any], str | None]] = [
    ("required", item("x", required=True), [said("x", "!")], None),
    ("required-missing", item("x", required=True), [], "required"),
    ("required-blank", item("x", required=True), [said("x")], "required"),
    ("group", occurs(required=True, **IN_GROUP), [FILLED], None),
    ("group-deep", occurs(required=True, **IN_GROUP), [DEEP], None),
    ("group-one-of-two", occurs(required=True, **IN_GROUP), [BLANK, FILLED], None),
    ("group-missing", occurs(required=True, **IN_GROUP), [], "required"),
    ("group-blank", occurs(required=True, **IN_GROUP), [BLANK], "required"),
    ("least", occurs(2), [said("x", "a", "b")], None),
    ("too-few", occurs(2), [said("x", "a")], "required"),
    ("none-of-optional", occurs(2), [], None),
    ("none-of-required", occurs(2, required=True), [], "required"),
    ("most", occurs(None, 2), [said("x", "a", "b")], None),
    ("too-many", occurs(None, 2), [said("x", "a", "b", "c")], "business-rule"),
    ("groups-least", occurs(2, **IN_GROUP), [FILLED, FILLED], None),
    ("groups-too-few", occurs(2, **IN_GROUP), [FILLED], "required"),
    ("groups-too-many", occurs(None, 1, **IN_GROUP), [FILLED, FILLED], "business-rule"),
    ("required-display", item("x", "display", required=True), [], None),
]


@pytest.mark.parametrize("status", ["completed", "amended", "in-progress"])
@pytest.mark.parametrize(
    ("asked", "sent", "code"), [c[1:] for c in COUNTS], ids=[c[0] for c in COUNTS]
)
def test_how_often_an_item_is_answered(
    asked: dict[str, Any], sent: list[Any], code: str | None, status: str
) -> None:
    severity = "warning" if status == "in-progress" else "error"
    expected = [] if code is None else [(severity, code, "x")]

    assert found(form(asked), response(*sent, status=status)) == expected


def test_what_is_required_below_is_asked_where_its_place_is() -> None:
    questionnaire = form(
        item("g", "group", item("x", required=True), repeats=True),
        item("q", "string", item("y", required=True)),
    )

    assert found(questionnaire, response()) == []
    assert found(questionnaire, response(group("g"), group("g", said("x", "!")))) == [
        ("error", "required", "x")
    ]
    assert found(questionnaire, response(said("q", "!"))) == [("error", "required", "y")]


def test_a_missing_item_is_told_at_the_place_that_misses_it() -> None:
    questionnaire = form(item("g", "group", item("x", required=True), item("y"), repeats=True))
    sent = response(group("g", said("x", "!")), group("g", said("y", "!")))

    assert [p.expression for p in validate(questionnaire, sent)] == [
        "QuestionnaireResponse.item[1]"
    ]


@pytest.mark.parametrize("outer", ["y", "n", None])
@pytest.mark.parametrize("inner", ["y", "n", None])
def test_answers_by_link_id_show_what_their_response_shows(
    outer: str | None, inner: str | None
) -> None:
    after = [when("in", "exists", answerBoolean=True), when("q", "!=", answerString="n")]
    questionnaire = compile_form(
        form(
            item("q"),
            item("g", "group", item("in"), enableWhen=IF_YES),
            item("x", enableWhen=after, enableBehavior="all"),
        )
    )
    texts = {name: text for name, text in (("q", outer), ("in", inner)) if text}
    nested = group("g", *(said("in", inner),) if inner else ())
    sent = response(*([said("q", outer)] if outer else []), nested)

    by_response = Showing.of_response(questionnaire, sent)
    by_answer = Showing.of_answers(
        questionnaire, {name: [Answer("String", text, "")] for name, text in texts.items()}
    )

    shown = {name: by_response.shown(it) for name, it in questionnaire.items.items()}
    assert {name: by_answer.shown(it) for name, it in questionnaire.items.items()} == shown
    assert shown["x"] is (outer == "y" and inner is not None)


def test_a_question_with_nothing_readable_decides_nothing_but_that_it_was_answered() -> None:
    questionnaire = compile_form(
        form(
            item("q"),
            item("x", enableWhen=IF_YES),
            item("v", enableWhen=[when("q", "exists", answerBoolean=True)]),
        )
    )

    showing = Showing.of_answers(questionnaire, {"q": []})

    assert showing.shown(questionnaire.items["x"]) is None
    assert showing.shown(questionnaire.items["v"]) is True
