"""What callers send, as JSON Schema: derived from the checks and the content themselves."""

from __future__ import annotations

from typing import Any

from cds_service.hooks import feedback
from cds_service.hooks.discovery import Service
from cds_service.hooks.request import HOOKS, PLAIN_ID, HookContext
from cds_service.store.records import Outcome

Schema = dict[str, Any]
TEXT: Schema = {"type": "string", "pattern": r"\S"}  # not only white space
ADDRESS = r"^https?://[^\s/?#@]+[^\s?#@]*$"


def reference(name: str) -> Schema:
    """A schema of ``components``."""
    return {"$ref": f"#/components/schemas/{name}"}


def optional(schema: Schema) -> Schema:
    """The schema, or null: null counts as absent (``docs/conformance.md`` 2.17)."""
    if "type" in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def call(service: Service) -> Schema:
    """The body of a call (``docs/conformance.md`` section 2)."""
    return {
        "type": "object",
        "description": "Fields that are not named here are ignored.",
        "required": ["hook", "hookInstance", "context"],
        "properties": {
            "hook": {"const": service.hook},
            "hookInstance": {**TEXT, "description": "A UUID that identifies this call."},
            "fhirServer": optional(
                {"type": "string", "pattern": ADDRESS, "description": "Base URL, no query."}
            ),
            "fhirAuthorization": optional(
                {
                    "type": "object",
                    "description": "Opens fhirServer; used for this call, never kept.",
                    "properties": {"access_token": {"type": "string"}},
                }
            ),
            "context": context(HOOKS[service.hook]),
            "prefetch": optional(prefetch(service)),
            "extension": {"description": "Ignored."},
        },
        # fhirAuthorization that is not null needs fhirServer.
        "if": {
            "properties": {"fhirAuthorization": {"type": "object"}},
            **_has("fhirAuthorization"),
        },
        "then": {"properties": {"fhirServer": {"type": "string"}}, **_has("fhirServer")},
    }


def _has(name: str) -> Schema:
    return {"required": [name]}


def context(hook: HookContext) -> Schema:
    """The context of a hook (``docs/conformance.md`` section 7)."""
    plain = PLAIN_ID.pattern
    needed = ["userId", "patientId"]
    encounter: Schema = {"type": "string", "pattern": f"^(Encounter/)?{plain}$"}
    if hook.encounter_required:
        needed.append("encounterId")
    else:
        encounter = optional(encounter)
    fields: Schema = {
        "userId": {
            "type": "string",
            "pattern": f"^({'|'.join(hook.users)})/{plain}$",
            "description": "Type/id of the current user.",
        },
        "patientId": {"type": "string", "pattern": f"^(Patient/)?{plain}$"},
        "encounterId": encounter,
    }
    if hook.bundle:
        fields[hook.bundle] = reference("Bundle")
        needed.append(hook.bundle)
    if hook.selections:
        fields["selections"] = {
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "pattern": "/", "description": "Type/id"},
        }
        needed.append("selections")
    return {"type": "object", "required": needed, "properties": fields}


def prefetch(service: Service) -> Schema:
    """The keys a service asks for; those that are not sent are fetched, if that is allowed."""
    return {
        "type": "object",
        "description": "null: asked for, and nothing there. Left out: not known. An "
        "OperationOutcome: could not be read. Every resource must be about context.patientId.",
        "properties": {
            key: {"anyOf": [reference("Resource"), {"type": "null"}], "description": query}
            for key, query in service.prefetch.items()
        },
    }


def feedback_body() -> Schema:
    """The body of feedback (``docs/conformance.md`` section 5)."""
    return {
        "type": "object",
        "required": ["feedback"],
        "properties": {
            "feedback": {
                "type": "array",
                "minItems": 1,
                "maxItems": feedback.MAX_ITEMS,
                "items": reference("FeedbackItem"),
            }
        },
    }


def feedback_item() -> Schema:
    """What became of one card."""
    uuid: Schema = {
        "type": "string",
        "pattern": "^[!-~]+$",
        "maxLength": feedback.MAX_ID,
        "description": "A uuid this service sent.",
    }
    return {
        "type": "object",
        "required": ["card", "outcome", "outcomeTimestamp"],
        "properties": {
            "card": uuid,
            "outcome": {"enum": [outcome.value for outcome in Outcome]},
            "outcomeTimestamp": {"type": "string", "format": "date-time"},
            "acceptedSuggestions": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "object", "required": ["id"], "properties": {"id": uuid}},
            },
            "overrideReason": optional(_override_reason()),
        },
        "if": {"properties": {"outcome": {"const": Outcome.ACCEPTED.value}}},
        "then": _has("acceptedSuggestions"),
    }


def _override_reason() -> Schema:
    comment = f"At most {feedback.MAX_COMMENT} characters are kept."
    coding: Schema = {
        "type": "object",
        "required": ["code"],
        "properties": {
            "code": TEXT,
            "system": optional({"type": "string"}),
            "display": optional({"type": "string"}),
        },
    }
    return {
        "type": "object",
        "properties": {
            "reason": optional(coding),
            "userComment": optional({"type": "string", "description": comment}),
        },
        "anyOf": [
            {"properties": {"reason": {"type": "object"}}, **_has("reason")},
            {"properties": {"userComment": {"type": "string"}}, **_has("userComment")},
        ],
    }


def form_response() -> Schema:
    """What ``$validate`` takes: the response itself, or Parameters that hold it."""
    return {
        "description": "A QuestionnaireResponse, or Parameters with one named resource. What is "
        "wrong with it is the answer, not an error.",
        "anyOf": [reference("Resource"), {}],
    }
