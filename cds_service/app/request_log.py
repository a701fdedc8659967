"""Around every request: its ids, its one log line, and what is counted of it."""

from __future__ import annotations

import re
import time
import uuid

from flask import Flask, Response, g, request
from structlog.contextvars import bind_contextvars, clear_contextvars

from cds_service.telemetry import metrics
from cds_service.telemetry.logs import LOG
from cds_service.telemetry.tracing import begin

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
ROUTINE = ("/health/", "/metrics", "/static/")  # asked all the time: logged when they fail
NOWHERE = "none"


def add_request_log(app: Flask, content_version: str) -> None:
    """Ids in and out (``X-Request-Id``, ``traceparent``), one line and the numbers of a request."""

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()
        metrics.IN_PROGRESS.inc()
        sent = request.headers.get("X-Request-Id", "")
        g.request_id = sent if REQUEST_ID.fullmatch(sent) else str(uuid.uuid4())
        span = begin(request.headers.get("traceparent"))
        clear_contextvars()
        bind_contextvars(request_id=g.request_id, trace_id=span.trace_id, span_id=span.span_id)

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.request_id
        seconds = time.perf_counter() - g.started
        route = request.url_rule.rule if request.url_rule else NOWHERE
        _count(route, response.status_code, seconds)
        routine = route.startswith(ROUTINE) and response.status_code < 400  # noqa: PLR2004 - HTTP
        (LOG.debug if routine else LOG.info)(
            "request",
            method=request.method if request.method in METHODS else "other",
            route=route,
            service=g.get("service"),
            client=g.get("client"),
            status=response.status_code,
            duration_ms=round(seconds * 1000, 1),
            cards=g.get("cards"),
            silent=g.get("silent"),
            content_version=g.get("content_version", content_version),
        )
        return response

    @app.teardown_request
    def leave(_error: BaseException | None) -> None:
        metrics.IN_PROGRESS.dec()
        clear_contextvars()


def _count(route: str, status: int, seconds: float) -> None:
    metrics.REQUESTS.labels(route, status).inc()
    if request.endpoint == "hooks.call":
        service = g.get("service", NOWHERE)
        metrics.CALLS.labels(service, status).inc()
        if "cards" in g:
            metrics.CALL_SECONDS.labels(service).observe(seconds)
