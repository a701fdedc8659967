"""Calls of ``$apply`` and their CarePlans, to compare with the answers of a hook."""

from __future__ import annotations

from typing import Any

from cds_service.fhir_api.apply import apply_plan
from cds_service.fhir_api.parameters import Parameters, read_parameters
from tests.support.clinic import NOW, QUIET, Clinic

Json = dict[str, Any]
PLANS = "https://dyspareunia-cds.example/fhir/PlanDefinition"
STRATEGY = f"{PLANS}/dyspareunia-workup"
URINARY = {**QUIET, "urine": ["burn"]}
INSTANCE = "one-call"


def parameter(name: str, value: Any) -> Json:
    kind = "resource" if isinstance(value, dict) else "valueString"
    return {"name": name, kind: value}


def parameters(*sent: Json) -> Parameters:
    return read_parameters({"resourceType": "Parameters", "parameter": list(sent)})


def as_parameters(body: Json) -> Parameters:
    """What a caller of ``$apply`` sends in place of a hook's request."""
    context = body["context"]
    sent = [
        parameter("subject", f"Patient/{context['patientId']}"),
        parameter("hook", body["hook"]),
    ]
    if context["userId"].startswith("Practitioner"):
        sent.append(parameter("practitioner", context["userId"]))
    if "encounterId" in context:
        sent.append(parameter("encounter", f"Encounter/{context['encounterId']}"))
    for name in ("draftOrders", "conditions", "appointments"):
        if name in context:
            sent.append(parameter(name, context[name]))
    for key, resource in body["prefetch"].items():
        parts = [parameter("key", key), *([parameter("data", resource)] if resource else [])]
        sent.append({"name": "prefetchData", "part": parts})
    return parameters(*sent)


def applied(clinic: Clinic, sent: Parameters, plan: str = STRATEGY) -> Json:
    resource = clinic.content.resources[plan]
    return apply_plan(clinic.pipeline, resource, sent, NOW, INSTANCE).care_plan


def group(care_plan: Json) -> Json:
    """The RequestGroup that the only activity refers to."""
    (activity,) = care_plan["activity"]
    return referred(care_plan, activity["reference"])


def referred(care_plan: Json, reference: Json) -> Json:
    """The contained resource behind a reference."""
    found = {f"#{r['id']}": r for r in care_plan["contained"]}
    assert len(found) == len(care_plan["contained"])
    return found[reference["reference"]]


def messages(care_plan: Json) -> list[Json]:
    found = [e["valueReference"] for e in care_plan.get("extension", ())]
    return [issue for told in found for issue in referred(care_plan, told)["issue"]]


def as_cards(care_plan: Json) -> list[Json]:
    """The cards an answer of ``$apply`` stands for, as far as it can hold them."""
    return [
        {
            "topic": action["code"][0]["coding"][0],
            "summary": action["title"],
            "detail": action["description"],
            "priority": action["priority"],
            "selectionBehavior": action.get("selectionBehavior"),
            "suggestions": [
                {
                    "label": choice["title"],
                    "recommended": choice.get("precheckBehavior"),
                    "description": choice["description"],
                    "resource": referred(care_plan, choice["resource"]),
                }
                for choice in action.get("action", ())
            ],
        }
        for action in group(care_plan).get("action", ())
    ]


INDICATOR = {"routine": "info", "asap": "warning", "urgent": "warning", "stat": "critical"}


def expected(cards: list[Json]) -> list[Json]:
    """Cards of a hook, in the same shape."""
    return [
        {
            "topic": card["source"]["topic"],
            "summary": card["summary"],
            "detail": card["detail"],
            "indicator": card["indicator"],
            "selectionBehavior": card.get("selectionBehavior"),
            "suggestions": [
                {
                    "label": suggestion["label"],
                    "recommended": "yes" if suggestion.get("isRecommended") else None,
                    "description": suggestion["actions"][0]["description"],
                    "resource": suggestion["actions"][0]["resource"],
                }
                for suggestion in card.get("suggestions", ())
            ],
        }
        for card in cards
    ]


def with_indicators(cards: list[Json]) -> list[Json]:
    return [{**c, "indicator": INDICATOR[c["priority"]]} | {"priority": None} for c in cards]
