"""One large request broken at every place in turn: the service answers with cards, asks for what is
missing (412) or refuses (400); it never fails (500) ."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.support.clinic import (
    ABSENT,
    QUIET,
    Clinic,
    active,
    ago,
    changed,
    chart_entry,
    concept,
    observation,
    topics,
    walk,
)

SEVERE = {**QUIET, "rfgen": ["severe"], "urine": ["burn"], "other": "Quetzal-Canary"}


def large_request(clinic: Clinic) -> dict[str, Any]:
    """A request with an emergency and one entry of every kind the rules read."""
    content = clinic.content
    pressure = {
        "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
        "valueQuantity": {"value": 120, "code": "mm[Hg]", "system": "http://unitsofmeasure.org"},
    }
    medication = {"resourceType": "Medication", "id": "m", "code": concept(content, "testosterone")}
    chart = [
        active(
            code=concept(content, "endometriosis"),
            verificationStatus={"coding": [{"code": "confirmed"}]},
            onsetDateTime="2026-01-01",
        ),
        observation(
            code=concept(content, "body-temperature"),
            effectiveDateTime=ago(hours=1),
            valueQuantity={"value": 37.0, "code": "Cel", "system": "http://unitsofmeasure.org"},
        ),
        observation(
            code=concept(content, "blood-pressure-panel"),
            effectivePeriod={"start": ago(hours=2)},
            component=[pressure],
        ),
        observation(
            code=concept(content, "pregnancy-test"),
            effectiveDateTime=ago(days=3),
            interpretation=[{"coding": [{"system": "x", "code": "NEG"}]}],
        ),
        observation(
            code=concept(content, "pregnancy-status"),
            effectiveDateTime="2026-11",
            valueCodeableConcept=concept(content, "pregnancy-status-pregnant"),
        ),
        chart_entry(
            "MedicationRequest",
            status="active",
            intent="order",
            contained=[medication],
            medicationReference={"reference": "#m"},
        ),
        chart_entry(
            "Encounter",
            status="in-progress",
            type=[concept(content, "urology-visit")],
            period={"start": "2026-11-22"},
        ),
        chart_entry(
            "Procedure", status="completed", code=concept(content, "delivery"), performedString="x"
        ),
    ]
    parameter = {
        "url": "http://hl7.org/fhir/StructureDefinition/patient-sexParameterForClinicalUse",
        "extension": [
            {"url": "value", "valueCodeableConcept": {"coding": [{"system": "x", "code": "y"}]}}
        ],
    }
    return clinic.request(SEVERE, chart, patient={"gender": "female", "extension": [parameter]})


ODD: list[Any] = [ABSENT, None, 5, True, "x", [], {}, [None], {"coding": 5}]


def places(whole: Any) -> list[tuple[Any, ...]]:
    """Every place in the prefetch; of the many answers of the form, the first."""
    paths = (path for path, _ in walk(whole) if path and path[0] == "prefetch")
    return [p for p in paths if "item" not in p or p[p.index("item") + 1 :][:1] in ((), (0,))]


@pytest.mark.requirement("2.19")
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: "absent" if odd is ABSENT else str(odd))
def test_one_odd_value_anywhere_never_fails_the_call(
    odd: Any, clinic: Clinic, caplog: pytest.LogCaptureFixture
) -> None:
    whole = large_request(clinic)
    assert topics(clinic.cards(whole))[0] == "emergency-assessment"
    caplog.set_level(logging.ERROR)
    failed = []
    for path in places(whole):
        answer = clinic.post(changed(whole, path, odd))
        if answer.status_code not in {200, 400, 412}:
            failed.append(".".join(map(str, path)))

    assert failed == []
    assert "Quetzal" not in caplog.text
