"""Quantities compare where their units allow it, and are refused where that is not known."""

from decimal import Decimal

import pytest

from cds_service.fhirpath import Quantity, to_json

from .asking import ask, quantity, refusal


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("100.4 '[degF]' = 38.0 'Cel'", [True]),
        ("311.15 'K' = 38.0 'Cel'", [True]),
        ("100.3 '[degF]' < 38.0 'Cel'", [True]),
        ("4 'g' = 4000 'mg'", [True]),
        ("1 'L' > 999 'mL'", [True]),
        ("1 '[lb_av]' < 1 'kg'", [True]),
        ("1 '[in_i]' = 2.54 'cm'", [True]),
        ("5 'mg/dL' = 50 'mg/L'", [True]),
        ("60 '/min' = 1 'Hz'", [True]),
        ("7 days = 1 'wk'", [True]),
        ("12 months = 1 year", [True]),
        ("1 'mo' = 1 month", []),
        ("1 'mg' = 1 'mL'", []),
        ("1 'mg' < 1 'mL'", []),
        ("3 'lbs' > 2 'lbs'", [True]),
        ("4 'g' ~ 4040 'mg'", [True]),
        ("4.0 'g' ~ 4040 'mg'", [True]),
        ("4.01 'g' ~ 4040 'mg'", [False]),
        ("4040 'mg' ~ 4 'g'", [True]),
        ("1.50 'mg' ~ 1.5 'mg'", [True]),
        ("1 'mg' ~ 1 'mL'", [False]),
        ("2.0 'cm' * 2.0 'm' = 0.040 'm2'", [True]),
        ("1 'g' + 500 'mg' = 1.5 'g'", [True]),
        ("5 = 5 '1'", [True]),
    ],
)
def test_units(text: str, answer: list[bool]) -> None:
    assert ask(text) == answer


@pytest.mark.parametrize(
    "text",
    [
        "3 'lbs' > 1 'kg'",
        "3 'tablets' = 3 'mg'",
        "1 year > 300 days",
        "1 year ~ 365 days",
        "1 year > 300 'd'",
        "20 'Cel' + 1 '[degF]'",
        "2 'Cel' * 2 'm'",
        "1 'mL/min/{1.73_m2}' < 2 'mL/min'",
        "1 'g' + 1 'm'",
        "5 'mg' > true",
    ],
)
def test_what_cannot_be_converted_is_refused(text: str) -> None:
    assert refusal(text).position is not None


def test_a_quantity_in_a_plain_variable() -> None:
    rule = "%temperature >= 38.0 'Cel'"

    assert ask(rule, temperature=quantity(100.4, "[degF]")) == [True]
    assert ask(rule, temperature=quantity(37.9, "Cel")) == [False]
    assert ask(rule, temperature=Quantity(Decimal("38.0"), "Cel")) == [True]
    assert ask(rule, temperature=None) == []


def test_a_number_is_no_quantity_with_a_unit() -> None:
    assert refusal("%t > 38", t=quantity(40, "Cel")).hint == "write a unit, as in 5 'mg'"
    assert refusal("%t = 38", t=quantity(38, "Cel")).hint is not None


def test_a_bound_is_no_value() -> None:
    observation = {
        "resourceType": "Observation",
        "valueQuantity": quantity(5, "mg/L", comparator="<"),
    }

    assert "comparator" in refusal("%o.value > 10 'mg/L'", o=observation).message
    assert ask("%o.value.exists()", o=observation) == [True]
    assert ask("%o.value.value", o=observation) == [Decimal(5)]


def test_fhir_codes_for_months_and_years_are_calendar_durations() -> None:
    patient = {
        "resourceType": "Condition",
        "onsetAge": quantity(20, "a"),
    }

    assert ask("%c.onset > 18 years", c=patient) == [True]
    assert ask("%c.onset is Age and %c.onset is Quantity", c=patient) == [True]


def test_text_of_quantities() -> None:
    assert ask("(1 week).toString() & ' ' & (2 weeks).toString()") == ["1 week 2 weeks"]
    assert ask("(1.50 'mg').toString()") == ["1.50 'mg'"]
    assert ask("'4 days'.toQuantity() = 4 days") == [True]
    assert ask("'4 mg'.toQuantity()") == []
    assert to_json(ask("'4.5 \\'mg\\''.toQuantity()")) == [{"value": 4.5, "unit": "mg"}]


def test_floats_are_read_as_they_are_written() -> None:
    assert ask("%x = 0.1 and %x * 3 = 0.3", x=0.1) == [True]
    assert ask("%x.y + 0.2", x={"y": 0.1}) == [Decimal("0.3")]
    assert refusal("%x + 1", x=float("nan")).message == "a number is not finite"
