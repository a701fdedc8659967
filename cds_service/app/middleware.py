"""Around every request: CORS, and errors as OperationOutcomes or pages."""

from __future__ import annotations

from http import HTTPStatus

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from cds_service.fhir.errors import (
    HTTP_WORDS,
    RETRY_SECONDS,
    UNEXPECTED,
    BadRequest,
    Issue,
    ServiceError,
    outcome,
)
from cds_service.hooks.http import json_response, without_body
from cds_service.telemetry.logs import LOG, place_of
from cds_service.web.pages import error_page, wants_page


def add_errors(app: Flask) -> None:
    """Every error is an OperationOutcome; nothing about a patient and no stack trace in it."""

    @app.errorhandler(ServiceError)
    def refused(error: ServiceError) -> Response:
        answer = _told(error.status, *error.issues)
        if error.status is HTTPStatus.UNAUTHORIZED:
            answer.headers["WWW-Authenticate"] = "Bearer"
        if error.status is HTTPStatus.SERVICE_UNAVAILABLE:
            answer.headers["Retry-After"] = str(RETRY_SECONDS)
        return answer

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
        code, words = HTTP_WORDS.get(status, ("processing", status.phrase))
        answer = _told(status, Issue(code, words))
        for name, value in error.get_headers():
            if name == "Allow":
                answer.headers[name] = value
        return answer

    @app.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        # The type and place of a failure, never its message: messages may quote a patient's data.
        LOG.error(
            "unexpected failure", error=type(error).__name__, place=place_of(error.__traceback__)
        )
        return _told(HTTPStatus.INTERNAL_SERVER_ERROR, UNEXPECTED)


def _told(status: HTTPStatus, *issues: Issue) -> Response:
    """An error in the form the caller reads: a page for a page, else an OperationOutcome."""
    return error_page(status, *issues) if wants_page() else json_response(outcome(*issues), status)


def add_host_check(app: Flask) -> None:
    """HTTP/1.1 wants a Host (RFC 9112, 3.2): without one it is not clear what was asked for."""

    @app.before_request
    def refuse() -> None:
        protocol = request.environ.get("SERVER_PROTOCOL", "")
        if protocol != "HTTP/1.0" and not request.environ.get("HTTP_HOST"):
            raise BadRequest(Issue("required", "Send the header Host with this service's name."))


def add_cors(app: Flask, origins: tuple[str, ...]) -> None:
    """Browsers of the listed origins may call every route (``docs/conformance.md`` 3.11, 6.18)."""

    @app.before_request
    def preflight() -> Response | None:
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            return without_body(HTTPStatus.NO_CONTENT)
        return None

    @app.after_request
    def allow(response: Response) -> Response:
        response.headers.add("Vary", "Origin")
        origin = request.headers.get("Origin")
        if origin in origins:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
            response.headers["Access-Control-Allow-Headers"] = (
                "Authorization, Content-Type, If-None-Match, Prefer, X-Request-Id"
            )
            response.headers["Access-Control-Expose-Headers"] = "ETag, Retry-After, X-Request-Id"
            response.headers["Access-Control-Max-Age"] = "600"
        return response
