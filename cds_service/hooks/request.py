"""The CDS Hooks request, checked (``docs/conformance.md`` section 2, contexts of section 7).

Strict about what the specification requires, lenient about the rest: unknown fields are ignored,
optional fields sent as null, "" or [] count as absent, ``Patient/123`` is taken as ``123``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import SecretStr

from cds_service.access.addresses import read_address
from cds_service.access.fhir_access import FhirAccess
from cds_service.fhir.errors import BadRequest, Issue
from cds_service.fhir.json_text import read_json

PRACTITIONERS = ("Practitioner", "PractitionerRole")
ANYONE = (*PRACTITIONERS, "Patient", "RelatedPerson")


@dataclass(frozen=True, slots=True)
class HookContext:
    """Fields that a hook's context must and may hold (``docs/conformance.md`` section 7).
    ``version`` is of the hook's definition; ``bundle`` names the field that holds resources."""

    version: str
    users: tuple[str, ...]
    encounter_required: bool = False
    bundle: str | None = None
    selections: bool = False


HOOKS = {
    "patient-view": HookContext("1.0", ANYONE),
    "encounter-start": HookContext("1.0", PRACTITIONERS, encounter_required=True),
    "order-select": HookContext("1.0", PRACTITIONERS, bundle="draftOrders", selections=True),
    "order-sign": HookContext("1.0", PRACTITIONERS, bundle="draftOrders"),
    "appointment-book": HookContext("1.0", ANYONE, bundle="appointments"),
    "problem-list-item-create": HookContext("0.1.0", PRACTITIONERS, bundle="conditions"),
}

# R4's id (docs/conformance.md 2.13): ids go into paths and queries of the EHR's FHIR server, where
# ``$export``, ``_history`` or ``p1,p2`` would ask for something else.
R4_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


@dataclass(frozen=True, slots=True)
class HookRequest:
    """A request that passed the checks. ``user`` is ``(type, id)``; ``prefetch`` is as sent;
    ``token`` opens ``fhir_server`` and is sent nowhere else."""

    hook: str
    hook_instance: str
    patient_id: str
    encounter_id: str | None
    user: tuple[str, str]
    prefetch: dict[str, Any] = field(default_factory=dict)
    fhir_server: str | None = None
    token: SecretStr | None = None
    token_patient: str | None = None  # whose data the token opens, when it says so
    resources: dict[str, tuple[dict[str, Any], ...]] = field(default_factory=dict)  # of the context

    @property
    def fhir_access(self) -> FhirAccess:
        """Returns what this call allows to read from the EHR's FHIR server."""
        return FhirAccess(
            self.fhir_server, self.token, self.patient_id, self.encounter_id, self.token_patient
        )


def parse_body(body: bytes) -> Any:
    """The JSON of a body; raises BadRequest naming line and column."""
    try:
        return read_json(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(
            Issue(
                "structure",
                f"The body is not valid JSON at line {error.lineno}, column {error.colno}. "
                "Send one JSON object in UTF-8.",
            )
        ) from None


def parse_request(body: Any, hook: str) -> HookRequest:
    """Checks a parsed body for a service of that hook; raises BadRequest with every problem."""
    if not isinstance(body, dict):
        raise BadRequest(Issue("structure", "The body must be one JSON object."))
    problems: list[Issue] = []
    request = _Reader(body, problems)
    sent = request.text("hook", "the name of the hook, such as patient-view")
    if sent is not None and sent != hook:
        problems.append(
            Issue("value", f"This service answers the hook {hook!r}; call it with that.", "hook")
        )
    instance = request.text("hookInstance", "a UUID that identifies this call")
    prefetch = request.object("prefetch", required=False)
    server, authorization = request.server()
    context = request.object("context", required=True)
    patient = encounter = user = None
    resources: dict[str, tuple[dict[str, Any], ...]] = {}
    if context is not None:
        inner = _Reader(context, problems, "context.")
        patient = inner.id("patientId", "Patient", required=True)
        needs = HOOKS[hook]
        encounter = inner.id("encounterId", "Encounter", required=needs.encounter_required)
        user = inner.user(needs.users)
        if needs.bundle:
            resources = {needs.bundle: inner.bundle(needs.bundle)}
        if needs.selections:
            inner.references("selections")
    if problems or instance is None or patient is None or user is None:
        raise BadRequest(*problems)
    token = authorization.get("access_token")
    about = authorization.get("patient")
    return HookRequest(
        hook=hook,
        hook_instance=instance,
        patient_id=patient,
        encounter_id=encounter,
        user=user,
        prefetch=prefetch or {},
        fhir_server=server,
        token=SecretStr(token) if isinstance(token, str) and token else None,
        token_patient=about.rpartition("/")[2] if isinstance(about, str) else None,
        resources=resources,
    )


class _Reader:
    """Reads fields of one object, adding an issue for each that is wrong."""

    def __init__(self, source: dict[str, Any], problems: list[Issue], prefix: str = "") -> None:
        self.source = source
        self.problems = problems
        self.prefix = prefix

    def wrong(self, name: str, words: str, code: str = "value") -> None:
        """Adds an issue about a field."""
        where = self.prefix + name
        self.problems.append(Issue(code, f"{where} {words}", where))

    def value(self, name: str, required: bool) -> Any:
        """A field; an optional one that is an empty string or array counts as absent."""
        value = self.source.get(name)
        return None if not required and value in ("", []) else value

    def text(self, name: str, meaning: str, required: bool = True) -> str | None:
        """A non-empty string."""
        value = self.value(name, required)
        if value is None:
            if required:
                self.wrong(name, f"is missing. It must be {meaning}.", "required")
            return None
        if not isinstance(value, str) or not value.strip():
            self.wrong(name, f"must be a non-empty string: {meaning}.")
            return None
        return value

    def object(self, name: str, required: bool) -> dict[str, Any] | None:
        """A JSON object; an empty one is refused where the object is required."""
        value = self.value(name, required)
        if value is None:
            if required:
                self.wrong(name, "is missing. It must be a JSON object.", "required")
            return None
        if not isinstance(value, dict):
            self.wrong(name, "must be a JSON object.")
            return None
        if required and not value:
            self.wrong(name, "is empty. It must hold the fields the hook defines.", "required")
            return None
        return value

    def id(self, name: str, resource_type: str, required: bool) -> str | None:
        """A bare FHIR id; ``Type/id`` of the right type is tolerated."""
        value = self.text(name, f"the id of the {resource_type}", required)
        if value is None:
            return None
        kind, slash, rest = value.rpartition("/")
        if slash and kind != resource_type:
            self.wrong(name, f"must be the id of a {resource_type}, without another type.")
            return None
        if not R4_ID.fullmatch(rest) or rest in (".", ".."):  # steps of a path, not ids
            words = "1 to 64 letters (a to z), digits, hyphens and dots"
            self.wrong(name, f"must be a plain {resource_type} id: {words}.")
            return None
        return rest

    def user(self, allowed: tuple[str, ...]) -> tuple[str, str] | None:
        """``userId`` as (type, id), of a type the hook allows."""
        meaning = "Type/id of the current user, for example Practitioner/123"
        value = self.text("userId", meaning)
        if value is None:
            return None
        kind, _, rest = value.partition("/")
        if kind not in allowed or not R4_ID.fullmatch(rest):
            self.wrong("userId", f"must be Type/id with one of the types {', '.join(allowed)}.")
            return None
        return kind, rest

    def bundle(self, name: str) -> tuple[dict[str, Any], ...]:
        """The resources of a required Bundle; entries that hold none are passed over."""
        value = self.object(name, required=True)
        if value is None:
            return ()
        if value.get("resourceType") != "Bundle":
            self.wrong(name, "must be a FHIR Bundle.")
            return ()
        entries = value.get("entry")
        found = (
            e.get("resource") if isinstance(e, dict) else None
            for e in (entries if isinstance(entries, list) else ())
        )
        return tuple(r for r in found if isinstance(r, dict) and "resourceType" in r)

    def references(self, name: str) -> None:
        """A required, non-empty array of ``Type/id``."""
        value = self.source.get(name)
        shaped = isinstance(value, list) and value
        if not shaped or not all(isinstance(v, str) and "/" in v for v in value or ()):
            self.wrong(name, "must be a non-empty array of Type/id strings.", "required")

    def server(self) -> tuple[str | None, dict[str, Any]]:
        """``fhirServer`` and ``fhirAuthorization``; the first is required with the second
        (``docs/conformance.md`` 2.6). Odd fields inside the second are left alone (2.8)."""
        server = self.text("fhirServer", "the base URL of the FHIR server", required=False)
        if server is not None and read_address(server) is None:
            words = "must be an absolute http or https URL without user, query or fragment, "
            words += "and without spaces, ';' or '..'."
            self.wrong("fhirServer", words)
            server = None
        authorization = self.value("fhirAuthorization", required=False)
        if authorization is None:
            return server, {}
        if not isinstance(authorization, dict):
            self.wrong("fhirAuthorization", "must be a JSON object.")
            return server, {}
        if self.value("fhirServer", required=False) is None:
            self.wrong("fhirServer", "is required when fhirAuthorization is given.", "required")
        return server, authorization
