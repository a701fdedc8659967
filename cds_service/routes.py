"""The HTTP surface (``design.md`` section 4): thin, everything is decided elsewhere."""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import orjson
from flask import Blueprint, Response, g, request

from cds_service import report
from cds_service.clients import Client
from cds_service.desk import Desk
from cds_service.dialect import service_for
from cds_service.errors import BadRequest, Issue, NotServed, StoreDown, WrongMediaType
from cds_service.feedback import parse_feedback, refusal
from cds_service.hook_request import parse_body
from cds_service.questionnaire_response import as_outcome, validate
from cds_service.security import Gate, Unauthorized
from cds_service.store import StoreUnavailable

LOG = logging.getLogger("cds_service")
JSON_TYPES = re.compile(r"application/(fhir\+)?json")
REPORT_DAYS = 90

Clock = Callable[[], datetime]


def json_response(body: Any, status: int = HTTPStatus.OK) -> Response:
    """A JSON answer in UTF-8."""
    return Response(orjson.dumps(body), status, content_type="application/json")


def parsed_body() -> Any:
    """The JSON body of the request; raises WrongMediaType or BadRequest."""
    if not JSON_TYPES.fullmatch(request.mimetype):
        words = "Send the request as Content-Type: application/json."
        raise WrongMediaType(Issue("not-supported", words))
    return parse_body(request.get_data(cache=False))


def hooks_blueprint(desk: Desk, gate: Gate, clock: Clock) -> Blueprint:
    """Discovery, calls and feedback (``cds-hooks.md`` sections 1 to 5)."""
    routes = Blueprint("hooks", __name__)
    pipeline = desk.pipeline

    def caller(*paths: str) -> Client:
        """The client of this request, its token meant for one of the paths."""
        client = gate.client(request.headers.get("Authorization"), paths, clock())
        g.client = client.id
        return client

    @routes.get("/cds-services")
    def discover() -> Response:
        client = caller("/cds-services")
        entries = [service_for(client, s) for s in pipeline.services.values()]
        return json_response({"services": entries})

    @routes.post("/cds-services/<service_id>")
    def call(service_id: str) -> Response:
        client = caller(f"/cds-services/{service_id}")
        service = pipeline.service(service_id)
        g.service = service.id
        answered = desk.answer(service, parsed_body(), client, clock())
        g.cards = len(answered.cards)
        for text in answered.found.errors:
            LOG.error("rule could not be evaluated: %s", text)
        return json_response({"cards": answered.cards})

    @routes.post("/cds-services/<service_id>/feedback")
    def feedback(service_id: str) -> Response:
        path = f"/cds-services/{service_id}"
        client = caller(path, f"{path}/feedback")
        service = pipeline.service(service_id)
        g.service = f"{service.id}/feedback"
        sent = parse_feedback(parsed_body())
        try:
            saved = desk.store.save_feedback(service.id, client.id, sent.items, clock())
        except StoreUnavailable:
            raise StoreDown from None
        if sent.issues:
            raise BadRequest(*refusal(sent, saved.kept))
        return json_response({"saved": saved.kept})

    @routes.post("/fhir/QuestionnaireResponse/$validate")
    def validate_response() -> Response:
        caller("/fhir/QuestionnaireResponse/$validate")
        body = parsed_body()
        problems = validate(pipeline.form, resource_of(body), now=clock())
        return json_response(as_outcome(problems))

    return routes


def resource_of(body: Any) -> Any:
    """The resource of an operation: the body itself, or the parameter named ``resource``."""
    parameters = body.get("parameter") if isinstance(body, dict) else None
    if not isinstance(parameters, list):
        return body
    named = (p for p in parameters if isinstance(p, dict) and p.get("name") == "resource")
    return next((p.get("resource") for p in named), None)


def operations_blueprint(desk: Desk, report_token: str | None, clock: Clock) -> Blueprint:
    """What is not a hook: health and reports."""
    routes = Blueprint("operations", __name__)
    content = desk.pipeline.content

    @routes.get("/health/live")
    def live() -> Response:
        return json_response({"status": "ok"})

    @routes.get("/health/ready")
    def ready() -> Response:
        return json_response({"status": "ok", "content": _content_health(), "store": _store()})

    def _content_health() -> dict[str, str]:
        draft = "Draft clinical content, not approved by clinicians."
        return {
            "version": content.version,
            "status": "draft" if content.draft else "active",
            "approval": draft if content.draft else "Approved content.",
        }

    def _store() -> dict[str, Any]:
        try:
            desk.store.ping()
            status = "ok"
        except StoreUnavailable:
            status = "unavailable"
        return {"status": status, "callsNotRecorded": desk.store.failures["record_call"]}

    @routes.get("/reports/feedback.<kind>")
    def feedback_report(kind: str) -> Response:
        _check_report_token(report_token)
        if kind not in ("csv", "json"):
            raise NotServed
        now = clock().astimezone(UTC)
        days = min(max(request.args.get("days", REPORT_DAYS, type=int), 1), report.LONGEST_REPORT)
        since = now - timedelta(days=days)
        try:
            rows = desk.store.report(since, now, report.summarise)
        except StoreUnavailable:
            raise StoreDown from None
        if kind == "csv":
            return Response(report.as_csv(rows), content_type="text/csv; charset=utf-8")
        return Response(report.as_json(rows), content_type="application/json")

    return routes


def _check_report_token(token: str | None) -> None:
    if token is None:
        raise NotServed
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(sent.encode(), token.encode()):
        raise Unauthorized
