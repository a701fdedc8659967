"""Inputs of operations rebuilt from public reports, each with its right answer (made-up people)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fhir_api.test_apply_route import APPLY
from tests.fhir_api.test_populate_route import POPULATE
from tests.support.clinic import Clinic
from tests.support.ward import VALIDATE

CASES = Path(__file__).parents[1] / "hooks" / "cases"


def sent(name: str) -> Any:
    return json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "accept",
    [
        "application/fhir+json; fhirVersion=4.0",
        "application/fhir+json; fhirVersion=4.0.1; charset=utf-8",
        "application/json; charset=UTF-8",
        "application/fhir+xml, application/fhir+json; fhirVersion=4.0; q=0.9",
    ],
)
def test_parameters_of_accept_change_nothing(accept: str, clinic: Clinic) -> None:
    body = sent("accept-fhir-version")
    plain = clinic.client.post(VALIDATE, json=body, headers={"Accept": "application/fhir+json"})

    answer = clinic.client.post(VALIDATE, json=body, headers={"Accept": accept})

    assert (answer.status_code, answer.get_json()) == (200, plain.get_json())


def test_a_versioned_subject_is_the_same_person(clinic: Clinic) -> None:
    answer = clinic.client.post(POPULATE, json=sent("populate-subject-with-version"))

    response = answer.get_json()["parameter"][0]["resource"]
    assert response["subject"] == {"reference": "Patient/sage-example"}


def test_a_versioned_encounter_is_the_same_visit(clinic: Clinic) -> None:
    answer = clinic.client.post(APPLY, json=sent("apply-encounter-with-version"))

    assert answer.status_code == 200, answer.text
    assert answer.get_json()["encounter"] == {"reference": "Encounter/visit1"}
