"""The described routes: one row for each path and method."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus as S

from cds_service.app.openapi import fhir
from cds_service.app.openapi.operation import JSON, READING, SENDING, Operation, parameter
from cds_service.app.openapi.requests import reference
from cds_service.hooks.discovery import Service


def operations(services: dict[str, Service]) -> Iterator[Operation]:
    """Everything that is not a page or a static file."""
    yield Operation(
        "get",
        "/cds-services",
        "discovery",
        "CDS Hooks",
        "The services, one for each hook, with the prefetch each asks for",
        READING,
        {JSON: reference("Discovery")},
        "client",
    )
    for service in services.values():
        yield from _hook(service)
    yield from fhir.operations()
    yield from _operating()


def _hook(service: Service) -> Iterator[Operation]:
    yield Operation(
        "post",
        f"/cds-services/{service.id}",
        service.id,
        "CDS Hooks",
        f"A call of {service.hook}: cards for the patient",
        (*SENDING, S.PRECONDITION_FAILED),
        {JSON: reference("Cards")},
        "client",
        f"{service.description} {service.usage}",
        reference(call_schema(service)),
    )
    yield Operation(
        "post",
        f"/cds-services/{service.id}/feedback",
        f"{service.id}-feedback",
        "CDS Hooks",
        f"What became of cards of {service.hook}",
        (*SENDING, S.SERVICE_UNAVAILABLE),
        {JSON: reference("Saved")},
        "client",
        "Every item stands for itself: with a 400, the last issue says how many good ones were "
        "saved. The same item may be sent again; it is counted once.",
        reference("Feedback"),
    )


def call_schema(service: Service) -> str:
    """The name of the schema of a service's calls."""
    return "".join(part.capitalize() for part in service.hook.split("-")) + "Call"


def _operating() -> Iterator[Operation]:
    yield Operation(
        "get",
        "/health/live",
        "live",
        "Operations",
        "Is the process up",
        (S.OK,),
        {JSON: reference("Live")},
    )
    yield Operation(
        "get",
        "/health/ready",
        "ready",
        "Operations",
        "Content version, whether it is draft, and whether the store answers",
        (S.OK,),
        {JSON: reference("Ready")},
    )
    yield Operation(
        "get",
        "/metrics",
        "metrics",
        "Operations",
        "What is counted, for Prometheus",
        (S.OK, S.UNAUTHORIZED),
        {"text/plain": {"type": "string"}},
        "metrics",
        "Open to whoever reaches it as long as the operator has set no token for it.",
    )
    yield Operation(
        "get",
        "/openapi.json",
        "openapi",
        "Operations",
        "This description",
        (S.OK,),
        {JSON: {"type": "object", "required": ["openapi", "info", "paths"]}},
    )
    yield Operation(
        "get",
        "/reports/feedback.{kind}",
        "feedback-report",
        "Operations",
        "What became of cards, as csv or json",
        (S.OK, S.UNAUTHORIZED, S.NOT_FOUND, S.INTERNAL_SERVER_ERROR, S.SERVICE_UNAVAILABLE),
        {JSON: reference("Report"), "text/csv": {"type": "string"}},
        "report",
        "404 as long as the operator has set no token for reports.",
        parameters=(
            parameter("kind", "path", {"enum": ["csv", "json"]}),
            parameter("days", "query", {"type": "integer", "minimum": 1, "default": 90}),
        ),
    )
