"""What is shown and what is wrong: the validator's word, for every operator and limit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from cds_service.content import Content
from cds_service.fhir.questionnaire_response import validate
from cds_service.settings import Settings
from cds_service.web.form import forms_of
from cds_service.web.form.error_texts import error_text
from cds_service.web.form.form_state import FormState, fitted
from cds_service.web.form.from_questionnaire import read_form
from cds_service.web.form.response import Heading, completed
from cds_service.web.form.texts import texts_of
from cds_service.web.form.views import Viewer
from tests.support.clinic import NOW
from tests.web.form.forms import (
    BASE,
    EVERYTHING,
    OURS,
    SMALL,
    VALUE_SET_CODES,
    VALUE_SETS,
    Garden,
    coding,
    item,
    options,
    questionnaire,
    when,
)

WORDS = texts_of("en")
LABEL_R = {"system": "conf", "code": "R"}


def filled(resource: dict[str, Any], answers: dict[str, Any], drafts: Any = None) -> FormState:
    form = read_form(resource, VALUE_SETS)
    given = {k: v if isinstance(v, list) else [v] for k, v in answers.items()}
    return FormState(form, given, drafts or {}, VALUE_SET_CODES, NOW)


# question kind, condition, an answer that meets it, one that does not
OPERATORS: list[tuple[dict[str, Any], dict[str, Any], Any, Any]] = [
    (item("q", "boolean"), when("q", "exists", answerBoolean=True), {"valueBoolean": False}, None),
    (item("q", "boolean"), when("q", "exists", answerBoolean=False), None, {"valueBoolean": True}),
    (
        item("q", "boolean"),
        when("q", "=", answerBoolean=True),
        {"valueBoolean": True},
        {"valueBoolean": False},
    ),
    (item("q", "integer"), when("q", "!=", answerInteger=3), {"valueInteger": 4}, None),
    (
        item("q", "integer"),
        when("q", "!=", answerInteger=3),
        {"valueInteger": 4},
        {"valueInteger": 3},
    ),
    (
        item("q", "integer"),
        when("q", ">", answerInteger=3),
        {"valueInteger": 4},
        {"valueInteger": 3},
    ),
    (
        item("q", "integer"),
        when("q", "<", answerInteger=3),
        {"valueInteger": 2},
        {"valueInteger": 3},
    ),
    (
        item("q", "decimal"),
        when("q", ">=", answerDecimal=2.5),
        {"valueDecimal": 2.5},
        {"valueDecimal": 2.4},
    ),
    (
        item("q", "decimal"),
        when("q", "<=", answerDecimal=2.5),
        {"valueDecimal": 2.5},
        {"valueDecimal": 2.6},
    ),
    (
        item("q", "date"),
        when("q", "<", answerDate="2024-01-01"),
        {"valueDate": "2023-12-31"},
        {"valueDate": "2024-01-02"},
    ),
    (
        item("q", "string"),
        when("q", "=", answerString="a"),
        {"valueString": "a"},
        {"valueString": "b"},
    ),
    (
        item("q", "choice", repeats=True, answerOption=options("a", "b")),
        when("q", "=", answerCoding=coding("a")),
        [{"valueCoding": coding("b")}, {"valueCoding": coding("a")}],
        {"valueCoding": coding("b")},
    ),
]


@pytest.mark.parametrize(("question", "condition", "meets", "fails"), OPERATORS)
def test_every_operator_shows_and_hides(
    question: Any, condition: Any, meets: Any, fails: Any
) -> None:
    resource = questionnaire(question, item("then", "string", enableWhen=[condition]))

    for answer, expected in ((meets, True), (fails, False)):
        here = filled(resource, {} if answer is None else {"q": answer})
        assert here.shown(here.form.parts["then"]) is expected


@pytest.mark.parametrize(("question", "condition", "meets", "fails"), OPERATORS)
def test_the_script_is_told_what_the_server_decides(
    question: Any, condition: Any, meets: Any, fails: Any
) -> None:
    """A condition on the same page goes out with the id of its question and the field's value."""
    resource = questionnaire(question, item("then", "string", enableWhen=[condition]))
    here = filled(resource, {})
    views = Viewer(here, WORDS, {}, checked=False).views(here.form.steps[0])

    told = orjson.loads(views[1].when)["of"]
    expected = next(v for k, v in condition.items() if k.startswith("answer"))
    if isinstance(expected, dict):
        expected = expected["code"]
    elif condition["operator"] != "exists" and isinstance(expected, bool):
        expected = str(expected).lower()
    assert told == [[here.form.parts["q"].id, condition["operator"], expected]]


def test_conditions_meet_together_or_one_by_one() -> None:
    both = [when(q, "=", answerBoolean=True) for q in ("a", "b")]
    questions = [item("a", "boolean"), item("b", "boolean")]

    for behavior, expected in (("all", False), ("any", True)):
        then = item("then", "string", enableWhen=both, enableBehavior=behavior)
        here = filled(questionnaire(*questions, then), {"a": {"valueBoolean": True}})
        assert here.shown(here.form.parts["then"]) is expected


def test_what_stands_in_a_hidden_group_is_hidden() -> None:
    here = filled(SMALL, {})

    assert not here.shown(here.form.parts["buried"])
    assert [step.number for step in here.steps] == [1, 2, 4]
    assert here.step_at(3).number == 4


def test_a_question_below_a_question_is_asked_once_that_is_answered() -> None:
    assert not filled(EVERYTHING, {}).shown(filled(EVERYTHING, {}).form.parts["child"])
    here = filled(EVERYTHING, {"parent": {"valueBoolean": False}})
    assert here.shown(here.form.parts["child"])


def test_a_condition_nobody_can_decide_here_does_not_hide_a_question() -> None:
    url = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-enableWhenExpression"
    asked = item("a", "string", extension=[{"url": url, "valueExpression": {}}])
    here = filled(questionnaire(asked), {})

    assert here.shown(here.form.parts["a"])


WRONG: list[tuple[str, Any, str]] = [
    ("int", {"valueInteger": 11}, "error_between"),
    ("dec", {"valueDecimal": 1.234}, "error_number"),
    ("day", {"valueDate": "2019-12-31"}, "error_date_range"),
    ("day", {"valueDate": "2024-02-31"}, "error_date_range"),
    ("moment", {"valueDateTime": "2024-02-31"}, "error_date"),
    ("line", {"valueString": "rose"}, "error_format"),
    ("line", {"valueString": "Rose" * 9}, "error_too_long"),
    ("lines", [{"valueString": c} for c in "abcd"], "error_too_many"),
    ("link", {"valueUri": "a b"}, "error_url"),
    ("many", [{"valueCoding": coding(c)} for c in ("hoe", "none")], "error_exclusive"),
    ("one", [{"valueCoding": coding(c)} for c in ("oak", "elm")], "error_one"),
    ("contained", {"valueCoding": {"code": "chalk"}}, "error_option"),
    ("words", {"valueString": "x" * 51}, "error_too_long"),
]


@pytest.mark.parametrize(("link_id", "answer", "key"), WRONG)
def test_what_is_wrong_is_said_in_plain_words(link_id: str, answer: Any, key: str) -> None:
    here = filled(EVERYTHING, {link_id: answer})

    assert list(here.problems) == [link_id]
    said = error_text(here, here.form.parts[link_id], here.problems[link_id], WORDS)
    assert said.partition("{")[0].startswith(WORDS(key).partition("{")[0].partition(" 3")[0][:12])


def test_a_draft_is_wrong_and_stands_before_the_validators_word() -> None:
    here = filled(EVERYTHING, {}, {"int": {"v": ["many"]}})

    assert dict(here.problems) == {"int": "unreadable"}
    assert here.fields(here.form.parts["int"]) == {"v": ["many"]}


def test_a_required_question_is_wrong_while_it_is_asked_and_blank() -> None:
    asked = [
        item("a", "boolean"),
        item("b", "string", required=True, enableWhen=[when("a", "=", answerBoolean=True)]),
    ]

    assert filled(questionnaire(*asked), {}).problems == {}
    assert filled(questionnaire(*asked), {"a": {"valueBoolean": True}}).problems == {
        "b": "required"
    }


def test_a_message_about_a_restricted_answer_is_private() -> None:
    here = filled(
        SMALL,
        {
            "tools": {"valueCoding": coding("saw")},
            "height": {"valueInteger": 9},
            "buried": {"valueCoding": coding("bones")},
        },
    )

    assert [(p.link_id, here.private(p)) for p in here.emergencies] == [
        ("danger", False),
        ("kind", True),
    ]


def test_what_is_no_longer_asked_is_known_and_not_sent() -> None:
    here = filled(SMALL, {"why": {"valueString": "to dig"}, "name": {"valueString": "Ada"}})

    assert [part.link_id for part in here.unasked] == ["why"]
    heading = Heading("en", "1", NOW)
    sent = completed(here.form, here.answers, here.enabled, heading)
    assert "to dig" not in str(sent)


def test_what_is_sent_carries_the_labels_of_what_was_answered_and_no_others() -> None:
    answers = {
        "height": {"valueInteger": 9},
        "name": {"valueString": "Ada"},
        "buried": {"valueCoding": coding("gold")},
    }
    for given in (answers, {k: v for k, v in answers.items() if k != "buried"}):
        here = filled(SMALL, given)
        heading = Heading("en", "1", NOW, frozenset({"name"}))
        sent = completed(here.form, here.answers, here.enabled, heading)

        assert sent.get("meta") == ({"security": [LABEL_R]} if "buried" in given else None)
        assert validate(here.form.checker, sent, now=NOW) == []
    name = sent["item"][0]["item"][1]
    assert name["answer"][0]["extension"][0]["extension"][0]["valueCode"] == "auto-server"


@pytest.mark.parametrize(
    ("group", "words"),
    [
        (True, "needs an answer"),
        (False, "needs an answer if you answer anything else in this part"),
    ],
    ids=["in-a-required-group", "in-an-optional-group"],
)
def test_what_is_called_needed_is_what_the_validator_demands(group: bool, words: str) -> None:
    inner = [item("a", "string"), item("b", "string", required=True)]
    asked = questionnaire(item("g", "group", required=group, item=inner))
    blank, begun = filled(asked, {}), filled(asked, {"a": {"valueString": "x"}})
    views = Viewer(blank, texts_of("en"), {}, False).views(blank.form.steps[0])

    assert [view.needed for view in views] == ["", words]
    assert bool(blank.problems) is group
    assert begun.problems == {"b": "required"}


def for_ages(youngest: int, oldest: int) -> dict[str, Any]:
    """Content that has whole responses of those ages labelled."""
    ends = {"low": {"value": youngest, "code": "a"}, "high": {"value": oldest, "code": "a"}}
    parts = [{"url": "ages", "valueRange": ends}, {"url": "label", "valueCoding": LABEL_R}]
    return {"url": OURS + "response-label-for-ages", "extension": parts}


@pytest.mark.parametrize(
    ("age", "labelled"),
    [(6, False), (7, True), (9, True), (10, False), (None, True)],
    ids=["one-below", "youngest", "oldest", "one-above", "unknown"],
)
def test_a_whole_response_is_labelled_at_the_ages_the_form_says(
    age: int | None, labelled: bool
) -> None:
    here = filled({**SMALL, "extension": [for_ages(7, 9)]}, {"name": {"valueString": "Ada"}})
    sent = completed(here.form, here.answers, here.enabled, Heading("en", "1", NOW, age=age))

    assert sent.get("meta") == ({"security": [LABEL_R]} if labelled else None)


@pytest.mark.parametrize(
    ("setting", "labelled"), [("", [13, 17]), ("12-15", [12, 15]), ("none", [])]
)
def test_a_site_sets_the_ages(
    setting: str, labelled: list[int], content: Content, tmp_path: Path
) -> None:
    garden = Garden(tmp_path)
    ages = Settings(restricted_ages=setting).age_range
    forms = forms_of(content, garden.sessions, garden.clock, BASE, ages)
    intake = forms[content.questionnaire.id]
    found = {age for age in range(120) for one in intake.form.age_labels if one.is_for(age)}

    assert found == (set(range(labelled[0], labelled[1] + 1)) if labelled else set())


def test_a_label_of_the_age_and_of_an_answer_is_one() -> None:
    answers = {
        "height": {"valueInteger": 9},
        "name": {"valueString": "Ada"},
        "buried": {"valueCoding": coding("gold")},
    }
    here = filled({**SMALL, "extension": [for_ages(7, 9)]}, answers)
    sent = completed(here.form, here.answers, here.enabled, Heading("en", "1", NOW, age=8))

    assert sent["meta"] == {"security": [LABEL_R]}


def test_only_what_fits_is_taken_over() -> None:
    answers = {
        "int": [{"valueInteger": 3}],
        "one": [{"valueCoding": {"code": "yew"}}],
        "gone": [{"valueString": "x"}],
        "group": [{"valueString": "x"}],
        "inner": [{"valueString": "kept"}],
    }

    kept, dropped = fitted(read_form(EVERYTHING, VALUE_SETS), answers, VALUE_SET_CODES, NOW)

    assert sorted(kept) == ["inner", "int"]
    assert sorted(dropped) == ["gone", "group", "one"]
