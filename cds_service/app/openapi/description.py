"""``GET /openapi.json``: the template ``openapi.yaml``, filled in for the running service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

import orjson
import yaml
from flask import Blueprint, Response

from cds_service.app.openapi.examples import examples
from cds_service.hooks.discovery import Service
from cds_service.hooks.pipeline import Pipeline
from cds_service.settings import Settings

TEMPLATE = Path(__file__).parent / "openapi.yaml"
JSON = "application/json"
PER_SERVICE = {"id", "call"}  # a key of the template that holds one of these is one per service


def openapi_blueprint(pipelines: Sequence[Pipeline], settings: Settings) -> Blueprint:
    """Returns the route; the document is made at its first request."""
    routes = Blueprint("openapi", __name__)

    @cache
    def document() -> bytes:
        return orjson.dumps(describe(pipelines, settings, examples(pipelines[0])))

    @routes.get("/openapi.json", endpoint="openapi")
    def _openapi() -> Response:
        return Response(document(), content_type=JSON)

    return routes


def describe(
    pipelines: Sequence[Pipeline], settings: Settings, exchanges: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Returns the OpenAPI 3.1 document of the service at these settings, with the services of all
    topics.

    ``exchanges`` maps operation ids to an example ``request`` and its ``response``.
    """
    template = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))
    contexts = template["x-context"]
    parts = {key: part for key, part in template.items() if not key.startswith("x-")}
    services = [service for one in pipelines for service in one.services.values()]
    per_service = [_values(service, contexts) for service in services]
    shared = {"version": pipelines[0].content.version, "server": settings.public_base_url}
    document: dict[str, Any] = _filled(parts, shared, per_service)
    optional = _optional_schemes(settings)
    for methods in document["paths"].values():
        for operation in methods.values():
            if any(scheme.keys() & optional for scheme in operation["security"]):
                operation["security"] = [*operation["security"], {}]
            _add_example(operation, (exchanges or {}).get(operation["operationId"], {}))
    return document


def _values(service: Service, contexts: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what the template leaves open for one service."""
    resource_or_null = {"anyOf": [{"$ref": "#/components/schemas/Resource"}, {"type": "null"}]}
    return {
        "id": service.id,
        "hook": service.hook,
        "about": f"{service.description} {service.usage}",
        "call": "".join(part.capitalize() for part in service.hook.split("-")) + "Call",
        "context": contexts[service.hook],
        "prefetch": {
            key: {**resource_or_null, "description": query}
            for key, query in service.prefetch.items()
        },
    }


def _filled(node: Any, values: Mapping[str, Any], per_service: list[dict[str, Any]]) -> Any:
    """Returns a copy of the template with its names replaced; a key of PER_SERVICE becomes
    one key for each service."""
    if isinstance(node, dict):
        filled = {}
        for key, child in node.items():
            repeated = PER_SERVICE.intersection(Template(key).get_identifiers())
            for own in per_service if repeated else [values]:
                filled[_text(key, own)] = _filled(child, own, per_service)
        return filled
    if isinstance(node, list):
        return [_filled(child, values, per_service) for child in node]
    return _text(node, values) if isinstance(node, str) else node


def _text(text: str, values: Mapping[str, Any]) -> Any:
    """Returns the value if a text is nothing but its name, otherwise the text with values in it.
    Names that are not known, such as ``$apply``, stay."""
    if text[:1] == "$" and text[1:] in values:
        return values[text[1:]]
    return Template(text).safe_substitute(values)


def _optional_schemes(settings: Settings) -> set[str]:
    """Returns the security schemes that these settings do not require."""
    return {
        scheme
        for scheme, required in (
            ("client", settings.auth == "required"),
            ("metrics", settings.metrics_token),
        )
        if not required
    }


def _add_example(operation: dict[str, Any], exchange: Mapping[str, Any]) -> None:
    if "request" in exchange:
        operation["requestBody"]["content"][JSON]["example"] = exchange["request"]
    if "response" in exchange:
        operation["responses"]["200"]["content"][JSON]["example"] = exchange["response"]
