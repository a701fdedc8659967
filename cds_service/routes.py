"""The HTTP surface: thin, everything is decided elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any

import orjson
from flask import Blueprint, Response, g, request

from cds_service import metrics
from cds_service.clients import Client
from cds_service.desk import Desk
from cds_service.dialect import service_for
from cds_service.errors import BadRequest, Issue, StoreDown, WrongMediaType
from cds_service.feedback import Feedback, parse_feedback, refusal
from cds_service.hook_request import parse_body
from cds_service.logs import LOG
from cds_service.security import Gate
from cds_service.store import Saved, StoreUnavailable

JSON_TYPES = re.compile(r"application/(fhir\+)?json")

Clock = Callable[[], datetime]


def json_response(body: Any, status: int = HTTPStatus.OK) -> Response:
    """A JSON answer in UTF-8, for this moment: nobody keeps it."""
    response = Response(orjson.dumps(body), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def without_body(status: int) -> Response:
    """A status and headers alone, with no word about the type of nothing."""
    response = Response(status=status)
    del response.headers["Content-Type"]
    return response


def parsed_body() -> Any:
    """The JSON body of the request; raises WrongMediaType or BadRequest."""
    if not JSON_TYPES.fullmatch(request.mimetype):
        words = "Send the request as Content-Type: application/json."
        raise WrongMediaType(Issue("not-supported", words))
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        # Unpacking would undo the size limit.
        words = "Send the body as it is, without Content-Encoding."
        raise WrongMediaType(Issue("not-supported", words))
    return parse_body(request.get_data(cache=False))


def hooks_blueprint(desk: Desk, gate: Gate, clock: Clock) -> Blueprint:
    """Discovery, calls and feedback (``docs/conformance.md`` sections 1 to 5)."""
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
        g.silent = len(answered.found.silent)
        for text in (*answered.found.errors, *answered.found.silent_errors):
            LOG.error("rule could not be evaluated", rule=text)
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
        _count_feedback(sent, saved)
        if sent.issues:
            raise BadRequest(*refusal(sent, saved.kept))
        return json_response({"saved": saved.kept})

    return routes


def _count_feedback(sent: Feedback, saved: Saved) -> None:
    outcomes = {**saved.outcomes, "repeated": saved.repeated, "refused": len(sent.issues)}
    for outcome, count in outcomes.items():
        metrics.FEEDBACK.labels(outcome).inc(count)


def resource_of(body: Any) -> Any:
    """The resource of an operation: the body itself, or the parameter named ``resource``."""
    parameters = body.get("parameter") if isinstance(body, dict) else None
    if not isinstance(parameters, list):
        return body
    named = (p for p in parameters if isinstance(p, dict) and p.get("name") == "resource")
    return next((p.get("resource") for p in named), None)
