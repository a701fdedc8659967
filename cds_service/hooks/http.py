"""Reads JSON request bodies and writes JSON answers."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import orjson
from flask import Response, request

from cds_service.fhir.errors import Issue, WrongMediaType
from cds_service.hooks.request import parse_body

JSON_TYPES = re.compile(r"application/(fhir\+)?json")


def json_response(body: Any, status: int = HTTPStatus.OK) -> Response:
    """Returns a JSON response in UTF-8 that no cache keeps."""
    response = Response(orjson.dumps(body), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def without_body(status: int) -> Response:
    """Returns a status and headers without a body, so without Content-Type."""
    response = Response(status=status)
    del response.headers["Content-Type"]
    return response


def parsed_body() -> Any:
    """Parses the JSON body of the request; raises WrongMediaType or BadRequest."""
    if not JSON_TYPES.fullmatch(request.mimetype):
        words = "Send the request as Content-Type: application/json."
        raise WrongMediaType(Issue("not-supported", words))
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        # Prevents decompression bombs: unpacked data would pass the size limit.
        words = "Send the body as it is, without Content-Encoding."
        raise WrongMediaType(Issue("not-supported", words))
    return parse_body(request.get_data(cache=False))


def resource_of(body: Any) -> Any:
    """Returns the resource of an operation: the body, or the parameter named ``resource``."""
    parameters = body.get("parameter") if isinstance(body, dict) else None
    if not isinstance(parameters, list):
        return body
    named = (p for p in parameters if isinstance(p, dict) and p.get("name") == "resource")
    return next((p.get("resource") for p in named), None)
