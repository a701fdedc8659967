"""Results and measurements: understood, absent, or not understood; nothing is guessed."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.content import Content
from cds_service.decision.chart import ChartIndex
from cds_service.decision.unread import Why
from tests.support.clinic import (
    NOW,
    QUIET,
    Clinic,
    ago,
    card_about,
    chart_entry,
    concept,
    observation,
    topics,
)

SNOMED, LOINC = "http://snomed.info/sct", "http://loinc.org"
MEANING = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
ABSENT = {"dataAbsentReason": {"coding": [{"code": "not-performed"}]}}


def coded(code: str, system: str = SNOMED) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def read(content: Content, name: str, **elements: Any) -> tuple[list[Any], list[Why]]:
    """The entries of a chart key, and why one could not be understood."""
    wanted = content.requirements[name]
    code = concept(content, (wanted.main.value_set or "").rpartition("/")[2])
    entry = observation(**{"code": code, "effectiveDateTime": ago(hours=2), **elements})
    found, unread = ChartIndex.of([wanted]).match([entry], NOW)
    return [e.resource for e in found.get(name, ())], [one.why for one in unread]


POSITIVE = [
    {"interpretation": [coded("POS", MEANING)]},
    {"interpretation": coded("POS", MEANING)},
    {"valueCodeableConcept": coded("260373001")},
    {"valueCodeableConcept": coded("LA11882-0", LOINC)},
    {"valueCodeableConcept": coded("10828004"), "interpretation": [coded("A", MEANING)]},
    {"component": [{"valueCodeableConcept": coded("260415000")},
                   {"valueCodeableConcept": coded("260373001")}]},
]  # fmt: skip
NEGATIVE = [
    {"interpretation": [coded("NEG", MEANING)]},
    {"valueCodeableConcept": coded("260415000")},
    {"component": [{"interpretation": [coded("ND", MEANING)]}, ABSENT]},
]
NOT_UNDERSTOOD = [
    {"valueString": "POSITIVE"},
    {"valueCodeableConcept": {"text": "Detected"}},
    {"valueCodeableConcept": coded("260373001", "urn:local")},
    {"valueBoolean": True},
    {"valueQuantity": {"value": 3}},
    {"interpretation": [coded("A", MEANING)]},
    {"interpretation": [coded("POS", MEANING)], "valueCodeableConcept": coded("260415000")},
    {"interpretation": [coded("NEG", MEANING)], **ABSENT},
    {"valueString": "x", **ABSENT},
    {"component": [{"valueString": "x"}, {"interpretation": [coded("NEG", MEANING)]}]},
]
NO_VALUE = [{}, ABSENT, {"component": [ABSENT]}, {"valueCodeableConcept": None}]


@pytest.mark.parametrize("elements", POSITIVE + NEGATIVE, ids=str)
def test_a_result_that_is_understood_counts(elements: dict[str, Any], content: Content) -> None:
    found, unread = read(content, "ctngResultWithin90Days", **elements)

    assert (len(found), unread) == (1, [])


@pytest.mark.parametrize("elements", NOT_UNDERSTOOD, ids=str)
def test_a_result_that_is_not_understood_is_said(
    elements: dict[str, Any], content: Content
) -> None:
    assert read(content, "ctngResultWithin90Days", **elements) == ([], [Why.RESULT])


@pytest.mark.parametrize("elements", NO_VALUE, ids=str)
def test_a_result_without_a_value_is_none(elements: dict[str, Any], content: Content) -> None:
    assert read(content, "ctngResultWithin90Days", **elements) == ([], [])


@pytest.mark.parametrize("elements", POSITIVE, ids=str)
def test_every_way_to_write_a_positive_result_is_seen_by_the_rules(
    elements: dict[str, Any], clinic: Clinic
) -> None:
    code = concept(clinic.content, "chlamydia-gonorrhoea-test")
    test = observation(code=code, effectiveDateTime=ago(days=3), **elements)

    rules = clinic.found(QUIET, [test]).evaluation.evaluator.bindings

    assert rules["ctngPositiveWithin60Days"] == [True]


def test_an_amount_counts_where_the_content_says_so(content: Content) -> None:
    amount = {"valueQuantity": {"value": 35, "unit": "ug/g"}}

    assert read(content, "calprotectinResultWithin180Days", **amount)[1] == []
    assert read(content, "pregnancyTestResultWithin7Days", **amount) == ([], [Why.RESULT])


@pytest.mark.parametrize("elements", NOT_UNDERSTOOD, ids=str)
def test_a_test_that_is_not_understood_never_quiets_its_card(
    elements: dict[str, Any], clinic: Clinic
) -> None:
    person = {**QUIET, "sextype": ["vagrec"], "stirisk": ["newpartner"]}
    code = concept(clinic.content, "chlamydia-gonorrhoea-test")
    test = observation(code=code, effectiveDateTime=ago(days=30), **elements)

    before = topics(clinic.found(person).cards)
    cards = clinic.found(person, [test]).cards

    assert "sti-testing" in before
    assert set(before) <= set(topics(cards))
    told = card_about(cards, "sti-testing")["detail"]
    assert "of 23 Oct 2026: the result could not be understood" in told


# -- reports ------------------------------------------------------------------------------------

RESULT = {"resourceType": "Observation", "id": "r1"}


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"conclusionCode": [coded("260373001")]}, (1, [])),
        ({"conclusionCode": [coded("260415000")]}, (1, [])),
        ({"conclusionCode": [coded("260415000"), coded("260373001")]}, (0, [Why.RESULT])),
        ({"conclusionCode": [{"text": "positive"}]}, (0, [Why.RESULT])),
        ({"conclusion": "Chlamydia positive"}, (0, [Why.RESULT])),
        ({"presentedForm": [{"title": "letter"}]}, (0, [Why.RESULT])),
        ({"result": [{"reference": "Observation/r1"}]}, (0, [])),
        ({"result": [{"reference": "Observation/r2"}]}, (0, [Why.RESULT])),
        ({"result": [{"reference": "#r1"}], "contained": [RESULT]}, (0, [])),
        ({}, (0, [])),
    ],
    ids=str,
)
def test_a_report_is_read_by_its_coded_conclusion(
    elements: dict[str, Any], expected: tuple[int, list[Why]], content: Content
) -> None:
    wanted = content.requirements["ctngReportWithin90Days"]
    code = concept(content, (wanted.main.value_set or "").rpartition("/")[2])
    report = chart_entry(
        "DiagnosticReport", status="final", code=code, effectiveDateTime=ago(days=2), **elements
    )

    found, unread = ChartIndex.of([wanted]).match([report, RESULT], NOW)

    assert (len(found.get(wanted.id, ())), [one.why for one in unread]) == expected


# -- measurements ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "quantity", "code"),
    [
        ("systolicReading", {"unit": "mmHg"}, "mm[Hg]"),
        ("systolicReading", {"code": "mm[Hg]"}, "mm[Hg]"),
        ("systolicReading", {"code": "259018001", "system": SNOMED, "unit": "mm Hg"}, "mm[Hg]"),
        ("bodyTemperature", {"unit": "degC"}, "Cel"),
        ("bodyTemperature", {"unit": "°F"}, "[degF]"),
        ("bodyTemperature", {"unit": " [degF] "}, "[degF]"),
        ("respirationReading", {"unit": "breaths/min"}, "/min"),
    ],
    ids=str,
)
def test_a_unit_is_read_from_its_text_where_it_has_no_code(
    name: str, quantity: dict[str, Any], code: str, content: Content
) -> None:
    found, unread = read(content, name, valueQuantity={"value": 80, **quantity})

    assert unread == []
    assert [r["valueQuantity"]["code"] for r in found] == [code]


@pytest.mark.parametrize(
    "elements",
    [
        {"valueQuantity": {"value": 39}},
        {"valueQuantity": {"value": 39, "unit": "degrees"}},
        {"valueQuantity": {"value": 39, "unit": "C or F"}},
        {"valueQuantity": {"value": 312, "unit": "Cel", "code": "K"}},
        {"valueQuantity": {"value": "39", "unit": "Cel"}},
        {"valueQuantity": {"value": True, "unit": "Cel"}},
        {"valueQuantity": {"value": 39, "unit": "Cel", "comparator": ">"}},
        {"valueQuantity": {"unit": "Cel"}},
        {"valueQuantity": {"value": 39, "unit": "Cel"}, **ABSENT},
        {"valueString": "39 Cel"},
        {"valueInteger": 39},
    ],
    ids=str,
)
def test_a_value_in_no_unit_that_is_known_is_never_guessed(
    elements: dict[str, Any], content: Content
) -> None:
    assert read(content, "bodyTemperature", **elements) == ([], [Why.VALUE])


def reading(hours: float, **elements: Any) -> dict[str, Any]:
    code = coded("8480-6", LOINC)
    return observation(code=code, effectiveDateTime=ago(hours=hours), **elements)


def panel(hours: float, code: str = "85354-9", **elements: Any) -> dict[str, Any]:
    part = {"code": coded("8480-6", LOINC), **elements}
    when = {"effectivePeriod": {"start": ago(hours=hours)}}
    return observation(code=coded(code, LOINC), component=[part], **when)


LOW, HIGH = ({"valueQuantity": {"value": value, "unit": "mmHg"}} for value in (78, 125))


@pytest.mark.parametrize(
    ("chart", "value"),
    [
        ([reading(3, **LOW), reading(2)], 78),
        ([reading(3, **LOW), reading(2, **ABSENT)], 78),
        ([reading(3, **LOW), panel(2, **ABSENT)], 78),
        ([reading(3, **HIGH), panel(2, **LOW)], 78),
        ([reading(2, **HIGH), panel(3, **LOW)], 125),
        ([panel(2, "55284-4", **LOW)], 78),
        ([panel(2, **ABSENT), panel(1, valueString="x"), panel(4, **LOW)], 78),
    ],
)
def test_the_newest_reading_that_holds_a_value_is_used(
    chart: list[dict[str, Any]], value: int, clinic: Clinic
) -> None:
    facts = clinic.found(QUIET, chart).evaluation.facts

    (used,) = facts.variables["systolicReading"]
    assert used["valueQuantity"]["value"] == value


def test_a_newest_reading_without_a_value_is_said_with_its_date(clinic: Clinic) -> None:
    newest = clinic.found(QUIET, [reading(3, **HIGH), reading(2, **ABSENT)]).cards
    older = clinic.found(QUIET, [reading(3, **ABSENT), reading(2, **HIGH)]).cards

    assert "Systolic blood pressure of 22 Nov 2026: the newest one holds no value." in str(newest)
    assert "holds no value" not in str(older)


def test_a_newer_status_that_is_unknown_does_not_hide_a_pregnancy(clinic: Clinic) -> None:
    code = concept(clinic.content, "pregnancy-status")
    said = [
        observation(code=code, effectiveDateTime=ago(days=days), valueCodeableConcept=coded(value))
        for days, value in ((40, "77386006"), (2, "261665006"))
    ]
    ended = {**said[1], "valueCodeableConcept": coded("60001007")}

    before = clinic.found(QUIET, said).evaluation.evaluator.bindings["pregnantInChart"]
    after = clinic.found(QUIET, [said[0], ended]).evaluation.evaluator.bindings["pregnantInChart"]

    assert (before, after) == ([True], [False])


@pytest.mark.parametrize(
    ("elements", "count", "why"),
    [
        ({"conclusionCode": [coded("10828004")]}, 1, []),
        ({"conclusionCode": [{"text": "unclear"}]}, 0, [Why.RESULT]),
        ({"conclusion": "Detected"}, 0, [Why.RESULT]),
        ({}, 0, []),
    ],
)
def test_a_report_counts_by_its_coded_conclusion(
    content: Content, elements: dict[str, Any], count: int, why: list[Why]
) -> None:
    report = {"resourceType": "DiagnosticReport", **elements}

    found, unread = read(content, "ctngReportWithin90Days", **report)

    assert (len(found), unread) == (count, why)
