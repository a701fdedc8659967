"""Structure: what stands where, and what the response says about itself."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.fhir.questionnaire_response import as_outcome, validate
from tests.fhir.questionnaire_response.forms import (
    URL,
    coding,
    form,
    found,
    group,
    item,
    response,
    said,
)

FORM = form(
    item("a"),
    item(
        "g",
        "group",
        item("b", repeats=True),
        item("c", "boolean", item("d"), item("note", "display")),
    ),
    item("r", "group", item("e", "integer"), repeats=True),
    item("text", "display"),
    item("z", "choice", repeats=True, answerOption=[{"valueCoding": coding("red")}]),
)
YES = {"valueBoolean": True}
SEVEN = {"valueInteger": 7}
ERROR = "error"

GOOD: dict[str, dict[str, Any]] = {
    "nothing": response(),
    "some": response(said("a", "x"), group("text")),
    "groups": response(
        group("g", said("b", "x", "y"), said("c", YES)), group("r", said("e", SEVEN))
    ),
    "below-an-answer": response(group("g", said("c", {**YES, "item": [said("d", "x")]}))),
    "display-below-an-answer": response(group("g", said("c", {**YES, "item": [group("note")]}))),
    "repeated-group": response(group("r", said("e", SEVEN)), group("r", said("e", SEVEN))),
    "unanswered-items": response(said("a"), group("g"), group("r")),
    "own-words": response({**said("a", "x"), "text": "A?", "id": "1", "definition": "urn:x"}),
    "an-extension-of-a-value": response(
        said("a", {"valueString": "x", "_valueString": {"id": "v"}, "extension": [{"url": "u"}]})
    ),
    "whole-resource": response(
        id="r1",
        meta={"versionId": "1"},
        subject={"reference": "Patient/1"},
        author={"identifier": {"value": "x"}},
        basedOn=[{"reference": "ServiceRequest/1"}],
        _status={"id": "s"},
    ),
}


@pytest.mark.parametrize("sent", GOOD.values(), ids=GOOD)
def test_what_follows_the_questionnaire_is_valid(sent: dict[str, Any]) -> None:
    assert validate(FORM, sent) == []


TWICE = [said("a", "x"), said("a", "y")]
BAD: dict[str, tuple[Any, str, str, str | None]] = {
    # name: (response, code, expression, linkId)
    "unknown-link-id": (response(said("zebra", "x")), "not-found", ".item[0].linkId", None),
    "order": (response(said("z", {"valueCoding": coding("red")}), said("a", "x")),
              "structure", ".item[1]", "a"),
    "order-in-a-group": (response(group("g", said("c", YES), said("b", "x"))),
                         "structure", ".item[0].item[1]", "b"),
    "a-group-apart": (response(group("r", said("e", SEVEN)), group("text"),
                               group("r", said("e", SEVEN))), "structure", ".item[2]", "r"),
    "nested-but-is-top": (response(group("g", said("a", "x"))),
                          "structure", ".item[0].item[0]", "a"),
    "top-but-is-nested": (response(said("b", "x")), "structure", ".item[0]", "b"),
    "below-the-item": (response(group("g", {**said("c", YES), "item": [said("d", "x")]})),
                       "invariant", ".item[0].item[0].item", "c"),
    "group-with-answer": (response({"linkId": "g", "answer": [YES]}),
                          "invariant", ".item[0].answer", "g"),
    "display-with-answer": (response(said("text", "x")), "invariant", ".item[0].answer", "text"),
    "display-with-item": (response(group("text", said("a", "x"))),
                          "invariant", ".item[0].item", "text"),
    "two-answers": (response(said("a", "x", "y")), "structure", ".item[0].answer", "a"),
    "two-items": (response(*TWICE), "structure", ".item[1]", "a"),
    "repeating-question-as-items": (response(group("g", said("b", "x"), said("b", "y"))),
                                    "structure", ".item[0].item[1]", "b"),
    "group-that-does-not-repeat": (response(group("g"), group("g")),
                                   "structure", ".item[1]", "g"),
    "display-twice": (response(group("text"), group("text")), "structure", ".item[1]", "text"),
    "no-link-id": (response({"answer": [YES]}), "required", ".item[0]", None),
    "link-id-null": (response({"linkId": None}), "structure", ".item[0].linkId", None),
    "item-null": (response(None), "structure", ".item[0]", None),
    "item-list": (response([]), "structure", ".item[0]", None),
    "items-object": (response(item={"linkId": "a"}), "structure", ".item", None),
    "items-empty": (response(item=[]), "structure", ".item", None),
    "answer-object": (response({"linkId": "a", "answer": {"valueString": "x"}}),
                      "structure", ".item[0].answer", "a"),
    "answer-empty": (response({"linkId": "a", "answer": []}),
                     "structure", ".item[0].answer", "a"),
    "answer-null": (response({"linkId": "a", "answer": [None]}),
                    "structure", ".item[0].answer[0]", "a"),
    "no-value": (response(said("a", {"extension": [{"url": "x"}]})),
                 "required", ".item[0].answer[0]", "a"),
    "two-values": (response(said("a", {"valueString": "x", "valueInteger": 1})),
                   "structure", ".item[0].answer[0]", "a"),
    "misspelt": (response({"linkId": "a", "anwser": []}), "structure", ".item[0]", "a"),
    "text-number": (response({"linkId": "a", "text": 5}), "structure", ".item[0].text", "a"),
    "modifier": (response({"linkId": "a", "modifierExtension": [{"url": "x"}]}),
                 "structure", ".item[0].modifierExtension", "a"),
    "no-status": (response(status=None), "required", ".status", None),
    "another-status": (response(status="done"), "code-invalid", ".status", None),
    "subject-text": (response(subject="Patient/1"), "structure", ".subject", None),
    "subject-says-nothing": (response(subject={"type": "Patient"}), "structure", ".subject", None),
    "authored-words": (response(authored="yesterday"), "structure", ".authored", None),
    "unknown-element": (response(items=[]), "structure", "", None),
    "id-with-spaces": (response(id="a b"), "structure", ".id", None),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "code", "path", "link_id"), BAD.values(), ids=BAD)
def test_what_does_not_follow_it_is_an_error(
    sent: Any, code: str, path: str, link_id: str | None
) -> None:
    expected = (ERROR, code, f"QuestionnaireResponse{path}", link_id)

    first, *others = validate(FORM, sent)

    assert (first.severity, first.code, first.expression, first.link_id) == expected
    # items that stand where none may are told one by one as well
    assert all(other.expression.startswith(f"{first.expression}[") for other in others)


@pytest.mark.parametrize(
    "sent", [None, 5, "x", [], {}, {"resourceType": "Patient"}, {"status": "completed"}], ids=str
)
def test_what_is_no_response_is_one_error(sent: Any) -> None:
    assert found(FORM, sent) == [(ERROR, "structure", None)]


@pytest.mark.parametrize("status", ["in-progress", "stopped", "entered-in-error", "amended"])
def test_every_status_of_fhir_is_known(status: str) -> None:
    assert validate(FORM, response(status=status)) == []


def test_answers_of_items_in_the_wrong_place_are_checked_all_the_same() -> None:
    sent = response(group("zebra", said("c", {"valueBoolean": "no", "item": [said("d", SEVEN)]})))

    assert found(FORM, sent) == [
        (ERROR, "not-found", None),
        (ERROR, "structure", "c"),
        (ERROR, "value", "c"),
        (ERROR, "structure", "d"),
        (ERROR, "value", "d"),
    ]


def test_strangers_of_any_shape_are_told() -> None:
    sent = response(group("zebra", None, said("d", *[{"valueString": "x"}], item=[5])))
    sent["item"][0]["answer"] = [5]

    codes = [code for _, code, _ in found(FORM, sent)]

    assert codes == ["not-found", "structure", "structure", "structure"]


PERIOD = {"effectivePeriod": {"start": "2026-05", "end": "2026-06-30"}}
WARNINGS: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    ("another-form", {}, {"questionnaire": "https://example.org/other"}, ["business-rule"]),
    ("another-version", {}, {"questionnaire": f"{URL}|2"}, ["business-rule"]),
    ("no-version", {}, {"questionnaire": URL}, []),
    ("no-form", {}, {"questionnaire": None}, ["incomplete"]),
    ("retired", {"status": "retired"}, {}, ["business-rule"]),
    ("draft", {"status": "draft"}, {}, []),
    ("before", PERIOD, {"authored": "2026-04-30"}, ["business-rule"]),
    ("first-day", PERIOD, {"authored": "2026-05-01"}, []),
    ("last-day", PERIOD, {"authored": "2026-06-30T23:59:59Z"}, []),
    ("after", PERIOD, {"authored": "2026-07-01T00:00:00Z"}, ["business-rule"]),
    ("undated", PERIOD, {"authored": None}, []),
]


@pytest.mark.parametrize(
    ("changes", "elements", "codes"), [w[1:] for w in WARNINGS], ids=[w[0] for w in WARNINGS]
)
def test_what_is_doubtful_about_the_questionnaire_is_a_warning(
    changes: dict[str, Any], elements: dict[str, Any], codes: list[str]
) -> None:
    sent = response(said("a", "x"), **elements)

    assert found({**FORM, **changes}, sent) == [("warning", code, None) for code in codes]


def test_an_outcome_tells_place_and_item() -> None:
    outcome = as_outcome(validate(FORM, response(said("a", "x", "y"))))

    assert outcome == {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "structure",
                "diagnostics": "Item 'a': It takes one answer, but there are several. Send one.",
                "expression": ["QuestionnaireResponse.item[0].answer"],
            }
        ],
    }


def test_an_outcome_without_problems_is_one_information() -> None:
    (issue,) = as_outcome([])["issue"]

    assert (issue["severity"], issue["code"]) == ("information", "informational")
