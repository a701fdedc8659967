"""Any Questionnaire becomes a form: every type has a control, nothing is dropped unsaid."""

from __future__ import annotations

import pytest

from cds_service.content import Content
from cds_service.web.form.from_questionnaire import read_form
from tests.web.form.forms import (
    CODES,
    EVERYTHING,
    VALUE_SETS,
    control,
    ext,
    item,
    options,
    questionnaire,
    translated,
    when,
)

FORM = read_form(EVERYTHING, VALUE_SETS)
CONTROLS = {
    "welcome": "display",
    "bool": "boolean",
    "dec": "number",
    "int": "number",
    "day": "date",
    "moment": "datetime",
    "clock": "time",
    "line": "line",
    "lines": "line",
    "words": "lines",
    "link": "line",
    "one": "radio",
    "drop": "select",
    "many": "checkboxes",
    "open": "checkboxes",
    "contained": "radio",
    "bundled": "radio",
    "amount": "quantity",
    "file": "closed",
    "who": "closed",
    "group": "group",
    "parent": "boolean",
}


@pytest.mark.parametrize("link_id", CONTROLS)
def test_every_type_of_item_has_its_control(link_id: str) -> None:
    assert FORM.parts[link_id].control == CONTROLS[link_id]


def test_every_item_is_on_exactly_one_step() -> None:
    asked = [p.link_id for step in FORM.steps for p in step.all_parts]

    assert sorted(asked) == sorted(FORM.parts)
    assert [step.number for step in FORM.steps] == list(range(1, len(FORM.steps) + 1))


def test_a_help_text_belongs_to_its_question() -> None:
    assert [hint.written for hint in FORM.parts["parent"].hints] == ["About aid"]
    assert "aid" not in FORM.parts


def test_options_come_from_value_sets_here_and_elsewhere() -> None:
    assert [o.token for o in FORM.parts["contained"].options] == ["clay", "sand"]
    assert [o.answer for o in FORM.parts["bundled"].options] == [
        {"valueCoding": {"system": CODES, "code": code}} for code in ("slug", "snail")
    ]


def test_a_choice_without_known_options_cannot_be_answered_here() -> None:
    form = read_form(questionnaire(item("a", "choice", answerValueSet="https://x.example/vs")))

    assert form.parts["a"].control == "closed"


def test_an_open_choice_without_known_options_takes_words() -> None:
    form = read_form(questionnaire(item("a", "open-choice", answerValueSet="https://x.example/vs")))

    assert form.parts["a"].control == "line"


def test_many_options_are_a_list_to_drop_down_unless_said_otherwise() -> None:
    codes = [f"c{n}" for n in range(16)]
    said = item("b", "choice", answerOption=options(*codes), extension=[control("radio-button")])
    form = read_form(questionnaire(item("a", "choice", answerOption=options(*codes)), said))

    assert (form.parts["a"].control, form.parts["b"].control) == ("select", "radio")


def test_options_with_one_code_in_two_systems_stay_apart() -> None:
    two = [{"valueCoding": {"system": s, "code": "x"}} for s in ("urn:a", "urn:b")]
    form = read_form(questionnaire(item("a", "choice", answerOption=two)))

    assert len({o.token for o in form.parts["a"].options}) == 2


def test_top_groups_are_steps_and_loose_questions_stand_between() -> None:
    inner = [item("b", "string")]
    form = read_form(
        questionnaire(
            item("a", "string"), item("g", "group", "Trees", item=inner), item("c", "string")
        )
    )

    assert [step.title.written for step in form.steps] == ["", "Trees", ""]


def test_a_flat_form_is_divided_in_pages_that_can_be_taken_in() -> None:
    form = read_form(questionnaire(*(item(f"q{n}", "string") for n in range(20))))

    assert [len(step.parts) for step in form.steps] == [6, 6, 6, 2]


def test_a_fixed_text_stays_with_its_question() -> None:
    questions = [item(f"q{n}", "string") for n in range(6)]
    after = item("after", "display", enableWhen=[when("q5", "exists", answerBoolean=True)])
    before, last = item("before", "display"), item("q6", "string")
    form = read_form(questionnaire(*questions, after, before, last, item("end", "display")))

    pages = [[p.link_id for p in step.parts] for step in form.steps]
    assert pages[0][-2:] == ["q5", "after"]
    assert pages[1:] == [["before", "q6", "end"]]


def test_a_question_is_restricted_by_its_label() -> None:
    restricted = {p.link_id for step in FORM.steps for p in step.all_parts if p.item.restricted}

    assert "secret" in restricted
    assert "bool" not in restricted


def test_a_link_to_more_must_be_https() -> None:
    links = ["https://good.example/", "javascript:alert(1)", "http://plain.example/"]
    items = [
        item(f"q{n}", "string", extension=[ext("questionnaire-supportLink", valueUri=url)])
        for n, url in enumerate(links)
    ]
    form = read_form(questionnaire(*items))

    assert [part.link for part in form.parts.values()] == [links[0], None, None]


def test_texts_have_their_translations() -> None:
    option = {"valueCoding": {"code": "x", "display": "Yes", "_display": translated("Sí")}}
    asked = item("a", "choice", "Why?", answerOption=[option], _text=translated("¿Por qué?"))
    part = read_form(questionnaire(asked)).parts["a"]

    assert (part.text.in_language("es"), part.text.in_language("fr")) == ("¿Por qué?", "Why?")
    assert part.options[0].text.in_language("es") == "Sí"


def test_the_intake_form_asks_everything_in_steps_of_one_to_six(content: Content) -> None:
    form = read_form(content.questionnaire.resource)
    counts = [sum(p.is_question for p in step.all_parts) for step in form.steps]

    assert sum(counts) == len(
        [i for i in content.questionnaire.items.values() if i.kind != "display"]
    )
    assert max(counts) <= 6
    assert not any(part.control == "closed" for part in form.parts.values())
    assert form.languages[0] == "en"


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"resourceType": "Questionnaire", "item": [{"linkId": "a"}]},
        questionnaire({"linkId": "a", "type": "choice", "answerOption": [{}]}),
        questionnaire(item("a", "string"), item("a", "string")),
        questionnaire(item("a", "new-type")),
    ],
)
def test_odd_questionnaires_make_a_form_all_the_same(broken: dict) -> None:
    form = read_form(broken)

    assert all(part.control for part in form.parts.values())
