"""The HTTP surface (``design.md`` section 4): thin, everything is decided elsewhere."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any

import orjson
from flask import Blueprint, Flask, Response, g, render_template, request
from werkzeug.exceptions import HTTPException

from cds_service.errors import (
    HTTP_WORDS,
    UNEXPECTED,
    Issue,
    ServiceError,
    WrongMediaType,
    outcome,
)
from cds_service.hook_request import parse_body
from cds_service.pipeline import Pipeline

LOG = logging.getLogger("cds_service")
JSON_TYPES = re.compile(r"application/(fhir\+)?json")
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def json_response(body: Any, status: int = HTTPStatus.OK) -> Response:
    """A JSON answer in UTF-8."""
    return Response(orjson.dumps(body), status, content_type="application/json")


def hooks_blueprint(pipeline: Pipeline, clock: Callable[[], datetime]) -> Blueprint:
    """Discovery, calls, the printable form and health, over one pipeline and clock."""
    routes = Blueprint("cds", __name__, template_folder="web/templates")
    discovery = orjson.dumps({"services": [s.as_json() for s in pipeline.services.values()]})

    @routes.get("/cds-services")
    def discover() -> Response:
        return Response(discovery, content_type="application/json")

    @routes.post("/cds-services/<service_id>")
    def call(service_id: str) -> Response:
        service = pipeline.service(service_id)
        g.service = service.id
        if not JSON_TYPES.fullmatch(request.mimetype):
            words = "Send the request as Content-Type: application/json."
            raise WrongMediaType(Issue("not-supported", words))
        result = pipeline.answer(service, parse_body(request.get_data(cache=False)), clock())
        g.cards = len(result.cards)
        for text in result.evaluation.errors:
            LOG.error("rule could not be evaluated: %s", text)
        return json_response({"cards": result.cards})

    @routes.get("/intake")
    def intake() -> str:
        return render_template("intake.html", form=pipeline.content.questionnaire.resource)

    @routes.get("/health/live")
    def live() -> Response:
        return json_response({"status": "ok"})

    @routes.get("/health/ready")
    def ready() -> Response:
        return json_response(
            {
                "status": "ok",
                "content": {
                    "version": pipeline.content.version,
                    "status": "draft" if pipeline.content.draft else "active",
                    "approval": "Draft clinical content, not approved by clinicians."
                    if pipeline.content.draft
                    else "Approved content.",
                },
            }
        )

    return routes


def add_errors(app: Flask) -> None:
    """Every error is an OperationOutcome; nothing about a patient and no stack trace in it."""

    @app.errorhandler(ServiceError)
    def refused(error: ServiceError) -> Response:
        return json_response(outcome(*error.issues), error.status)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
        code, words = HTTP_WORDS.get(status, ("processing", status.phrase))
        answer = json_response(outcome(Issue(code, words)), status)
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
        return json_response(outcome(UNEXPECTED), HTTPStatus.INTERNAL_SERVER_ERROR)


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
            "%s %s -> %s, %s cards, %.1f ms (request %s)",
            request.method,
            g.get("service", request.url_rule.rule if request.url_rule else "-"),
            response.status_code,
            g.get("cards", "-"),
            (time.perf_counter() - g.started) * 1000,
            g.request_id,
        )
        return response
