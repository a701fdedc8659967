"""Around every request: its id and log line, CORS, and errors as OperationOutcomes."""

from __future__ import annotations

import logging
import re
import time
import uuid
from http import HTTPStatus

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from cds_service.errors import HTTP_WORDS, UNEXPECTED, Issue, ServiceError, outcome
from cds_service.routes import json_response
from cds_service.web.pages import error_page, wants_page

LOG = logging.getLogger("cds_service")
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
RETRY_SECONDS = 2


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
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace else "?"
        LOG.error("unexpected %s in %s (request %s)", type(error).__name__, place, g.request_id)
        return _told(HTTPStatus.INTERNAL_SERVER_ERROR, UNEXPECTED)


def _told(status: HTTPStatus, *issues: Issue) -> Response:
    """An error in the form the caller reads: a page for a page, else an OperationOutcome."""
    return error_page(status, *issues) if wants_page() else json_response(outcome(*issues), status)


def add_request_log(app: Flask) -> None:
    """One line per request with allow-listed values only; the request id goes out again."""

    @app.before_request
    def begin() -> None:
        sent = request.headers.get("X-Request-Id", "")
        g.request_id = sent if REQUEST_ID.fullmatch(sent) else str(uuid.uuid4())
        g.started = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.request_id
        LOG.info(
            "%s %s -> %s, %s cards, %.1f ms (client %s, request %s)",
            request.method,
            g.get("service", request.url_rule.rule if request.url_rule else "-"),
            response.status_code,
            g.get("cards", "-"),
            (time.perf_counter() - g.started) * 1000,
            g.get("client", "-"),
            g.request_id,
        )
        return response


def add_cors(app: Flask, origins: tuple[str, ...]) -> None:
    """Browser clients of the listed origins may call every route (``cds-hooks.md`` 3.11, 6.18)."""

    @app.before_request
    def preflight() -> Response | None:
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            return Response(status=HTTPStatus.NO_CONTENT)
        return None

    @app.after_request
    def allow(response: Response) -> Response:
        response.headers.add("Vary", "Origin")
        origin = request.headers.get("Origin")
        if origin in origins:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
            response.headers["Access-Control-Allow-Headers"] = (
                "Authorization, Content-Type, X-Request-Id"
            )
            response.headers["Access-Control-Expose-Headers"] = "X-Request-Id"
            response.headers["Access-Control-Max-Age"] = "600"
        return response
