"""The routes of CDS Hooks: discovery, calls and feedback (``docs/conformance.md`` 1 to 5)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

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


@dataclass(frozen=True, slots=True)
class HooksApi:
    """The parts the routes use."""

    calls: HookCalls
    authenticator: Authenticator
    clock: Clock


def hooks_blueprint(calls: HookCalls, authenticator: Authenticator, clock: Clock) -> Blueprint:
    """Makes the routes below ``/cds-services``."""
    api = HooksApi(calls, authenticator, clock)
    routes = Blueprint("hooks", __name__)
    path = "/cds-services"
    routes.add_url_rule(path, "discover", partial(discover, api), methods=["GET"])
    routes.add_url_rule(f"{path}/<service_id>", "call", partial(call, api), methods=["POST"])
    feedback = partial(receive_feedback, api)
    routes.add_url_rule(f"{path}/<service_id>/feedback", "feedback", feedback, methods=["POST"])
    return routes


def discover(api: HooksApi) -> Response:
    """``GET /cds-services``: the services as the client takes them; raises Unauthorized."""
    client = authenticate(api, "/cds-services")
    services = [service_for(client, service) for service in api.calls.services()]
    return json_response({"services": services})


def call(api: HooksApi, service_id: str) -> Response:
    """``POST /cds-services/[id]``: the cards of a call; raises ServiceError."""
    client = authenticate(api, f"/cds-services/{service_id}")
    service = api.calls.service(service_id)
    g.service = service.id
    result = api.calls.answer(service, parsed_body(), client, api.clock())
    g.content_version = result.evaluation.content.version
    g.cards = len(result.cards)
    g.silent = len(result.evaluation.silent)
    for text in (*result.evaluation.errors, *result.evaluation.silent_errors):
        LOG.error("rule could not be evaluated", rule=text)
    return json_response({"cards": result.cards})


def receive_feedback(api: HooksApi, service_id: str) -> Response:
    """``POST /cds-services/[id]/feedback``: the number of items saved; raises ServiceError."""
    path = f"/cds-services/{service_id}"
    client = authenticate(api, path, f"{path}/feedback")
    service = api.calls.service(service_id)
    g.service = f"{service.id}/feedback"
    feedback = parse_feedback(parsed_body())
    try:
        saved = api.calls.store.save_feedback(service.id, client.id, feedback.items, api.clock())
    except StoreUnavailable:
        raise StoreDown from None
    _count_feedback(feedback, saved)
    if feedback.issues:
        raise BadRequest(*refusal(feedback, saved.kept))
    return json_response({"saved": saved.kept})


def authenticate(api: HooksApi, *paths: str) -> Client:
    """Returns the client of this request, whose token may name any of these paths as audience;
    raises Unauthorized."""
    client = api.authenticator.client(request.headers.get("Authorization"), paths, api.clock())
    g.client = client.id
    return client


def _count_feedback(feedback: Feedback, saved: Saved) -> None:
    outcomes = {**saved.outcomes, "repeated": saved.repeated, "refused": len(feedback.issues)}
    for outcome, count in outcomes.items():
        metrics.FEEDBACK.labels(outcome).inc(count)
