"""Several forms in one content: each has its own view, its newest usable response, its reasons."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from cds_service.content import Content, load_content
from cds_service.decision.facts import Facts
from cds_service.fhirpath import compile_expression
from cds_service.hooks.pipeline import Pipeline
from cds_service.hooks.request import parse_request
from tests.support.clinic import INTAKE_URL, NOW, QUIET, Clinic, ago, chart_entry
from tests.support.made_up_forms import CODES, LATER, SEEN, add_forms, copy_content

RED = [{"linkId": "skin", "answer": [{"valueCoding": {"system": CODES, "code": "red"}}]}]
PLAIN = [{"linkId": "skin", "answer": [{"valueCoding": {"system": CODES, "code": "plain"}}]}]
SPOT = {"linkId": "spot", "answer": [{"valueCoding": {"system": CODES, "code": "large"}}]}
VISIT = {"encounter": {"reference": "Encounter/visit"}}


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Content:
    folder = copy_content(tmp_path_factory.mktemp("content"))
    add_forms(folder)
    return load_content(folder)


def answered(url: str, items: list[Any], hours: float = 1, **elements: Any) -> dict[str, Any]:
    made = {
        "questionnaire": url,
        "status": "completed",
        "item": items,
        "authored": ago(hours=hours),
    }
    return chart_entry("QuestionnaireResponse", **{**made, **elements})


def later(pain: int, hours: float = 1) -> dict[str, Any]:
    return answered(LATER, [{"linkId": "sev", "answer": [{"valueInteger": pain}]}], hours)


def facts(clinic: Clinic, content: Content, responses: Iterable[dict[str, Any]]) -> Facts:
    body = clinic.request(responses=responses)
    body["context"]["encounterId"] = "visit"
    return Pipeline(content, INTAKE_URL).facts(parse_request(body, "patient-view"), NOW)[1]


def truth(content: Content, found: Facts, text: str) -> list[Any]:
    bindings = content.expressions.bind(found.variables, NOW)
    return bindings.answer(compile_expression(text, set(found.variables)))


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("%seen.skin.red", [True]),
        ("%seen.skin.plain", [False]),
        ("%seenHours = 1", [True]),
        ("%seenResponse.exists()", [True]),
        ("%later.sev > %answers.sev + 2", [True]),
        ("%past.sev", []),
        ("%pastHours", []),
        ("'undated' in %seenUnusable", [False]),
    ],
)
def test_each_view_has_its_own_answers(
    clinic: Clinic, several: Content, expression: str, answer: list[Any]
) -> None:
    responses = [clinic.response(QUIET), answered(SEEN, RED), later(8)]

    found = facts(clinic, several, responses)

    assert truth(several, found, expression) == answer


def test_a_form_that_nobody_answered_is_unknown_in_all(clinic: Clinic, several: Content) -> None:
    found = facts(clinic, several, [clinic.response(QUIET)])

    for name in ("%seen.skin.red", "%seenHours", "%seenResponse", "%later.sev", "%past.sev"):
        assert truth(several, found, name) == []
    assert truth(several, found, "%seenUnusable.exists()") == [False]


@pytest.mark.parametrize(
    ("elements", "reasons"),
    [
        ({"author": {"reference": "Patient/person"}}, ["not-by-professional"]),
        ({"source": {"reference": "RelatedPerson/x"}}, ["not-by-professional"]),
        ({"author": {"type": "Patient", "display": "x"}}, ["not-by-professional"]),
        ({"author": {"reference": "Practitioner/x"}}, []),
        ({"authored": ago(hours=-48)}, ["future"]),
        ({"authored": "last week"}, ["undated"]),
        ({"authored": ago(hours=49)}, ["too-old"]),
        ({"authored": ago(hours=48)}, []),
        ({"authored": ago(hours=900), **VISIT}, []),
        ({"authored": ago(hours=900), "encounter": {"reference": "Encounter/other"}}, ["too-old"]),
        ({"status": "in-progress"}, ["not-finished"]),
        ({"status": "made-up"}, ["not-understood"]),
        ({"status": "entered-in-error"}, []),
        ({"modifierExtension": [{"url": "x", "valueBoolean": True}]}, ["not-understood"]),
        ({"questionnaire": "Questionnaire/visit-seen"}, ["not-understood"]),
        ({"item": [*PLAIN, SPOT]}, ["items"]),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_said_and_stops_nothing(
    clinic: Clinic, several: Content, elements: dict[str, Any], reasons: list[str]
) -> None:
    response = answered(SEEN, RED, **elements)

    found = facts(clinic, several, [clinic.response(QUIET), response])

    assert found.variables["seenUnusable"] == reasons
    used = truth(several, found, "%seenResponse.exists()") == [True]
    assert used is (reasons in ([], ["items"]) and elements.get("status") != "entered-in-error")


def test_the_newest_counts_alone(clinic: Clinic, several: Content) -> None:
    old = answered(SEEN, [*RED, {"linkId": "looks", "item": [SPOT]}], 5)
    refused = answered(SEEN, RED, 7, author={"reference": "Patient/person"})

    found = facts(clinic, several, [old, answered(SEEN, PLAIN, 2), refused])

    assert truth(several, found, "%seen.skin.plain") == [True]
    assert truth(several, found, "%seen.spot.large") == []
    assert found.variables["seenUnusable"] == []  # what is older than the one in use is history


def test_without_the_needed_form_nothing_is_missing(clinic: Clinic, several: Content) -> None:
    found = facts(clinic, several, [answered(SEEN, RED)])

    assert truth(several, found, "%questionnaireResponse.exists()") == [False]
    assert truth(several, found, "%seen.skin.red") == [True]


@pytest.mark.parametrize(
    ("intake", "pain"),
    [(100, []), (101, [2]), (1001, [2]), (1002, [])],  # the later form is an hour old
)
def test_an_earlier_view_looks_back_between_two_distances(
    clinic: Clinic, several: Content, intake: float, pain: list[int]
) -> None:
    first = clinic.response(QUIET, authored=ago(hours=intake))

    found = facts(clinic, several, [first, later(8)])

    assert truth(several, found, "%past.sev") == pain
    assert truth(several, found, "%past.rfgen.none") == ([True] if pain else [])


def test_two_earlier_ones_the_newer_counts(clinic: Clinic, several: Content) -> None:
    responses = [
        clinic.response({**QUIET, "sev": sev}, authored=ago(hours=hours))
        for sev, hours in ((3, 400), (5, 200), (9, 20))
    ]

    found = facts(clinic, several, [*responses, later(8)])

    assert truth(several, found, "%past.sev") == [5]
    assert truth(several, found, "%answers.sev") == [9]


def test_items_of_two_forms_are_told_apart(clinic: Clinic, several: Content) -> None:
    found = facts(clinic, several, [clinic.response(QUIET), later(8)])

    assert found.answers.view["sev"] == QUIET["sev"]
    assert found.answers.view["later.sev"] == 8
    assert {"later.sev", "past.sev", "seen.spot"} <= several.items.keys()
    assert several.own_path("past.sev") == "sev"
