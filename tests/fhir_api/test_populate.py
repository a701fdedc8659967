"""The form is answered from the chart where an entry proves the answer, and nowhere else."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.content import Content
from cds_service.content import extensions as ext
from cds_service.fhir.questionnaire_response import validate
from cds_service.fhir_api.populate import Populated, Populator
from cds_service.fhirpath import compile_expression
from cds_service.hooks.pipeline import Pipeline
from tests.support.clinic import FORM, NOW, PERSON, Clinic, ago, bundle, meeting

ANSWER_SOURCE = ext.full_url(FORM, ext.ANSWER_SOURCE)
PATIENT = {"resourceType": "Patient", "id": PERSON, "birthDate": "1990-03-01", "gender": "female"}


def launched(clinic: Clinic, *chart: dict[str, Any], **more: Any) -> Populated:
    launch = {"patient": PATIENT, "chart": bundle(chart), **more}
    return clinic.populator.populate(launch, NOW)


def entry(clinic: Clinic, name: str, when: str = "", **elements: Any) -> dict[str, Any]:
    """A chart entry that meets a requirement, a month old."""
    return meeting(clinic.content.requirements[name], when or ago(days=30), **elements)


def codes(populated: Populated) -> dict[str, list[str]]:
    return {
        item["linkId"]: [a["valueCoding"]["code"] for a in item["answer"]]
        for item in populated.response.get("item", ())
    }


# -- what the chart proves ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("antidepressantRequest", "antidep"),
        ("antidepressantStatement", "antidep"),
        ("combinedContraceptiveRequest", "hormbc"),
        ("antiestrogenStatement", "hormblock"),
    ],
)
def test_an_active_medicine_is_ticked(name: str, option: str, clinic: Clinic) -> None:
    found = launched(clinic, entry(clinic, name))

    assert codes(found) == {"meds": [option]}
    assert found.issues == ()


def test_several_medicines_are_several_answers_in_the_forms_order(clinic: Clinic) -> None:
    chart = [entry(clinic, n) for n in ("antiestrogenRequest", "antidepressantRequest")]

    assert codes(launched(clinic, *chart)) == {"meds": ["antidep", "hormblock"]}


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (ago(days=30), {"surg": ["lt6m"]}),
        (ago(days=170), {"surg": ["lt6m"]}),
        (ago(days=190), {}),
        ("2026", {}),  # some time this year: perhaps long ago
    ],
    ids=["a-month-ago", "below-six-months", "above-six-months", "only-the-year"],
)
def test_surgery_is_ticked_only_where_its_date_proves_it(
    when: str, expected: dict[str, list[str]], clinic: Clinic
) -> None:
    assert codes(launched(clinic, entry(clinic, "prostatectomyProcedure", when))) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "stopped"},
        {"status": "entered-in-error"},
        {"intent": "proposal"},
        {"doNotPerform": True},
        {"medicationCodeableConcept": {"text": "sertraline"}},
    ],
    ids=str,
)
def test_what_is_no_active_medicine_ticks_nothing(changes: dict[str, Any], clinic: Clinic) -> None:
    assert codes(launched(clinic, entry(clinic, "antidepressantRequest", **changes))) == {}


@pytest.mark.parametrize("gender", ["female", "male", "other", None])
def test_an_empty_chart_answers_nothing(gender: str | None, clinic: Clinic) -> None:
    patient = {**PATIENT, "gender": gender} if gender else {"resourceType": "Patient", "id": PERSON}

    found = launched(clinic, patient=patient)

    assert "item" not in found.response
    assert (found.origins, found.issues) == ({}, ())


def test_an_organ_that_was_removed_is_not_ticked_as_there(clinic: Clinic) -> None:
    names = [
        n for n in clinic.content.requirements if n.endswith(("ectomyHistory", "plastyHistory"))
    ]
    assert names

    found = launched(clinic, *(entry(clinic, name) for name in names))

    assert codes(found) == {}


# -- where it comes from --------------------------------------------------------------------


def test_each_answer_names_its_own_entry(clinic: Clinic) -> None:
    chart = [
        entry(clinic, "antidepressantRequest", "2026-10-02", id="pill"),
        entry(clinic, "antiestrogenStatement", "2026-09-01", id="shot"),
    ]

    (item,) = launched(clinic, *chart).response["item"]

    origins = [
        (a["valueCoding"]["code"], e["valueReference"]["reference"])
        for a in item["answer"]
        for e in a["extension"]
        if e["url"] == ANSWER_SOURCE
    ]
    assert origins == [
        ("antidep", "MedicationRequest/pill"),
        ("hormblock", "MedicationStatement/shot"),
    ]


def test_a_machine_filled_answer_says_so(clinic: Clinic) -> None:
    (item,) = launched(clinic, entry(clinic, "antidepressantRequest")).response["item"]

    first = item["answer"][0]["extension"][0]
    assert first == {
        "url": ext.INFORMATION_ORIGIN,
        "extension": [{"url": "source", "valueCode": "auto"}],
    }


def test_the_form_is_told_in_words_and_the_words_name_no_medicine(clinic: Clinic) -> None:
    found = launched(clinic, entry(clinic, "antidepressantRequest", "2026-10-02", id="pill"))

    assert found.origins == {
        "meds": {
            "source": "your health record, medicines, 2026-10-02",
            "reference": "MedicationRequest/pill",
        }
    }


def test_the_words_are_in_the_persons_language(clinic: Clinic) -> None:
    launch = {"patient": PATIENT, "chart": entry(clinic, "antidepressantRequest", "2026-10-02")}

    spanish = clinic.populator.populate(launch, NOW, "es").origins["meds"]["source"]
    unknown = clinic.populator.populate(launch, NOW, "xx").origins["meds"]["source"]

    assert spanish == "su expediente médico, medicinas, 2026-10-02"
    assert unknown == "your health record, medicines, 2026-10-02"


def test_an_entry_without_an_id_has_no_reference(clinic: Clinic) -> None:
    anonymous = entry(clinic, "antidepressantRequest")
    del anonymous["id"]

    assert "reference" not in launched(clinic, anonymous).origins["meds"]


def test_the_response_is_about_the_person_and_in_progress(clinic: Clinic) -> None:
    visit = {"resourceType": "Encounter", "id": "visit", "status": "in-progress"}

    response = launched(clinic, encounter=visit).response

    form = clinic.form.resource
    assert response == {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{form['url']}|{form['version']}",
        "status": "in-progress",
        "authored": NOW.isoformat(),
        "subject": {"reference": f"Patient/{PERSON}"},
        "encounter": {"reference": "Encounter/visit"},
    }


# -- what cannot be had ---------------------------------------------------------------------


def test_somebody_elses_data_fills_in_nothing(clinic: Clinic) -> None:
    other = entry(clinic, "antidepressantRequest", subject={"reference": "Patient/other"})
    mine = entry(clinic, "combinedContraceptiveRequest")

    found = launched(clinic, mine, other)

    assert "item" not in found.response
    assert [(i.severity, i.code) for i in found.issues] == [("error", "conflict")]


@pytest.mark.parametrize("launch", [{}, {"patient": None}, {"patient": "Patient/1"}], ids=str)
def test_without_a_person_nothing_is_filled_in(launch: dict[str, Any], clinic: Clinic) -> None:
    found = clinic.populator.populate(launch, NOW)

    assert found.response["status"] == "in-progress"
    assert [(i.severity, i.code) for i in found.issues] == [("error", "required")]


def test_chart_data_that_failed_is_said_and_the_rest_is_used(clinic: Clinic) -> None:
    failed = {"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}

    found = launched(clinic, entry(clinic, "antidepressantRequest"), procedures=failed)

    assert codes(found) == {"meds": ["antidep"]}
    assert [(i.severity, i.expression) for i in found.issues] == [("warning", "procedures")]


def test_a_paged_chart_is_said_to_be_one(clinic: Clinic) -> None:
    paged = {**bundle([]), "link": [{"relation": "next", "url": "https://x.example"}]}

    found = launched(clinic, procedures=paged)

    assert [i.code for i in found.issues] == ["incomplete"]


def test_the_queries_are_those_of_discovery(clinic: Clinic) -> None:
    queries = clinic.populator.queries

    assert queries.items() <= clinic.pipeline.queries.items()
    assert queries.keys() == {
        "patient",
        "medicationAdministrations",
        "medicationDispenses",
        "medicationRequests",
        "medicationStatements",
        "procedures",
    }


# -- other expressions ----------------------------------------------------------------------


def with_expression(content: Content, link_id: str, text: str) -> Populator:
    """The same content with another expression at one item."""
    first = content.prefills[0]
    prefill = replace(
        first,
        link_id=link_id,
        expression=compile_expression(text),
        requirements=frozenset({"ptsd", "endometriosis"}),
    )
    return Populator.of(Pipeline(replace(content, prefills=(prefill,)), "https://x.example"))


@pytest.mark.parametrize(
    ("link_id", "text", "words"),
    [
        ("sev", "'bad'", "another type than valueInteger"),
        ("sev", "11", "not one of the item's options"),
        ("sev", "1 | 2", "takes one answer"),
        (
            "dur",
            "%questionnaire.item.where(linkId = 'lasting').answerOption.value.first()",
            "option",
        ),
        ("sev", "%patient.name.given + 1", ""),
    ],
    ids=["type", "range", "several", "no-option", "evaluation"],
)
def test_what_the_item_cannot_take_is_an_issue_and_no_answer(
    link_id: str, text: str, words: str, content: Content
) -> None:
    named = {**PATIENT, "name": [{"given": ["A", "B"]}]}

    found = with_expression(content, link_id, text).populate({"patient": named}, NOW)

    assert "item" not in found.response
    (issue,) = found.issues
    assert (issue.severity, issue.code) == ("warning", "processing")
    assert words in issue.diagnostics
    assert f"{link_id!r}" in issue.diagnostics


def test_an_answer_that_needs_two_entries_names_both(clinic: Clinic, content: Content) -> None:
    both = with_expression(content, "sev", "iif(%ptsd.exists() and %endometriosis.exists(), 1, {})")
    chart = [entry(clinic, n, id=n) for n in ("ptsd", "endometriosis")]

    found = both.populate({"patient": PATIENT, "chart": chart}, NOW)

    (item,) = found.response["item"]
    sources = [e["valueReference"]["reference"] for e in item["answer"][0]["extension"][1:]]
    assert sources == ["Condition/endometriosis", "Condition/ptsd"]


def test_an_answer_from_the_person_alone_names_the_person(content: Content) -> None:
    aged = with_expression(content, "sev", "%age - 30")

    found = aged.populate({"patient": PATIENT}, NOW)

    assert found.origins["sev"]["reference"] == f"Patient/{PERSON}"


# -- whatever the chart ---------------------------------------------------------------------

DATES = st.sampled_from(["", "2026", "2026-11-01", "2026-06-01", "1999-01-01", "not a date"])


@given(data=st.data())
def test_no_chart_makes_an_answer_the_form_refuses(data: st.DataObject, clinic: Clinic) -> None:
    names = data.draw(st.lists(st.sampled_from(sorted(clinic.content.requirements)), max_size=12))
    chart = [entry(clinic, name, data.draw(DATES), id=f"e{n}") for n, name in enumerate(names)]
    unreadable = any("not a date" in str(one) for one in chart)
    before = copy.deepcopy(chart)

    found = launched(clinic, *chart)

    problems = validate(clinic.populator.form, found.response, now=NOW)
    assert [p for p in problems if p.severity != "information"] == []
    assert unreadable or found.issues == ()
    assert chart == before
    assert codes(found).keys() <= {p.link_id for p in clinic.content.prefills}
    assert references(found.response) <= {f"{r['resourceType']}/{r['id']}" for r in chart}


def references(response: dict[str, Any]) -> set[str]:
    return {
        e["valueReference"]["reference"]
        for item in response.get("item", ())
        for answer in item["answer"]
        for e in answer["extension"]
        if e["url"] == ANSWER_SOURCE
    }


JUNK: Iterable[Any] = (
    None,
    5,
    "x",
    [],
    {},
    [None],
    {"resourceType": 5},
    {"resourceType": "Bundle"},
)


@pytest.mark.parametrize("value", JUNK, ids=str)
def test_odd_launch_values_are_passed_over(value: Any, clinic: Clinic) -> None:
    found = launched(clinic, entry(clinic, "antidepressantRequest"), odd=value, encounter=value)

    assert codes(found) == {"meds": ["antidep"]}
