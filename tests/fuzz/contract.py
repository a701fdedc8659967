"""What a service must refuse, read from the specification and written without our own checks.

``docs/conformance.md`` sections 2, 3, 5 and 7. Used to judge answers: whatever is named here must
never have led to cards or been acknowledged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

CLINICIANS = {"Practitioner", "PractitionerRole"}
EVERYBODY = CLINICIANS | {"Patient", "RelatedPerson"}
USERS = {"patient-view": EVERYBODY, "appointment-book": EVERYBODY}  # the others: CLINICIANS
BUNDLES = {
    "order-select": "draftOrders",
    "order-sign": "draftOrders",
    "appointment-book": "appointments",
    "problem-list-item-create": "conditions",
}


def refusals(body: Any, hook: str) -> list[str]:
    """Why a call without FHIR access must not be answered with cards; empty when it may be."""
    if not isinstance(body, dict):
        return ["body"]
    context = body.get("context")
    if not isinstance(context, dict) or not context:
        return ["context"]
    return [*_envelope(body, hook), *_context(context, hook), *_data(body, context, hook)]


def _envelope(body: dict[str, Any], hook: str) -> Iterator[str]:
    if body.get("hook") != hook:
        yield "hook"
    if not _is_text(body.get("hookInstance")):
        yield "hookInstance"
    server, opened = body.get("fhirServer"), body.get("fhirAuthorization")
    if server is not None and not _is_address(server):
        yield "fhirServer"
    if opened is not None and (not isinstance(opened, dict) or server is None):
        yield "fhirAuthorization"
    if body.get("prefetch") is not None and not isinstance(body["prefetch"], dict):
        yield "prefetch"


def _context(context: dict[str, Any], hook: str) -> Iterator[str]:
    if not _is_id(context.get("patientId"), "Patient"):
        yield "patientId"
    user = context.get("userId")
    kind, _, rest = user.partition("/") if isinstance(user, str) else ("", "", "")
    if kind not in USERS.get(hook, CLINICIANS) or not _is_id(rest, ""):
        yield "userId"
    encounter = context.get("encounterId")
    if encounter is None:
        if hook == "encounter-start":
            yield "encounterId"
    elif not _is_id(encounter, "Encounter"):
        yield "encounterId"
    bundle = context.get(BUNDLES.get(hook, ""))
    if hook in BUNDLES and not (
        isinstance(bundle, dict) and bundle.get("resourceType") == "Bundle"
    ):
        yield BUNDLES[hook]
    selections = context.get("selections")
    if hook == "order-select" and not (isinstance(selections, list) and selections):
        yield "selections"


def _data(body: dict[str, Any], context: dict[str, Any], hook: str) -> Iterator[str]:
    """Required data that is not there, and data about somebody else (1.21 to 1.27, 3.4)."""
    sent = body.get("prefetch")
    sent = sent if isinstance(sent, dict) else {}
    patient = _last_step(context.get("patientId"))
    if not any(r.get("resourceType") == "Patient" for r in resources(sent.get("patient"))):
        yield "prefetch.patient"
    if "questionnaireResponses" not in sent or _failed(sent["questionnaireResponses"]):
        yield "prefetch.questionnaireResponses"
    if any(_failed_entry(r) for r in resources(sent.get("questionnaireResponses"))):
        yield "prefetch.questionnaireResponses: failed"
    found = [r for key in READ for r in resources(sent.get(key))]
    found += resources(context.get(BUNDLES.get(hook, "")))
    if any(is_about_another(resource, patient) for resource in found):
        yield "another patient"


READ = (
    "patient",
    "questionnaireResponses",
    "conditions",
    "observations",
    "procedures",
    "medicationRequests",
    "medicationAdministrations",
    "medicationDispenses",
    "medicationStatements",
    "diagnosticReports",
    "encounters",
    "serviceRequests",
)


def resources(value: Any) -> list[dict[str, Any]]:
    """The resources of a prefetch value: of a Bundle its entries', else the value itself."""
    if not isinstance(value, dict):
        return []
    if value.get("resourceType") != "Bundle":
        return [value]
    entries = value.get("entry")
    held = [e.get("resource") for e in entries if isinstance(e, dict)] if _is_list(entries) else []
    return [r for r in held if isinstance(r, dict) and isinstance(r.get("resourceType"), str)]


def _failed(value: Any) -> bool:
    """Neither a resource nor null (nothing found): it could not be had."""
    if value is None:
        return False
    kind = value.get("resourceType") if isinstance(value, dict) else None
    return not isinstance(kind, str) or kind == "OperationOutcome"


def _failed_entry(resource: dict[str, Any]) -> bool:
    issues = resource.get("issue")
    return resource.get("resourceType") == "OperationOutcome" and any(
        isinstance(issue, dict) and issue.get("severity") in ("error", "fatal")
        for issue in (issues if _is_list(issues) else ())
    )


def is_about_another(resource: dict[str, Any], patient: str) -> bool:
    if resource.get("resourceType") == "Patient":
        return resource.get("id") != patient
    for name in ("subject", "patient"):
        about = resource.get(name)
        reference = about.get("reference") if isinstance(about, dict) else None
        named = re.search(r"Patient/([^/]+)", reference) if isinstance(reference, str) else None
        if named and named[1] != patient:
            return True
    return False


def feedback_refusals(item: Any) -> list[str]:
    """Why an item of feedback must not be acknowledged."""
    if not isinstance(item, dict):
        return ["item"]
    wrong = [] if _is_uuid_text(item.get("card")) else ["card"]
    if item.get("outcome") not in ("accepted", "overridden"):
        wrong.append("outcome")
    if not _is_moment(item.get("outcomeTimestamp")):
        wrong.append("outcomeTimestamp")
    chosen, why = item.get("acceptedSuggestions"), item.get("overrideReason")
    if item.get("outcome") == "accepted" and not (
        _is_list(chosen)
        and chosen
        and all(isinstance(c, dict) and _is_uuid_text(c.get("id")) for c in chosen)
    ):
        wrong.append("acceptedSuggestions")
    if item.get("outcome") == "overridden" and why is not None:
        wrong += _override_refusals(why)
    return wrong


def _override_refusals(why: Any) -> list[str]:
    if not isinstance(why, dict):
        return ["overrideReason"]
    reason, comment = why.get("reason"), why.get("userComment")
    if reason is None and comment is None:
        return ["overrideReason"]
    if reason is not None and not _is_coding(reason):
        return ["overrideReason.reason"]
    return [] if comment is None or isinstance(comment, str) else ["overrideReason.userComment"]


# -- single values ----------------------------------------------------------------------------


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_coding(value: Any) -> bool:
    """With a code; system and display may be missing (5.5)."""
    return (
        isinstance(value, dict)
        and _is_text(value.get("code"))
        and all(isinstance(value.get(name), str | None) for name in ("system", "display"))
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_id(value: Any, kind: str) -> bool:
    """A plain id, or ``Type/id`` of that type (2.12)."""
    if not isinstance(value, str):
        return False
    rest = value.removeprefix(f"{kind}/") if kind else value
    return bool(rest) and not re.search(r"[\s/?#\x00]", rest) and rest not in (".", "..")


def _last_step(value: Any) -> str:
    return value.rpartition("/")[2] if isinstance(value, str) else ""


def _is_address(value: Any) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except (ValueError, TypeError, AttributeError):
        return False


def _is_uuid_text(value: Any) -> bool:
    """What could be an id of ours: printable, without spaces."""
    return isinstance(value, str) and bool(re.fullmatch("[!-~]+", value))


def _is_moment(value: Any) -> bool:
    """RFC 3339: date, time and offset."""
    if not isinstance(value, str) or not re.search(r"([Zz]|[+-]\d\d:\d\d)$", value):
        return False
    leap = re.sub(r":60(?=[.Zz+-])", ":59", value)
    whole = re.sub(r"(\.\d{1,6})\d*", r"\1", leap).upper().replace("Z", "+00:00")
    try:
        return datetime.fromisoformat(whole).tzinfo is not None
    except ValueError:
        return False
