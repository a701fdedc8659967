"""What is said of one method at one path."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus as S
from typing import Any, Literal

from cds_service.app.openapi.requests import Schema

JSON = "application/json"
FHIR_JSON = "application/fhir+json"
READING = (S.OK, S.UNAUTHORIZED, S.INTERNAL_SERVER_ERROR)
SENDING = (
    *READING,
    S.BAD_REQUEST,
    S.REQUEST_ENTITY_TOO_LARGE,
    S.UNSUPPORTED_MEDIA_TYPE,
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method at one path. ``answers`` maps media types to the schema of a 200; ``opened_by``
    names the security scheme."""

    method: Literal["get", "post"]
    path: str
    id: str
    tag: str
    summary: str
    statuses: tuple[S, ...]
    answers: dict[str, Schema]
    opened_by: Literal["client", "report", "metrics", "nothing"] = "nothing"
    words: str = ""
    body: Schema | None = None
    parameters: tuple[dict[str, Any], ...] = field(default=())


def parameter(name: str, place: str, schema: Schema, words: str = "") -> dict[str, Any]:
    """A parameter; those of a path are required."""
    found = {"name": name, "in": place, "required": place == "path", "schema": schema}
    return {**found, "description": words} if words else found
