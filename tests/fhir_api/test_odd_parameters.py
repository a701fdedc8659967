"""Whatever is put anywhere into the parameters, the operations answer it or say what is wrong."""

from __future__ import annotations

import zlib
from typing import Any

import orjson
import pytest

from tests.support.clinic import ABSENT, PERSON, Clinic, ago, bundle, changed, meeting, walk

APPLY = "/fhir/PlanDefinition/dyspareunia-workup/$apply"
POPULATE = "/fhir/Questionnaire/dyspareunia-intake/$populate"
ODD: tuple[Any, ...] = (ABSENT, None, 5, "x", [], {}, [None], [[]], {"resourceType": []}, True)
PERSONS = f"Patient/{PERSON}"
TRIED = 5  # one place in so many, by a checksum; every value at each


def small_call(clinic: Clinic) -> dict[str, Any]:
    """A call of $apply with one of everything."""
    prefetch = clinic.request({"organs": ["penis"], "urine": ["burn"]})["prefetch"]
    chart = bundle([meeting(clinic.content.requirements["ptsd"], ago(days=3))])
    coding = {"coding": [{"code": "practitioner"}]}
    return parameters(
        {"name": "subject", "valueReference": {"reference": PERSONS}},
        {"name": "practitioner", "valueString": "Practitioner/example"},
        {"name": "userType", "valueCodeableConcept": coding},
        {"name": "encounter", "valueString": "Encounter/visit"},
        {"name": "useServerData", "valueBoolean": False},
        {"name": "data", "resource": chart},
        keyed("patient", prefetch["patient"]),
        keyed("questionnaireResponses", prefetch["questionnaireResponses"]),
    )


def small_populate(clinic: Clinic) -> dict[str, Any]:
    """A call of $populate with one of everything."""
    medicine = meeting(clinic.content.requirements["antidepressantRequest"], ago(days=3))
    return parameters(
        {"name": "subject", "valueReference": {"reference": PERSONS}},
        context("patient", {"resourceType": "Patient", "id": PERSON}),
        context("encounter", {"resourceType": "Encounter", "id": "visit"}),
        context("chart", bundle([medicine])),
    )


def parameters(*sent: Any) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": list(sent)}


def keyed(key: str, resource: Any) -> dict[str, Any]:
    parts = [{"name": "key", "valueString": key}, {"name": "data", "resource": resource}]
    return {"name": "prefetchData", "part": parts}


def context(name: str, resource: Any) -> dict[str, Any]:
    parts = [{"name": "name", "valueString": name}, {"name": "content", "resource": resource}]
    return {"name": "context", "part": parts}


@pytest.mark.parametrize(
    ("path", "make"), [(APPLY, small_call), (POPULATE, small_populate)], ids=["apply", "populate"]
)
def test_no_change_of_a_call_is_more_than_it_can_take(path: str, make: Any, clinic: Clinic) -> None:
    whole = make(clinic)
    assert clinic.client.post(path, json=whole).status_code == 200
    tried = 0
    for place, _ in walk(whole):
        if not place or zlib.crc32(repr(place).encode()) % TRIED:
            continue
        for value in ODD:
            body = orjson.dumps(changed(whole, place, value))

            answer = clinic.client.post(path, data=body, content_type="application/json")

            tried += 1
            assert answer.status_code in (200, 400, 412), (place, value, answer.text)
            if answer.status_code != 200:
                assert answer.get_json()["resourceType"] == "OperationOutcome"
    assert tried > 50
