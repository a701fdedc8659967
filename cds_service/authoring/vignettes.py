"""Vignettes: people written in YAML, run as whole CDS Hooks calls (manual: their README.md).

Content-agnostic: a chart entry names a resource type and a value set, and becomes a resource with
the first code of that set.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from cds_service.authoring.expectations import misspelt
from cds_service.authoring.given_answers import VISIT, given_responses
from cds_service.content.model import Content
from cds_service.decision.evaluate import Evaluation, evaluate
from cds_service.hooks.pipeline import Pipeline
from cds_service.hooks.request import HOOKS, parse_request

HOOK = "patient-view"  # fired where a vignette names none
MIDDAY = 12  # the visit's hour, UTC, unless said otherwise
BIRTHDAY_AGO = 100  # days since the last birthday, so that an age is never on its edge
RESULTS = {"positive": "POS", "negative": "NEG"}
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
UCUM = "http://unitsofmeasure.org"
SWITCHED_OFF = "switchedOff"  # names of what the site switched off
STATUS: dict[str, dict[str, Any]] = {
    "Condition": {
        "clinicalStatus": {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/condition-clinical",
                    "code": "active",
                }
            ]
        }
    },
    "Procedure": {"status": "completed"},
    "Observation": {"status": "final"},
    "DiagnosticReport": {"status": "final"},
    "MedicationRequest": {"status": "active", "intent": "order"},
    "MedicationStatement": {"status": "active"},
    "MedicationAdministration": {"status": "completed"},
    "MedicationDispense": {"status": "completed"},
    "Encounter": {"status": "finished", "class": {"code": "AMB"}},
    "Appointment": {"status": "proposed"},
    "ServiceRequest": {"status": "active", "intent": "order"},
}
DATED = {
    "Condition": "onsetDateTime",
    "Procedure": "performedDateTime",
    "Observation": "effectiveDateTime",
    "DiagnosticReport": "effectiveDateTime",
    "MedicationRequest": "authoredOn",
    "MedicationStatement": "effectiveDateTime",
    "MedicationAdministration": "effectiveDateTime",
    "MedicationDispense": "whenHandedOver",
    "Appointment": "start",
    "ServiceRequest": "authoredOn",
}
CODED = {
    "DiagnosticReport": "conclusionCode",
    "Encounter": "reasonCode",
    "Appointment": "reasonCode",
    "MedicationRequest": "medicationCodeableConcept",
    "MedicationStatement": "medicationCodeableConcept",
    "MedicationAdministration": "medicationCodeableConcept",
    "MedicationDispense": "medicationCodeableConcept",
}


@dataclass(frozen=True, slots=True)
class Vignette:
    """One person: what is given, and what must be found. ``file`` is the YAML file's stem."""

    id: str
    name: str
    file: str
    today: date
    given: Mapping[str, Any]
    expect: Mapping[str, Any]
    hour: int = MIDDAY

    @property
    def hook(self) -> str:
        """The hook that is fired."""
        return str(self.given.get("hook", HOOK))

    @property
    def now(self) -> datetime:
        """The moment of the visit."""
        return datetime(self.today.year, self.today.month, self.today.day, self.hour, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Vignettes:
    """All vignettes of a folder, and what its files say about them."""

    people: tuple[Vignette, ...]
    switched: tuple[Vignette, ...]  # people of a site that switched a part off
    defaults: Mapping[str, Any]
    unnoticed: Mapping[str, str]  # pattern of a mutant no vignette can notice -> why


def read_vignettes(folder: Path) -> Vignettes:
    """Reads every YAML file of a folder; raises ValueError naming a file that is not as agreed."""
    defaults: Mapping[str, Any] = {}
    unnoticed: dict[str, str] = {}
    people: list[Vignette] = []
    for path in sorted(folder.glob("*.yaml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        if path.stem == "defaults":
            defaults = document
            continue
        if path.stem == "unnoticed":
            unnoticed = {e["change"]: e["reason"] for e in document["unnoticed"]}
            continue
        people += _people(path, document)
    switched = tuple(p for p in people if SWITCHED_OFF in p.given)
    others = tuple(p for p in people if SWITCHED_OFF not in p.given)
    return Vignettes(others, switched, defaults, unnoticed)


def _people(path: Path, document: Any) -> list[Vignette]:
    try:
        people = [
            Vignette(v["id"], v["name"], path.stem, document["today"], v["given"], v["expect"])
            for v in document["vignettes"]
        ]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path.name}: not a vignette file: {error}") from None
    wrong = [
        f"{path.name}: {person.id} ({person.name}): {words}"
        for person in people
        for words in misspelt(person.expect)
    ]
    if wrong:
        raise ValueError("\n".join(wrong))
    return people


def at_hour(vignette: Vignette, moment: datetime) -> Vignette:
    """The same person, visiting in the hour of a moment: every date moves with them."""
    moment = moment.astimezone(UTC)
    return replace(vignette, today=moment.date(), hour=moment.hour)


# -- the call ------------------------------------------------------------------------------


def request_for(
    vignette: Vignette, defaults: Mapping[str, Any], content: Content, keys: Iterable[str]
) -> dict[str, Any]:
    """The request of a vignette, with every prefetch key sent."""
    given = vignette.given
    chart = [
        _entry(node, f"entry-{place}", vignette.now, content)
        for place, node in enumerate(given.get("chart", ()))
    ]
    prefetch: dict[str, Any] = {}
    for key in keys:
        kind = key[0].upper() + key[1:-1]
        prefetch[key] = _bundle(r for r in chart if r["resourceType"] == kind)
    prefetch["patient"] = _patient(vignette)
    try:
        responses = list(given_responses(given, defaults, content, vignette.now))
    except ValueError as error:
        raise ValueError(f"{vignette.id}: {error}") from None
    prefetch["questionnaireResponses"] = _bundle(responses)
    if HOOKS[vignette.hook].encounter_required:
        prefetch["encounter"] = {"resourceType": "Encounter", "id": VISIT, "status": "arrived"}
    else:
        prefetch.pop("encounter", None)
    return {
        "hook": vignette.hook,
        "hookInstance": f"vignette-{vignette.id}",
        "context": _context(vignette, content),
        "prefetch": prefetch,
    }


def _context(vignette: Vignette, content: Content) -> dict[str, Any]:
    """Returns what the hook's context must hold; ``given.context`` lists its resources."""
    needs = HOOKS[vignette.hook]
    context: dict[str, Any] = {
        "userId": vignette.given.get("user", "Practitioner/example"),
        "patientId": "person",
    }
    views = [v for v in content.views.values() if v.form.same_encounter]
    if needs.encounter_required or any(v.name in vignette.given for v in views):
        context["encounterId"] = VISIT
    if needs.bundle:
        nodes = vignette.given.get("context", ())
        made = [_entry(node, f"new-{i}", vignette.now, content) for i, node in enumerate(nodes)]
        context[needs.bundle] = _bundle(made)
        if needs.selections:
            context["selections"] = [f"{r['resourceType']}/{r['id']}" for r in made]
    return context


def _bundle(resources: Iterable[dict[str, Any]]) -> dict[str, Any]:
    entries = [{"resource": r, "search": {"mode": "match"}} for r in resources]
    bundle: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(entries),
    }
    return {**bundle, "entry": entries} if entries else bundle


def _patient(vignette: Vignette) -> dict[str, Any]:
    patient: dict[str, Any] = {"resourceType": "Patient", "id": "person"}
    age = vignette.given.get("age")
    if age is not None:
        birthday = vignette.today - timedelta(days=BIRTHDAY_AGO)
        patient["birthDate"] = birthday.replace(year=birthday.year - age).isoformat()
    if "gender" in vignette.given:
        patient["gender"] = vignette.given["gender"]
    return {**patient, **vignette.given.get("patient", {})}


def _entry(node: Mapping[str, Any], name: str, now: datetime, content: Content) -> dict[str, Any]:
    kind = node["type"]
    when = now - timedelta(days=node.get("daysAgo", 0), hours=node.get("hoursAgo", 0))
    resource: dict[str, Any] = {
        "resourceType": kind,
        "id": name,
        "subject": {"reference": "Patient/person"},
        **STATUS.get(kind, {}),
    }
    if "valueSet" in node:
        concept = {"coding": [first_coding(content, node["valueSet"])]}
        element = node.get("element", CODED.get(kind, "code"))
        is_list = element in ("conclusionCode", "reasonCode", "type")
        resource[element] = [concept] if is_list else concept
    if kind == "DiagnosticReport" and "code" not in resource:
        resource["code"] = {"text": "Report"}
    if "undated" not in node:
        stamp = when.isoformat()
        if kind == "Encounter":
            resource["period"] = {"start": stamp}
        else:
            resource[DATED[kind]] = stamp
    if "result" in node:
        coding = {"system": INTERPRETATION, "code": RESULTS[node["result"]]}
        resource["interpretation"] = [{"coding": [coding]}]
    if "value" in node:
        resource["valueQuantity"] = quantity(node["value"])
    return resource | dict(node.get("with", {}))


def first_coding(content: Content, value_set: str) -> dict[str, str]:
    """The first coding a value set enumerates; raises KeyError for an unknown set."""
    url = content.questionnaire.url.partition("/Questionnaire/")[0] + f"/ValueSet/{value_set}"
    include = content.resources[url]["compose"]["include"][0]
    return {"system": include["system"], "code": include["concept"][0]["code"]}


def quantity(text: str) -> dict[str, Any]:
    """``"38.5 Cel"`` as a FHIR Quantity."""
    match = re.fullmatch(r"(-?\d+(?:\.\d+)?) (\S+)", text)
    if match is None:
        raise ValueError(f"not a quantity with a unit: {text!r}")
    return {"value": float(match[1]), "unit": match[2], "system": UCUM, "code": match[2]}


# -- the run -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Case:
    """A vignette, the chart it makes, and what is found for it."""

    vignette: Vignette
    chart: tuple[Mapping[str, Any], ...]
    found: Evaluation


def case_for(vignette: Vignette, defaults: Mapping[str, Any], pipeline: Pipeline) -> Case:
    """Runs a vignette through the same call path as a hook."""
    body = request_for(vignette, defaults, pipeline.content, pipeline.queries)
    gathered, facts = pipeline.facts(parse_request(body, vignette.hook), vignette.now)
    off = pipeline.names.select(vignette.given.get(SWITCHED_OFF, ()))
    found = evaluate(pipeline.content, facts, vignette.now, vignette.hook, off)
    return Case(vignette, gathered.chart, found)
