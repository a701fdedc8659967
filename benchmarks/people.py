"""The person of the benchmark: many complaints (so the most cards), and a chart of any size."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import count, cycle
from pathlib import Path
from typing import Any

import orjson

from cds_service.authoring.vignettes import Vignette, read_vignettes, request_for
from cds_service.hooks.pipeline import Pipeline

ROOT = Path(__file__).parent.parent
GENERATED = ROOT / "tests" / "decision" / "generated" / "amalia-rangel.json"
PERSON = "person"

ANSWERS = {  # many rules are true, six cards are shown and more are deferred
    "organs": ["uterus", "cervix", "ovary", "vagina"],
    "when": ["entry", "during", "orgasm", "after"],
    "where": ["opening", "deep"],
    "dur": "gt6m",
    "sev": 6,
    "trigger": ["deep"],
    "entry": "painful",
    "bleed": ["between"],
    "genital": ["vagdisch", "itchburn"],
    "urine": ["burn", "freq"],
    "bowel": ["crampbm", "bloat"],
    "dry": "some",
    "dryother": "no",
    "gyn": ["dysmen"],
    "stirisk": ["newpartner"],
    "meds": ["hormbc"],
    "trauma": "yes",
    "safe": "no",
    "distress": "lot",
}
MATCHING = [  # entries that rules look for, in and out of their look-backs
    {"type": "Condition", "valueSet": "ptsd", "daysAgo": 900},
    {"type": "Condition", "valueSet": "retroverted-uterus", "daysAgo": 400},
    {"type": "Procedure", "valueSet": "delivery", "daysAgo": 1500},
    {"type": "Procedure", "valueSet": "iud-insertion", "daysAgo": 300},
    {"type": "MedicationRequest", "valueSet": "antidepressants", "daysAgo": 100},
    {"type": "MedicationRequest", "valueSet": "combined-contraceptives", "daysAgo": 200},
    {
        "type": "Observation",
        "valueSet": "chlamydia-gonorrhoea-test",
        "daysAgo": 200,
        "result": "negative",
    },
    {"type": "Observation", "valueSet": "pregnancy-test", "daysAgo": 40, "result": "negative"},
    {"type": "Observation", "valueSet": "body-temperature", "hoursAgo": 2, "value": "36.9 Cel"},
    {"type": "Observation", "valueSet": "urinalysis", "daysAgo": 60},
]
# What other systems send with every entry, and no rule reads: it must be parsed all the same.
UNREAD = {
    "meta": {
        "versionId": "3",
        "lastUpdated": "2026-01-31T09:30:00.000+00:00",
        "source": "urn:example:record",
        "profile": ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-example|6.1.0"],
    },
    "identifier": [
        {
            "use": "official",
            "system": "https://hospital.example.org/identifiers/chart-entry",
            "value": "0f6b6f8c-53f8-4a1c-9a3e-2f6f0a4f2a11",
            "assigner": {"reference": "Organization/4711", "display": "Example Hospital"},
        }
    ],
    "text": {
        "status": "generated",
        "div": '<div xmlns="http://www.w3.org/1999/xhtml">'
        + "A narrative that says the same in words. " * 12
        + "</div>",
    },
    "encounter": {"reference": "Encounter/8f2c1d3e-6b1a-4c57-9d1f-2f6f0c4e9a10"},
    "performer": [{"reference": "Practitioner/1234567890", "display": "Dr. Example"}],
}


def request_of_size(size: int, pipeline: Pipeline) -> dict[str, Any]:
    """A patient-view request of today with ``size`` chart resources and the intake response."""
    defaults = read_vignettes(ROOT / "tests" / "authoring" / "vignettes").defaults
    given = {"age": 24, "gender": "female", "answers": ANSWERS, "chart": MATCHING}
    person = Vignette("bench", "bench", "bench", _today(), given, {})
    prefetch = pipeline.service_for("patient-view").prefetch
    body = request_for(person, defaults, pipeline.content, prefetch)
    keys = {query.partition("?")[0]: key for key, query in prefetch.items()}
    read_by_rules = {requirement.type for requirement in pipeline.content.requirements.values()}
    filling = _filling([kind for kind in keys if kind in read_by_rules])
    for _ in range(size - len(MATCHING)):
        resource = next(filling)
        bundle = body["prefetch"][keys[resource["resourceType"]]]
        bundle.setdefault("entry", []).append({"resource": resource, "search": {"mode": "match"}})
        bundle["total"] += 1
    for key in keys.values():
        for entry in body["prefetch"].get(key, {}).get("entry", ()):
            entry["resource"] = UNREAD | entry["resource"]
    return body


def people_with(request: dict[str, Any], number: int) -> list[bytes]:
    """The same call for a number of people, as bodies that differ in the patient's id only."""
    body = orjson.dumps(request)
    quoted, reference = f'"{PERSON}"'.encode(), f'"Patient/{PERSON}"'.encode()
    return [
        body.replace(quoted, f'"{PERSON}-{n}"'.encode()).replace(
            reference, f'"Patient/{PERSON}-{n}"'.encode()
        )
        for n in range(number)
    ]


def _today() -> date:
    return datetime.now(UTC).date()


def _filling(kinds: list[str]) -> Iterator[dict[str, Any]]:
    """Resources of a generated life, the types taking turns, as often as wanted."""
    entries = json.loads(GENERATED.read_text(encoding="utf-8"))["entry"]
    found = {kind: [e["resource"] for e in entries if _kind(e) == kind] for kind in kinds}
    turns = [cycle(resources) for resources in found.values() if resources]
    for number in count():
        resource = dict(next(turns[number % len(turns)]), id=f"generated-{number}")
        resource["subject"] = {"reference": f"Patient/{PERSON}"}
        yield resource


def _kind(entry: dict[str, Any]) -> str:
    return entry["resource"]["resourceType"]
