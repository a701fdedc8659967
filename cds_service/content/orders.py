"""Draft orders: an ActivityDefinition turned, once at load, into the request it stands for.

The template lacks only what belongs to one call (id, subject, encounter, authoredOn, requester),
so a call copies it and fills those in (``cds_service.hooks.cards``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cds_service.content import extensions as ext
from cds_service.content.codes import normalise
from cds_service.content.model import Due, Resource

DUE_AFTER = "due-after"
# Where each kind of request keeps the person it is for.
SUBJECT = {"ServiceRequest": "subject", "Task": "for", "CommunicationRequest": "subject"}


def order_template(activity: Resource, plan: Resource, card: Resource) -> dict[str, Any]:
    """The draft request: status draft, intent proposal (a proposal the clinician may accept)."""
    canonicals = [f"{r['url']}|{r['version']}" for r in (activity, plan)]
    build = {"Task": _task, "CommunicationRequest": _communication}
    request = build.get(activity["kind"], _service_request)(activity, canonicals)
    if card.get("reason") and activity["kind"] != "Task":
        request["reasonCode"] = card["reason"]
    elif card.get("reason"):
        request["reasonCode"] = card["reason"][0]
    if activity.get("priority", "routine") != "routine":
        request["priority"] = activity["priority"]
    return request


def _service_request(activity: Resource, canonicals: list[str]) -> dict[str, Any]:
    request = {
        "resourceType": "ServiceRequest",
        "instantiatesCanonical": canonicals,
        "status": "draft",
        "intent": "proposal",
        "code": activity["code"],
    }
    for ours, theirs in (("topic", "category"), ("bodySite", "bodySite")):
        if ours in activity:
            request[theirs] = activity[ours]
    return request


def _task(activity: Resource, canonicals: list[str]) -> dict[str, Any]:
    task = _bare_task(activity, canonicals)
    forms = [a["resource"] for a in activity.get("relatedArtifact", ()) if "resource" in a]
    if forms:
        task["input"] = [{"type": {"text": "Questionnaire"}, "valueCanonical": f} for f in forms]
    return task


def _bare_task(activity: Resource, canonicals: list[str]) -> dict[str, Any]:
    # Task names one ActivityDefinition; the plan that asked goes into instantiatesUri (R4).
    return {
        "resourceType": "Task",
        "instantiatesCanonical": canonicals[0],
        "instantiatesUri": canonicals[1],
        "status": "draft",
        "intent": "proposal",
        "code": activity["code"],
        "description": activity["description"],
    }


def _communication(activity: Resource, canonicals: list[str]) -> dict[str, Any]:
    # CommunicationRequest has no intent and no instantiates element in R4.
    return {
        "resourceType": "CommunicationRequest",
        "status": "draft",
        "payload": [{"contentString": activity["description"]}],
        "category": [activity["code"]],
    }


def due_of(activity: Resource) -> Due | None:
    """When the task of an ActivityDefinition is due (``due-after``, ``due-window``); None for one
    without a date."""
    after = ext.value(activity, DUE_AFTER)
    if after is None:
        return None
    at, window = ext.hours(after), ext.parts(ext.value(activity, "due-window", {}))
    if not window:
        return Due(at, None, at)
    return Due(at, at - ext.hours(window["before"]), at + ext.hours(window["after"]))


def order_key(activity: Resource) -> str:
    """Returns what makes two orders the same order: the code, else its text."""
    return next(order_keys(activity["code"]))


def order_keys(code: Any) -> Iterator[str]:
    """Every key a CodeableConcept answers to: its codings, else its text."""
    codings = code.get("coding") if isinstance(code, dict) else None
    for coding in codings if isinstance(codings, list) else ():
        if isinstance(coding, dict) and isinstance(coding.get("code"), str):
            yield "|".join(normalise(coding.get("system"), coding["code"]))
    text = code.get("text") if isinstance(code, dict) else None
    if not codings and isinstance(text, str):
        yield text.casefold()
