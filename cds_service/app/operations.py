"""Routes for operators: health, numbers, reports."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, request
from pydantic import SecretStr

from cds_service.access.operators import is_operator
from cds_service.access.tokens import Unauthorized
from cds_service.app.switches import Switches
from cds_service.content import Content
from cds_service.content.reader import OF_PAGES
from cds_service.fhir.dates import Clock
from cds_service.fhir.errors import NotServed, StoreDown
from cds_service.hooks.calls import HookCalls
from cds_service.hooks.http import json_response
from cds_service.hooks.pipeline import services_of
from cds_service.store import Store, StoreUnavailable, report
from cds_service.telemetry import metrics
from cds_service.web.form.telephone import dialled

REPORT_DAYS = 90
RETRY_SECONDS = 2
PROBE_SECONDS = 5.0  # between two writes that are made only to see if they can be


def operations_blueprint(
    calls: HookCalls, switches: Switches, clock: Clock, site_words: Mapping[str, str]
) -> Blueprint:
    """Makes the routes that are no hooks: health, numbers, reports. ``site_words`` are
    CDS_SITE_WORDS."""
    health = StoreHealth(calls.store)
    numberless = without_number(site_words)
    routes = Blueprint("operations", __name__)
    for path, name, view in (
        ("/health/live", "live", live),
        ("/health/ready", "ready", partial(ready, calls, switches, health, numberless)),
        ("/metrics", "numbers", partial(numbers, calls, switches)),
        ("/reports/feedback.<kind>", "feedback_report", partial(feedback_report, calls, clock)),
    ):
        routes.add_url_rule(path, name, view)
    return routes


def live() -> Response:
    """Answers: the process is up."""
    return json_response({"status": "ok"})


class StoreHealth:
    """The state of the store: whether it takes a write.

    The address is open to anybody, so at most one write is made in ``PROBE_SECONDS``; callers in
    between get what it found.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._probing = threading.Lock()
        self._probed_at = float("-inf")
        self._status = "ok"

    def __call__(self) -> dict[str, Any]:
        """Makes the part of ``ready`` about the store."""
        with self._probing:
            if self._clock() - self._probed_at > PROBE_SECONDS:
                try:
                    self._store.probe(datetime.now(UTC))
                    self._status = "ok"
                except StoreUnavailable:
                    self._status = "unavailable"
                self._probed_at = self._clock()
        return {
            "status": self._status,
            "callsNotRecorded": self._store.failures["record_call"],
        }


def without_number(site_words: Mapping[str, str]) -> list[str]:
    """The site's words that a person in need dials, and that hold no telephone number."""
    return sorted(w for w, text in site_words.items() if w not in OF_PAGES and not dialled(text))


def ready(
    calls: HookCalls, switches: Switches, store_health: StoreHealth, numberless: list[str]
) -> Response:
    """Answers 200, or 503 as long as it is not known what is switched off, or where words of the
    site (``numberless``) have no number to call; JSON in both cases."""
    visibility = switches()
    is_ready = switches.known and not numberless
    body: dict[str, Any] = {
        "status": "ok" if is_ready else "unavailable",
        "content": content_health(calls.pipeline.content),
        "store": store_health(),
        "silent": visibility.silent_names,
        "switchedOff": visibility.off_names,
    }
    further = [
        {"topic": one.content.topic, **content_health(one.content)} for one in calls.pipelines[1:]
    ]
    body |= {"furtherTopics": further} if further else {}
    body |= {"siteWordsWithoutNumber": numberless} if numberless else {}
    if is_ready:
        return json_response(body)
    response = json_response(body, HTTPStatus.SERVICE_UNAVAILABLE)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def content_health(content: Content) -> dict[str, Any]:
    """Makes the part of ``ready`` about the content."""
    draft = "Draft clinical content, not approved by clinicians."
    return {
        "version": content.version,
        "status": "draft" if content.draft else "active",
        "approval": draft if content.draft else "Approved content.",
        "siteWordsMissing": list(content.placeholders),
    }


def numbers(calls: HookCalls, switches: Switches) -> Response:
    """Answers with everything that is counted, for Prometheus."""
    token = calls.settings.metrics_token
    if token:
        check_token(token)
    return Response(
        metrics.page(current_numbers(calls, switches)), content_type=metrics.CONTENT_TYPE
    )


def current_numbers(calls: HookCalls, switches: Switches) -> metrics.Now:
    """Makes the numbers that are states of this moment, not counts."""
    now, contents = metrics.Now(), [content_health(one.content) for one in calls.pipelines]
    about = [{"version": one["version"], "status": one["status"]} for one in contents]
    now.add("cds_content_info", "The content that is served.", about, "version", "status")
    visibility, words = switches(), "Plans and services that are {}."
    for name, state, names in (
        ("cds_silent", "evaluated and recorded, and not shown", visibility.silent_names),
        ("cds_switched_off", "switched off", visibility.off_names),
    ):
        now.add(name, words.format(state), [{"name": n} for n in names], "name")
    return now


def feedback_report(calls: HookCalls, clock: Clock, kind: str) -> Response:
    """Answers with what became of cards, as ``csv`` or ``json``; never kept by a cache. ``topic``
    is the id of one; without it, where there are several, the main one."""
    token = calls.settings.report_token
    if not token:
        raise NotServed
    check_token(token)
    if kind not in ("csv", "json"):
        raise NotServed
    now = clock().astimezone(UTC)
    days = min(max(request.args.get("days", REPORT_DAYS, type=int), 1), report.MAX_REPORT)
    try:
        services = services_of(calls.pipelines, request.args.get("topic", ""))
        since = now - timedelta(days=days)
        rows = calls.store.report(since, now, report.summarise, services=services)
    except StoreUnavailable:
        raise StoreDown from None
    if kind == "csv":
        response = Response(report.as_csv(rows), content_type="text/csv; charset=utf-8")
    else:
        response = Response(report.as_json(rows), content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def check_token(token: SecretStr) -> None:
    """Raises Unauthorized unless the request carries the token of a setting."""
    if not is_operator(request.headers.get("Authorization", ""), token):
        raise Unauthorized
