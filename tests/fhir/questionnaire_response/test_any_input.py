"""The intake form and whatever may be sent instead of a right response."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.authoring.vignettes import Vignettes, request_for
from cds_service.decision.answers import read_answers
from cds_service.fhir.questionnaire_response import (
    MAX_PROBLEMS,
    Form,
    Problem,
    as_outcome,
    compile_form,
    validate,
)
from tests.fhir.questionnaire_response.forms import (
    CORE,
    coding,
    errors,
    form,
    group,
    item,
    resolve,
    response,
)
from tests.fhir.questionnaire_response.forms import said as say
from tests.support.clinic import ABSENT, NOW, QUIET, Clinic, changed, walk

INVALID_PEOPLE = {
    *("ANATOMY-82", "EDGE-2", "EDGE-7", "EDGE-9"),  # an unknown body part, on purpose
    *("ASK-e1", "VSP-e1"),  # "none" beside another option, on purpose
}
NOT_ASKED = "It is answered, but other answers say that it is not asked. Leave it out."
"""Vignettes may hold answers to questions that are not asked, to see that these do not count."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
CANARY = "Quetzal-Canary"
Answered = tuple[str, dict[str, Any]]


@pytest.fixture(scope="module")
def intake(clinic: Clinic) -> Form:
    return compile_form(clinic.form.resource)


@pytest.fixture(scope="module")
def answered(clinic: Clinic, vignettes: Vignettes) -> list[Answered]:
    """Every response of every vignette, with its id."""
    responses = []
    for vignette in vignettes.people:
        body = request_for(vignette, vignettes.defaults, clinic.content, ["questionnaireResponses"])
        for entry in body["prefetch"]["questionnaireResponses"].get("entry", ()):
            responses.append((vignette.id, entry["resource"]))
    return responses


@pytest.fixture(scope="module")
def people(clinic: Clinic, answered: list[Answered]) -> dict[str, dict[str, Any]]:
    """The responses to the intake form, by the vignette's id."""
    url = clinic.content.questionnaire.url
    return {name: r for name, r in answered if r["questionnaire"].partition("|")[0] == url}


# -- right responses -----------------------------------------------------------------------------


def test_what_people_answer_is_valid(clinic: Clinic, answered: list[Answered]) -> None:
    forms = {one.url: compile_form(one.resource) for one in clinic.content.forms}
    wrong = {}
    for name, sent in answered:
        written = {k: v for k, v in sent.items() if v != []}  # FHIR writes no empty list
        problems = validate(forms[sent["questionnaire"].partition("|")[0]], written)
        if any(problem.text != NOT_ASKED for problem in problems):
            wrong[name] = problems

    assert len(answered) > 1000
    assert wrong.keys() == INVALID_PEOPLE


def test_a_whole_form_with_every_question_is_valid(intake: Form, clinic: Clinic) -> None:
    answers = {**QUIET, "organs": ["uterus", "cervix", "ovary", "vagina", "penis", "testis"],
               "rfpen": ["none"], "penis": ["none"], "postpartum": "lt6w", "breastfeeding": "yes",
               "dry": "most", "dryother": "no", "other": "It began after a fall."}  # fmt: skip
    options = clinic.form.items
    answers = {k: _known(options[k], v) for k in options if (v := answers.get(k)) is not None}
    sent = clinic.response(answers)

    assert len(answers) == 34
    assert validate(intake, sent) == []


def _known(item: Any, value: Any) -> Any:
    """The value, or the item's first option where the form words it otherwise."""
    if item.kind != "choice" or isinstance(value, list):
        return value
    return value if value in item.system else next(iter(item.system))


# -- what read_answers cannot use is an error here -------------------------------------------------


def unusable_agrees(clinic: Clinic, intake: Form, sent: dict[str, Any]) -> None:
    """Every item that the rules' reader lists as unusable has an error of this validator."""
    unusable = read_answers(clinic.form, sent, NOW - timedelta(hours=1), NOW).unusable
    found = errors(validate(intake, sent))
    named = {problem.link_id for problem in found}
    for link_id in set(unusable):
        if link_id in clinic.form.items:
            assert link_id in named
        else:
            assert any(_points_at(sent, p, link_id) for p in found)


def _points_at(sent: Any, problem: Problem, link_id: str) -> bool:
    return problem.code == "not-found" and resolve(sent, problem.expression) == link_id


def sites(sent: Any) -> list[tuple[Any, ...]]:
    return [path for path, _ in walk(sent) if path and path[0] == "item"]


SWAPS = [None, True, 7, 7.5, "x", CANARY, "", [], {}, [None], [{}], {"x": 1}, 10**30]


def test_what_the_rules_cannot_use_is_an_error(clinic: Clinic, intake: Form) -> None:
    sent = clinic.response(QUIET)

    for path in sites(sent):
        for value in (*SWAPS, ABSENT):
            unusable_agrees(clinic, intake, changed(sent, path, value))


@given(data=st.data())
def test_the_same_for_any_two_changes(data: Any, clinic: Clinic, intake: Form) -> None:
    sent = clinic.response(QUIET)
    for _ in range(2):
        path = data.draw(st.sampled_from(sites(sent)))
        sent = changed(sent, path, data.draw(JSON))
        if not sites(sent):
            break

    unusable_agrees(clinic, intake, sent)


# -- a changed meaning is told ---------------------------------------------------------------------


def optional(path: tuple[Any, ...]) -> bool:
    """Where leaving something out is another right response: a whole item, one of its answers."""
    return len(path) == 1 or isinstance(path[-1], int)


def meaningful(sent: Any) -> Iterator[tuple[Any, ...]]:
    """The places of a response that its meaning hangs on."""
    yield from (("resourceType",), ("status",))
    yield from sites(sent)


@pytest.mark.parametrize("value", [None, True, 7.5, CANARY, [], {}, {"x": 1}], ids=str)
def test_a_value_of_another_type_is_always_an_error(
    value: Any, clinic: Clinic, intake: Form
) -> None:
    sent = clinic.response({**QUIET, "other": "words"})
    for path in meaningful(sent):
        if path[-1] == "valueString" and isinstance(value, str):
            continue  # other words are as good as any
        assert errors(validate(intake, changed(sent, path, value))), path


def test_a_part_that_is_left_out_is_always_an_error(clinic: Clinic, intake: Form) -> None:
    sent = clinic.response({k: v for k, v in QUIET.items() if k not in ("organs", "private")})
    sent["item"] = [i for i in sent["item"] if i["linkId"] not in PRIVATE]
    assert validate(intake, sent) == []
    for path in meaningful(sent):
        found = errors(validate(intake, changed(sent, path, ABSENT)))
        if path[-1] == "answer":
            assert found == []  # an item without an answer is an unanswered question
        elif not optional(path):
            assert found, path


PRIVATE = {"trauma", "safe", "unwanted", "private"}


@given(data=st.data())
def test_what_stands_twice_or_elsewhere_is_told(data: Any, clinic: Clinic, intake: Form) -> None:
    sent = clinic.response({**QUIET, "urine": ["burn", "freq"]})
    items = sent["item"]
    one, other = data.draw(st.lists(st.integers(0, len(items) - 1), min_size=2, max_size=2))

    if one == other:
        items.insert(one, copy.deepcopy(items[one]))
    else:
        items[one], items[other] = items[other], items[one]

    assert errors(validate(intake, sent))


def test_an_answer_sent_twice_is_told(clinic: Clinic, intake: Form) -> None:
    for link_id, value in QUIET.items():
        sent = clinic.response(QUIET)
        (answers,) = [i["answer"] for i in sent["item"] if i["linkId"] == link_id]
        answers.append(copy.deepcopy(answers[0]))
        expected = "duplicate" if isinstance(value, list) else "structure"

        assert [(p.code, p.link_id) for p in validate(intake, sent)] == [(expected, link_id)]


# -- anything at all -------------------------------------------------------------------------------


@given(document=JSON)
def test_no_json_is_too_strange(document: Any, intake: Form) -> None:
    for sent in (document, response(document), response(item=document), response(status=document)):
        outcome = as_outcome(validate(intake, sent))

        assert outcome["issue"]


@given(data=st.data())
def test_no_questionnaire_is_too_strange(data: Any, clinic: Clinic) -> None:
    questionnaire = {**clinic.form.resource, "item": EVERYTHING["item"]}
    places = [path for path, _ in walk(questionnaire) if path]
    for _ in range(2):
        questionnaire = changed(questionnaire, data.draw(st.sampled_from(places)), data.draw(JSON))
        places = [path for path, _ in walk(questionnaire) if path]

    for problem in validate(questionnaire, ANSWERED):
        assert problem.text


def _value(kind: str) -> dict[str, Any]:
    return {
        "string": {"valueString": "x"},
        "integer": {"valueInteger": 3},
        "choice": {"valueCoding": coding("red")},
        "quantity": {"valueQuantity": {"value": 1, "code": "kg", "system": "urn:u"}},
        "reference": {"valueReference": {"reference": "#p"}},
        "attachment": {"valueAttachment": {"url": "u", "contentType": "a/b"}},
        "date": {"valueDate": "2026"},
    }[kind]


LIMITS = {
    CORE + "minLength": {"valueInteger": 1},
    CORE + "regex": {"valueString": ".*"},
    CORE + "minValue": {"valueInteger": 1},
    CORE + "maxValue": {"valueDate": "2027"},
    CORE + "maxDecimalPlaces": {"valueInteger": 1},
    CORE + "questionnaire-unitOption": {"valueCoding": {"system": "urn:u", "code": "kg"}},
    CORE + "questionnaire-unitValueSet": {"valueCanonical": "#v"},
    CORE + "questionnaire-unit": {"valueCoding": {"system": "urn:u", "code": "kg"}},
    CORE + "questionnaire-referenceResource": {"valueCode": "Patient"},
    CORE + "mimeType": {"valueCode": "a/b"},
    CORE + "maxSize": {"valueDecimal": 1},
    CORE + "questionnaire-minOccurs": {"valueInteger": 1},
    CORE + "questionnaire-maxOccurs": {"valueInteger": 3},
    CORE + "questionnaire-constraint": {
        "extension": [{"url": "expression", "valueString": "answer.exists()"}]
    },
}
KINDS = ("string", "integer", "choice", "quantity", "reference", "attachment", "date")
WHEN = {"question": "string", "operator": "=", "answerString": "x"}
OPTION = {"valueCoding": coding("red")}
EVERYTHING = form(
    *(
        item(kind, kind, ext=LIMITS, enableWhen=[WHEN] if kind != "string" else [])
        for kind in KINDS
    ),
    item("g", "group", item("in", "choice", answerOption=[OPTION], required=True), repeats=True),
    item("v", "choice", answerValueSet="#v"),
)
ANSWERED = response(
    *(say(kind, _value(kind)) for kind in KINDS),
    group("g", say("in", OPTION)),
    say("v", OPTION),
)


def test_no_text_repeats_what_was_sent(clinic: Clinic, intake: Form) -> None:
    sent = clinic.response({**QUIET, "other": "words"})
    for path, _ in walk(sent):
        if not path:
            continue
        for value in (CANARY, {CANARY: CANARY}, [CANARY], {"linkId": CANARY}):
            problems = validate(intake, changed(sent, path, value))
            assert CANARY not in json.dumps(as_outcome(problems)), path


# -- how much ------------------------------------------------------------------------------------


def test_many_problems_are_counted_and_not_told(intake: Form) -> None:
    canonical = intake.resource["url"]
    strangers = ({"linkId": f"none-{number}"} for number in range(1000))
    sent = response(*strangers, questionnaire=canonical)

    *kept, more = validate(intake, sent)

    assert len(kept) == MAX_PROBLEMS
    assert (more.severity, more.code) == ("error", "incomplete")
    assert "900" in more.text


def test_an_error_after_many_warnings_still_makes_it_invalid() -> None:
    questionnaire = form(item("v", "choice", answerValueSet="urn:x", repeats=True), item("z"))
    answers = [{"valueCoding": coding(str(number))} for number in range(200)]

    problems = validate(questionnaire, response(say("v", *answers), say("z", {"valueInteger": 1})))

    assert [p.severity for p in problems] == ["warning"] * MAX_PROBLEMS + ["error"]


def _deep(depth: int) -> dict[str, Any]:
    node: dict[str, Any] = {"linkId": "x"}
    for number in range(depth):
        node = {"linkId": "x", "item": [node]} if number % 2 else say("x", {"item": [node]})
    return node


def test_a_deep_response_is_not_followed_to_its_end() -> None:
    nested = item("x", "group")
    for _ in range(300):
        nested = item("x", "group", nested)

    assert errors(validate(form(item("a")), response(_deep(5000))))
    assert errors(validate(form(nested), response(_deep(5000))))


def test_a_deep_questionnaire_is_read_as_far_as_it_can_be() -> None:
    nested, sent = item("i0"), say("i0", "x")
    for number in range(1, 200):
        nested, sent = item(f"i{number}", "group", nested), group(f"i{number}", sent)

    severities = {p.severity for p in validate(form(nested), response(sent))}

    assert severities == {"warning", "error"}


def _calls(questionnaire: Any, sent: Any) -> int:
    """How many functions a validation calls: its cost, the same on a busy machine."""
    count = 0

    def counted(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        validate(questionnaire, sent)
    finally:
        sys.setprofile(before)
    return count


OPEN = [{"question": "q", "operator": "=", "answerString": "none"}]
GROWING = form(
    item("q", repeats=True),
    item("r", "group", item("a", enableWhen=OPEN), item("b", required=True), repeats=True),
    item("c", enableWhen=[{"question": "a", "operator": "exists", "answerBoolean": True}]),
)


@pytest.mark.parametrize("shape", ["answers", "groups", "strangers", "misplaced"])
def test_work_grows_with_the_response(shape: str) -> None:
    def sent(count: int) -> dict[str, Any]:
        return {
            "answers": response(say("q", *["x"] * count), *[group("r", say("b", "x"))] * 2),
            "groups": response(
                say("q", *["x"] * count), *[group("r", group("a"), say("b", "x"))] * count
            ),
            "strangers": response(*[say("s", "x")] * count),
            "misplaced": response(group("r", *[say("c", "x")] * count)),
        }[shape]

    small, large = _calls(GROWING, sent(300)), _calls(GROWING, sent(3_000))

    assert small < large < 11 * small  # squares would be a hundred times
