"""The HTTP surface: thin, everything is decided elsewhere."""

from __future__ import annotations

from flask import Blueprint, Response, g, request

from cds_service.access.clients import Client
from cds_service.access.tokens import Authenticator
from cds_service.fhir.dates import Clock
from cds_service.fhir.errors import BadRequest, StoreDown
from cds_service.hooks.calls import HookCalls
from cds_service.hooks.feedback import Feedback, parse_feedback, refusal
from cds_service.hooks.http import json_response, parsed_body
from cds_service.hooks.versions import service_for
from cds_service.store import Saved, StoreUnavailable
from cds_service.telemetry import metrics
from cds_service.telemetry.logs import LOG


def hooks_blueprint(desk: HookCalls, gate: Authenticator, clock: Clock) -> Blueprint:
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
        g.silent = len(answered.evaluation.silent)
        for text in (*answered.evaluation.errors, *answered.evaluation.silent_errors):
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
