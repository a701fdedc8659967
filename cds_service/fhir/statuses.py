"""Elements with a required binding in R4: a code decides, however its system is written.

The binding fixes the codes, so a code alone is not ambiguous: a missing system, or that of an older
version of the value set, changes nothing. A code outside the binding cannot be understood, nor can
``unknown``, which is a code of several of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

UNKNOWN = "unknown"
NONE: frozenset[str] = frozenset()
_EVENT = frozenset(
    {
        "preparation",
        "in-progress",
        "not-done",
        "on-hold",
        "stopped",
        "completed",
        "entered-in-error",
        UNKNOWN,
    }
)
_OBSERVATION = frozenset(
    {
        "registered",
        "preliminary",
        "final",
        "amended",
        "corrected",
        "cancelled",
        "entered-in-error",
        UNKNOWN,
    }
)
_INTENT = frozenset(
    {
        "proposal",
        "plan",
        "order",
        "original-order",
        "reflex-order",
        "filler-order",
        "instance-order",
        "option",
    }
)
BINDINGS: Mapping[tuple[str, str], frozenset[str]] = {
    ("Condition", "clinicalStatus"): frozenset(
        {"active", "recurrence", "relapse", "inactive", "remission", "resolved"}
    ),
    ("Condition", "verificationStatus"): frozenset(
        {
            "unconfirmed",
            "provisional",
            "differential",
            "confirmed",
            "refuted",
            "entered-in-error",
        }
    ),
    ("Observation", "status"): _OBSERVATION,
    ("DiagnosticReport", "status"): _OBSERVATION | {"partial", "appended"},
    ("Procedure", "status"): _EVENT,
    ("MedicationRequest", "status"): frozenset(
        {
            "active",
            "on-hold",
            "cancelled",
            "completed",
            "entered-in-error",
            "stopped",
            "draft",
            UNKNOWN,
        }
    ),
    ("MedicationRequest", "intent"): _INTENT,
    ("MedicationStatement", "status"): frozenset(
        {
            "active",
            "completed",
            "entered-in-error",
            "intended",
            "stopped",
            "on-hold",
            UNKNOWN,
            "not-taken",
        }
    ),
    ("MedicationAdministration", "status"): frozenset(
        {
            "in-progress",
            "not-done",
            "on-hold",
            "completed",
            "entered-in-error",
            "stopped",
            UNKNOWN,
        }
    ),
    ("MedicationDispense", "status"): frozenset(
        {
            "preparation",
            "in-progress",
            "cancelled",
            "on-hold",
            "completed",
            "entered-in-error",
            "stopped",
            "declined",
            UNKNOWN,
        }
    ),
    ("Medication", "status"): frozenset({"active", "inactive", "entered-in-error"}),
    ("Encounter", "status"): frozenset(
        {
            "planned",
            "arrived",
            "triaged",
            "in-progress",
            "onleave",
            "finished",
            "cancelled",
            "entered-in-error",
            UNKNOWN,
        }
    ),
    ("Appointment", "status"): frozenset(
        {
            "proposed",
            "pending",
            "booked",
            "arrived",
            "fulfilled",
            "cancelled",
            "noshow",
            "entered-in-error",
            "checked-in",
            "waitlist",
        }
    ),
    ("QuestionnaireResponse", "status"): frozenset(
        {"in-progress", "completed", "amended", "entered-in-error", "stopped"}
    ),
    ("ServiceRequest", "status"): frozenset(
        {"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", UNKNOWN}
    ),
    ("ServiceRequest", "intent"): _INTENT | {"directive"},
}


def read_codes(resource: Mapping[str, Any], element: str) -> frozenset[str] | None:
    """The codes of a coded element that its binding holds; empty where it says none, None where it
    cannot be understood. A code, a Coding list or plain text is read alike."""
    value = resource.get(element)
    if value is None:
        return NONE
    binding = BINDINGS.get((str(resource.get("resourceType")), element))
    if type(value) is str:  # most often
        said: frozenset[str] | None = frozenset((value.strip(),)) - {""}
    else:
        said = None if isinstance(value, bool | int | float) else frozenset(_codes(value))
    if not said:
        return said
    known = said if binding is None else said & binding
    return known - {UNKNOWN} or None


def _codes(value: Any) -> Iterator[str]:
    values = [value]
    while values:  # at any depth
        one = values.pop()
        if isinstance(one, str):
            yield from [one.strip()] if one.strip() else []
        elif isinstance(one, list):
            values += one
        elif isinstance(one, Mapping):
            values += (one.get("code"), one.get("coding"))
