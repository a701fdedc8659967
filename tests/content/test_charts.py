"""One-entry charts as records hold them: recognised through the whole pipeline, or not.

``charts/recognised.tsv`` and ``charts/near-misses.tsv`` name a value set, a resource type, a code
system, a code, and what it stands for. Charts carry the product, the side, the trimester, another
edition or spelling; the near misses are what a wider list would take in by mistake.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from cds_service.content import Content
from cds_service.hooks.pipeline import Pipeline
from cds_service.hooks.request import parse_request
from tests.support.clinic import NOW, PERSON, ago, bundle, key_of

CHARTS = Path(__file__).parent / "charts"
HOOK = "patient-view"
SYSTEMS = {
    "sct": "http://snomed.info/sct",
    "sct/731000124108": "http://snomed.info/sct/731000124108",
    "loinc": "http://loinc.org",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "icd-9-cm": "http://hl7.org/fhir/sid/icd-9-cm",
    "icd-10": "http://hl7.org/fhir/sid/icd-10",
    "icd-10-cm": "http://hl7.org/fhir/sid/icd-10-cm",
    "icd-10-gm": "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
    "icd-10-pcs": "http://www.cms.gov/Medicare/Coding/ICD10",
}
ELEMENTS: dict[str, dict[str, Any]] = {
    "Condition": {
        "clinicalStatus": {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/condition-clinical",
                    "code": "active",
                }
            ]
        },
        "recordedDate": ago(hours=1),
    },
    "Procedure": {"status": "completed", "performedDateTime": ago(hours=1)},
    "Observation": {"status": "final", "effectiveDateTime": ago(hours=1)},
    "MedicationRequest": {"status": "active", "intent": "order", "authoredOn": ago(hours=1)},
    "MedicationStatement": {"status": "active", "effectiveDateTime": ago(hours=1)},
    "MedicationAdministration": {"status": "completed", "effectiveDateTime": ago(hours=1)},
    "MedicationDispense": {"status": "completed", "whenHandedOver": ago(hours=1)},
}


# What an Observation must say to count, where that is not positive or negative.
VALUES: dict[str, dict[str, Any]] = {
    "estimated-delivery-date": {"valueDateTime": "2026-12-24"},
    "urinalysis": {"valueString": "see the components"},
}
NEGATIVE = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
    "code": "NEG",
}


def rows(name: str) -> list[dict[str, str]]:
    with (CHARTS / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def entry(row: dict[str, str]) -> dict[str, Any]:
    kind = row["type"]
    concept = {"coding": [{"system": SYSTEMS[row["system"]], "code": row["code"]}]}
    element = "medicationCodeableConcept" if kind.startswith("Medication") else "code"
    said = VALUES.get(row["value_set"], {"interpretation": [{"coding": [NEGATIVE]}]})
    subject = {"reference": f"Patient/{PERSON}"}
    return {
        "resourceType": kind,
        "id": "it",
        "subject": subject,
        **ELEMENTS[kind],
        element: concept,
        **(said if kind == "Observation" else {}),
    }


def seen_as(resource: dict[str, Any], pipeline: Pipeline) -> set[str]:
    """The value sets that a chart with one entry is recognised as, by a whole call."""
    prefetch: dict[str, Any] = dict.fromkeys(pipeline.queries)
    prefetch["patient"] = {"resourceType": "Patient", "id": PERSON}
    prefetch[key_of(resource["resourceType"])] = bundle([resource])
    context = {"userId": "Practitioner/it", "patientId": PERSON}
    body = {"hook": HOOK, "hookInstance": "it", "context": context, "prefetch": prefetch}
    _, facts = pipeline.facts(parse_request(body, HOOK), NOW)
    requirements = pipeline.content.requirements
    return {str(requirements[name].main.value_set).rpartition("/")[2] for name in facts.entries}


@pytest.fixture(scope="module")
def pipeline(content: Content) -> Pipeline:
    return Pipeline(content, "https://example.org/intake")


def name_of(row: dict[str, str]) -> str:
    return f"{row['system']}-{row['code']}-{row['value_set']}"


@pytest.mark.parametrize("row", rows("recognised.tsv"), ids=name_of)
def test_a_chart_is_recognised(row: dict[str, str], pipeline: Pipeline) -> None:
    assert row["value_set"] in seen_as(entry(row), pipeline)


@pytest.mark.parametrize("row", rows("near-misses.tsv"), ids=name_of)
def test_a_near_miss_is_not(row: dict[str, str], pipeline: Pipeline) -> None:
    assert row["value_set"] not in seen_as(entry(row), pipeline)


def test_there_are_enough_charts_of_every_system() -> None:
    recognised, near = rows("recognised.tsv"), rows("near-misses.tsv")

    assert len({(r["system"], r["code"]) for r in recognised}) >= 120
    assert len({(r["system"], r["code"]) for r in near}) >= 60
    assert {r["system"] for r in recognised} == SYSTEMS.keys() - {"icd-9-cm"}
