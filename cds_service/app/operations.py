"""Routes for operators: health, numbers, reports."""

from __future__ import annotations

import hmac
from datetime import UTC, timedelta
from typing import Any

from flask import Blueprint, Response, request
from pydantic import SecretStr

from cds_service.access.tokens import Unauthorized
from cds_service.fhir.dates import Clock
from cds_service.fhir.errors import NotServed, StoreDown
from cds_service.hooks.calls import HookCalls
from cds_service.hooks.http import json_response
from cds_service.store import StoreUnavailable, report
from cds_service.telemetry import metrics

REPORT_DAYS = 90


def operations_blueprint(desk: HookCalls, clock: Clock) -> Blueprint:
    """What is not a hook: health, numbers, reports."""
    routes = Blueprint("operations", __name__)
    content, settings = desk.pipeline.content, desk.settings

    @routes.get("/health/live")
    def live() -> Response:
        return json_response({"status": "ok"})

    @routes.get("/health/ready")
    def ready() -> Response:
        visibility = desk.pipeline.visibility()
        return json_response(
            {
                "status": "ok",
                "content": _content_health(),
                "store": _store(),
                "silent": visibility.silent_names,
                "switchedOff": visibility.off_names,
            }
        )

    def _content_health() -> dict[str, Any]:
        draft = "Draft clinical content, not approved by clinicians."
        return {
            "version": content.version,
            "status": "draft" if content.draft else "active",
            "approval": draft if content.draft else "Approved content.",
            "siteWordsMissing": list(content.placeholders),
        }

    def _store() -> dict[str, Any]:
        try:
            desk.store.ping()
            status = "ok"
        except StoreUnavailable:
            status = "unavailable"
        return {"status": status, "callsNotRecorded": desk.store.failures["record_call"]}

    @routes.get("/metrics")
    def numbers() -> Response:
        if settings.metrics_token:
            _check_token(settings.metrics_token)
        return Response(metrics.page(_now()), content_type=metrics.CONTENT_TYPE)

    def _now() -> metrics.Now:
        now = metrics.Now()
        about = {"version": content.version, "status": _content_health()["status"]}
        now.add("cds_content_info", "The content that is served.", [about], "version", "status")
        visibility, words = desk.pipeline.visibility(), "Plans and services that are {}."
        for name, state, names in (
            ("cds_silent", "evaluated and recorded, and not shown", visibility.silent_names),
            ("cds_switched_off", "switched off", visibility.off_names),
        ):
            now.add(name, words.format(state), [{"name": n} for n in names], "name")
        return now

    @routes.get("/reports/feedback.<kind>")
    def feedback_report(kind: str) -> Response:
        if not settings.report_token:
            raise NotServed
        _check_token(settings.report_token)
        if kind not in ("csv", "json"):
            raise NotServed
        now = clock().astimezone(UTC)
        days = min(max(request.args.get("days", REPORT_DAYS, type=int), 1), report.MAX_REPORT)
        since = now - timedelta(days=days)
        try:
            rows = desk.store.report(since, now, report.summarise)
        except StoreUnavailable:
            raise StoreDown from None
        if kind == "csv":
            return Response(report.as_csv(rows), content_type="text/csv; charset=utf-8")
        return Response(report.as_json(rows), content_type="application/json")

    return routes


def _check_token(token: SecretStr) -> None:
    """Raises Unauthorized unless the request carries the bearer token of a setting."""
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    wanted = token.get_secret_value().encode()
    if scheme.lower() != "bearer" or not hmac.compare_digest(sent.encode(), wanted):
        raise Unauthorized
