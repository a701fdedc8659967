"""Inputs rebuilt from public reports, each with its right answer (``cases/``; made-up people)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.clinic import PATIENT_VIEW, Clinic, card_about

CASES = Path(__file__).parent / "cases"
NOTHING_OPEN = "Nothing was left open"


def sent(name: str) -> Any:
    return json.loads((CASES / f"{name}.json").read_text())


def cards(clinic: Clinic, name: str, service: str = PATIENT_VIEW) -> list[dict[str, Any]]:
    return clinic.cards((CASES / f"{name}.json").read_bytes(), service)


def details(found: list[dict[str, Any]]) -> str:
    return "\n".join(card["detail"] for card in found)


@pytest.mark.parametrize(
    "name",
    [
        "one-entry-with-contained-subject",
        "temperature-newest-reading-without-value",
        "words-cut-inside-an-emoji",
        "chart-text-cut-inside-an-emoji",
        "response-amended-at-the-same-time",
        "response-with-contained-questionnaire",
        "responses-as-batch-response",
    ],
)
def test_an_emergency_is_told(name: str, clinic: Clinic) -> None:
    first = cards(clinic, name)[0]

    assert (first["indicator"], first["source"]["topic"]["code"]) == (
        "critical",
        "emergency-assessment",
    )


@pytest.mark.parametrize(
    "name",
    [
        "vitals-mixed-effective-types",
        "vitals-newest-reading-without-value",
        "vitals-panel-newest-without-systolic",
        "blood-pressure-unit-not-coded",
    ],
)
def test_a_low_pressure_of_a_well_person_is_read_and_measured_again(
    name: str, clinic: Clinic
) -> None:
    first = cards(clinic, name)[0]

    assert (first["indicator"], first["source"]["topic"]["code"]) == ("warning", "ask-now")
    assert first["summary"].startswith("Blood pressure ")


@pytest.mark.parametrize("name", ["bundle-total-over-entries", "outcome-incomplete-warning"])
def test_a_part_of_the_conditions_is_said_to_be_one(name: str, clinic: Clinic) -> None:
    told = details(cards(clinic, name))

    assert "Chart read in part: problem list" in told
    assert NOTHING_OPEN not in told


def test_a_medicine_that_was_not_sent_is_said(clinic: Clinic) -> None:
    told = details(cards(clinic, "medication-not-sent"))

    assert "1 of the medicines could not be read." in told
    assert NOTHING_OPEN not in told


def test_a_medicine_behind_a_version_is_found(clinic: Clinic) -> None:
    card_about(cards(clinic, "medication-reference-with-version"), "medication-review")


def test_a_status_without_its_system_is_read(clinic: Clinic) -> None:
    evaluation = clinic.result(sent("clinical-status-without-system")).evaluation

    assert evaluation.facts.entries["endometriosis"]


@pytest.mark.parametrize(
    "name", ["condition-abated-without-status", "condition-with-modifier-extension"]
)
def test_a_condition_that_has_ended_or_is_modified_is_not_used(name: str, clinic: Clinic) -> None:
    evaluation = clinic.result(sent(name)).evaluation

    assert "endometriosis" not in evaluation.facts.entries


def test_a_condition_with_a_modifier_is_said(clinic: Clinic) -> None:
    told = details(cards(clinic, "condition-with-modifier-extension"))

    assert "1 of the conditions could not be read." in told


def test_a_result_that_is_detected_is_positive(clinic: Clinic) -> None:
    card = card_about(cards(clinic, "sti-result-detected"), "pelvic-exam")

    assert card["indicator"] == "warning"


def test_a_test_that_was_not_performed_is_none(clinic: Clinic) -> None:
    card_about(cards(clinic, "sti-result-not-performed"), "sti-testing")


def test_a_result_in_words_is_named_and_quiets_nothing(clinic: Clinic) -> None:
    found = cards(clinic, "sti-result-text-positive")

    card_about(found, "sti-testing")
    assert "the result could not be understood" in details(found)


@pytest.mark.parametrize(
    ("name", "service"),
    [
        ("patient-deceased", PATIENT_VIEW),
        ("problem-entered-in-error", "dyspareunia-workup-problem-list-item-create"),
    ],
)
def test_there_is_nothing_to_say(name: str, service: str, clinic: Clinic) -> None:
    assert cards(clinic, name, service) == []


def test_an_order_not_to_do_something_is_no_order(clinic: Clinic) -> None:
    card = card_about(cards(clinic, "order-do-not-perform"), "urine-testing")

    assert "Urinalysis with microscopy" in [s["label"] for s in card["suggestions"]]


def test_the_sex_parameter_that_holds_now_is_used(clinic: Clinic) -> None:
    found = cards(clinic, "sex-parameter-that-ended")

    assert found[0]["summary"].startswith("Sudden severe lower-belly pain")
    assert clinic.result(sent("sex-parameter-that-ended")).evaluation.evaluator.bindings[
        "sexTypical"
    ] == ["male-typical"]


def test_endometriosis_is_known_by_a_specific_code(clinic: Clinic) -> None:
    assert clinic.result(sent("endometriosis-specific-code")).evaluation.facts.entries[
        "endometriosis"
    ]


def test_a_pregnancy_status_may_be_an_answer_of_loinc(clinic: Clinic) -> None:
    evaluation = clinic.result(sent("pregnancy-status-as-loinc-answer")).evaluation

    assert evaluation.evaluator.bindings["pregnant"] == [True]


@pytest.mark.parametrize("name", ["words-cut-inside-an-emoji", "chart-text-cut-inside-an-emoji"])
def test_half_a_character_costs_nothing_but_itself(name: str, clinic: Clinic) -> None:
    answer = clinic.post((CASES / f"{name}.json").read_bytes())

    assert answer.status_code == 200
    assert answer.get_json()["cards"][0]["indicator"] == "critical"


def operation(clinic: Clinic, name: str, address: str, **headers: str) -> Any:
    return clinic.client.post(
        f"/fhir/{address}",
        data=(CASES / f"{name}.json").read_bytes(),
        content_type="application/fhir+json",
        headers=headers,
    )


def test_the_encounter_of_apply_is_never_another(clinic: Clinic) -> None:
    plan = operation(
        clinic, "apply-encounter-with-version", "PlanDefinition/dyspareunia-workup/$apply"
    )

    assert plan.get_json()["encounter"] == {"reference": "Encounter/visit1"}


def test_the_subject_of_populate_is_never_another(clinic: Clinic) -> None:
    form = operation(
        clinic, "populate-subject-with-version", "Questionnaire/dyspareunia-intake/$populate"
    ).get_json()

    response = next(p["resource"] for p in form["parameter"] if p["name"] == "response")
    assert response["subject"] == {"reference": "Patient/sage-example"}


def test_the_fhir_version_may_be_named(clinic: Clinic) -> None:
    answer = operation(
        clinic,
        "accept-fhir-version",
        "QuestionnaireResponse/$validate",
        Accept="application/fhir+json; fhirVersion=4.0",
    )

    assert answer.status_code == 200


def test_every_case_is_tested() -> None:
    told = Path(__file__).read_text()

    assert [path.stem for path in CASES.glob("*.json") if f'"{path.stem}"' not in told] == []
