"""The whole document, put together from its parts."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import orjson

from cds_service.app.openapi import requests
from cds_service.app.openapi.operation import FHIR_JSON, JSON, Operation
from cds_service.app.openapi.operations import call_schema, operations
from cds_service.app.openapi.requests import Schema, reference
from cds_service.hooks.discovery import Service
from cds_service.hooks.pipeline import Pipeline
from cds_service.settings import Settings

ANSWERS = Path(__file__).parent / "schemas.json"
VERSION = "3.1.1"
WORDS = """\
Clinical decision support for pain with sex, through [CDS Hooks](https://cds-hooks.hl7.org/).
**Draft clinical content, not approved by clinicians.**

- Every error is a FHIR OperationOutcome, with CORS headers where the origin is allowed.
- A method that an address does not take is answered with 405 and `Allow`.
- Browsers: `OPTIONS` needs no token; the operator lists the origins that may call
  (`CDS_CORS_ORIGINS`).
- `X-Request-Id` goes in and out; tell it to the operator when something fails.
"""
WHEN = {
    HTTPStatus.OK: "Answered.",
    HTTPStatus.NOT_MODIFIED: "The caller has it already.",
    HTTPStatus.BAD_REQUEST: "Not what this address takes. Every problem is listed.",
    HTTPStatus.UNAUTHORIZED: "No acceptable token (never while `CDS_AUTH` is `off`).",
    HTTPStatus.NOT_FOUND: "There is nothing at this address.",
    HTTPStatus.NOT_ACCEPTABLE: "Only JSON is served.",
    HTTPStatus.PRECONDITION_FAILED: "The patient or the responses cannot be had, or the data is "
    "about somebody else.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is over the size limit.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not declared as JSON, or is packed.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "The service failed and has given no guidance.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The store is down; nothing was saved.",
}
HEADERS: dict[str, tuple[str, Schema]] = {
    "X-Request-Id": ("Names this request in the log.", {"type": "string"}),
    "Retry-After": ("Seconds after which to try again.", {"type": "integer", "minimum": 0}),
    "WWW-Authenticate": ("The scheme: Bearer.", {"type": "string"}),
}
ONLY_WITH = {
    HTTPStatus.SERVICE_UNAVAILABLE: "Retry-After",
    HTTPStatus.UNAUTHORIZED: "WWW-Authenticate",
}


def describe(
    pipeline: Pipeline, settings: Settings, examples: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The OpenAPI document of the service at these settings; ``examples`` holds a ``request`` and
    its ``response`` by operation id."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations(pipeline.services):
        found = _operation(operation, settings, (examples or {}).get(operation.id, {}))
        paths.setdefault(operation.path, {})[operation.method] = found
    return {
        "openapi": VERSION,
        "info": {
            "title": "Dyspareunia CDS",
            "version": pipeline.content.version,
            "description": WORDS,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": settings.public_base_url}],
        "paths": paths,
        "components": {
            "schemas": _schemas(pipeline.services),
            "responses": {s.name: _error(s) for s in WHEN if s is not HTTPStatus.OK},
            "headers": {
                name: {"description": words, "schema": schema}
                for name, (words, schema) in HEADERS.items()
            },
            "parameters": {"requestId": _request_id()},
            "securitySchemes": _schemes(),
        },
    }


def _operation(operation: Operation, settings: Settings, example: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": [{"$ref": "#/components/parameters/requestId"}, *operation.parameters],
        "responses": {str(int(s)): _response(s, operation, example) for s in operation.statuses},
        "security": _security(operation, settings),
    }
    if operation.words:
        found["description"] = operation.words
    if operation.body is not None:
        media = {"schema": operation.body}
        content = {JSON: _example(media, example.get("request")), FHIR_JSON: media}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _security(operation: Operation, settings: Settings) -> list[dict[str, list[str]]]:
    if operation.opened_by == "nothing":
        return []
    if operation.opened_by == "metrics" and not settings.metrics_token:
        return [{"metrics": []}, {}]
    if operation.opened_by == "client" and settings.auth != "required":
        return [{"client": []}, {}]
    return [{operation.opened_by: []}]


def _response(status: HTTPStatus, operation: Operation, example: Any) -> dict[str, Any]:
    if status is not HTTPStatus.OK:
        return {"$ref": f"#/components/responses/{status.name}"}
    answers = {
        kind: _example({"schema": schema}, example.get("response"))
        for kind, schema in operation.answers.items()
    }
    return {"description": WHEN[status], "headers": _headers(status), "content": answers}


def _example(media: dict[str, Any], example: Any) -> dict[str, Any]:
    return {**media, "example": example} if example is not None else media


def _error(status: HTTPStatus) -> dict[str, Any]:
    if status is HTTPStatus.NOT_MODIFIED:
        return {"description": WHEN[status], "headers": _headers(status)}
    return {
        "description": WHEN[status],
        "headers": _headers(status),
        "content": {kind: {"schema": reference("OperationOutcome")} for kind in (JSON, FHIR_JSON)},
    }


def _headers(status: HTTPStatus) -> dict[str, Any]:
    named = ["X-Request-Id", *([ONLY_WITH[status]] if status in ONLY_WITH else [])]
    return {name: {"$ref": f"#/components/headers/{name}"} for name in named}


def _schemas(services: Mapping[str, Service]) -> dict[str, Schema]:
    return {
        **orjson.loads(ANSWERS.read_bytes()),
        **{call_schema(service): requests.call(service) for service in services.values()},
        "Feedback": requests.feedback_body(),
        "FeedbackItem": requests.feedback_item(),
    }


def _request_id() -> dict[str, Any]:
    return {
        "name": "X-Request-Id",
        "in": "header",
        "description": "Comes back as it is when it has 1 to 64 letters, digits, dots, dashes and "
        "underscores; otherwise the service makes one.",
        "schema": {"type": "string"},
    }


def _schemes() -> dict[str, Any]:
    return {
        "client": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "Signed by the EHR for exactly this address (`aud`), ES384 or RS384, "
            "used once (`jti`). docs/integrating.md says how.",
        },
        "report": {
            "type": "http",
            "scheme": "bearer",
            "description": "The token the operator set as `CDS_REPORT_TOKEN`.",
        },
        "metrics": {
            "type": "http",
            "scheme": "bearer",
            "description": "The token the operator set as `CDS_METRICS_TOKEN`.",
        },
    }
