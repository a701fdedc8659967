"""The gate of every resource the rules look at, wherever it comes from: is it so, and is it
understood?

What is not so (entered in error, refuted, an order not to do something) is left out. What may not
be understood as if it stood alone (a modifier extension, implicit rules, a status that its binding
does not hold) is left out and said. Whom a resource is about is asked where it arrives
(``fhir.references.is_about``). ``MODIFIERS`` lists what is done about every modifier element.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cds_service.content.model import CodeFilter, Resource
from cds_service.decision.unread import Why
from cds_service.fhir.dates import parse_span
from cds_service.fhir.statuses import read_codes

NOT_BELIEVED = frozenset({"entered-in-error", "refuted"})
CLINICAL_STATUS = "clinicalStatus"


def is_believed(resource: Resource) -> bool | Why:
    """True for what may be used, False for what is not so, and why where that is not known."""
    for element in ("status", "verificationStatus"):
        codes = read_codes(resource, element)
        if codes and codes & NOT_BELIEVED:
            return False
        if codes is None and element == "verificationStatus":
            return Why.STATUS
    prohibited = resource.get("doNotPerform")
    if prohibited is True:
        return False
    if prohibited not in (None, False) or resource.get("implicitRules") or _is_modified(resource):
        return Why.MODIFIER
    return True


def _is_modified(resource: Resource) -> bool:
    """True if a modifier extension stands anywhere in a resource, at any depth: none is known."""
    nodes: list[Any] = [resource]
    while nodes:
        node = nodes.pop()
        if type(node) is dict:
            if node.get("modifierExtension"):
                return True
            nodes += node.values()
        elif type(node) is list:
            nodes += node
    return False


def meets_status(resource: Resource, wanted: CodeFilter, now: datetime) -> bool | None:
    """Checks whether a coded element with a required binding holds one of the codes; None if that
    cannot be told. A condition that has abated is not active, whatever it says (R4 con-4)."""
    if wanted.path == CLINICAL_STATUS:
        ended = has_ended(resource, now)
        if ended is not False:
            return None if ended is None else False
    codes = read_codes(resource, wanted.path)
    if codes is None:
        return None
    if not codes:
        return wanted.allows_absent
    met = codes & {code for _, code in wanted.codes}
    return True if met == codes else None if met else False


def has_ended(condition: Resource, now: datetime) -> bool | None:
    """Checks whether a Condition has abated; None if that cannot be told."""
    name = next((key for key in condition if key.startswith("abatement")), None)
    value = condition[name] if name else None
    if value is None or value is False:
        return False
    if name == "abatementPeriod" and isinstance(value, Mapping):
        value = value.get("end") or value.get("start")
    elif name != "abatementDateTime":
        return True  # an age, a range, or words: it has a date, only not one that is told
    span = parse_span(value)
    return None if span is None else span.start <= now


# What is done about each modifier element of R4 in the types that are read. ``modifierExtension``
# (anywhere in a resource) and ``implicitRules`` are the same for all: not used, and said.
NOT_USED = "not used, and said"
MODIFIERS: Mapping[str, Mapping[str, str]] = {
    "Patient": {
        "active": "used as it is: the caller names this record in context.patientId",
        "deceased": "no card for a person who has died",
        "link": "used as it is: the caller names this record in context.patientId",
    },
    "Condition": {
        "clinicalStatus": "a code of the binding decides; another one: not used, and said",
        "verificationStatus": "refuted and entered in error: not used; unknown codes: " + NOT_USED,
    },
    "Observation": {"status": "a code of the binding decides; another one: not used, and said"},
    "DiagnosticReport": {
        "status": "a code of the binding decides; another one: not used, and said"
    },
    "Procedure": {"status": "a code of the binding decides; another one: not used, and said"},
    "Encounter": {"status": "a code of the binding decides; another one: not used, and said"},
    "Appointment": {"status": "a code of the binding decides; another one: not used, and said"},
    "MedicationRequest": {
        "status": "a code of the binding decides; another one: not used, and said",
        "intent": "a code of the binding decides; another one: not used, and said",
        "doNotPerform": "true: not used; neither true nor false: not used, and said",
    },
    "MedicationStatement": {
        "status": "a code of the binding decides; another one: not used, and said"
    },
    "MedicationAdministration": {
        "status": "a code of the binding decides; another one: not used, and said"
    },
    "MedicationDispense": {
        "status": "a code of the binding decides; another one: not used, and said"
    },
    "Medication": {"status": "entered in error: the medicine is not there, and said"},
    "ServiceRequest": {
        "status": "only draft and active count as ordered; another code: not used, and said",
        "intent": "a proposal or an option does not count; another code: not used, and said",
        "doNotPerform": "true: not used; neither true nor false: not used, and said",
    },
    "QuestionnaireResponse": {
        "status": "completed and amended are used; in progress: an emergency in it is said"
    },
    "Quantity": {"comparator": "the value is not used, and said"},
}
