"""Counters of ``/metrics``. Import the counters from here; names are listed in
``docs/operating.md``, and a test holds the two equal.

Label values come from content, from settings or from a closed list, never from what somebody sent:
a label is kept for as long as the service runs, and every value of it costs a time series.

With several workers each writes its numbers to files of its own in one directory, and whichever is
asked adds them all up. The directory has to be known before ``prometheus_client`` is imported, so
``cds_service.telemetry.multiprocess`` comes first.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

# A second series for each, with the time of its first use, is of no use here.
disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types

CONTENT_TYPE = CONTENT_TYPE_LATEST
REGISTRY = CollectorRegistry()
FAST = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # seconds
SLOW = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(name, text, labels, registry=REGISTRY)


def _histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
    return Histogram(name, text, labels, registry=REGISTRY, buckets=buckets)


# -- requests ------------------------------------------------------------------------------------

REQUESTS = _counter("cds_requests", "Requests by route and status.", "route", "status")
IN_PROGRESS = Gauge(
    "cds_requests_in_progress",
    "Requests being answered.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
TOKENS = _counter("cds_tokens", "Client tokens: accepted or refused.", "outcome")

# -- hook calls ----------------------------------------------------------------------------------

CALLS = _counter("cds_calls", "Hook calls by service and status.", "service", "status")
CALL_SECONDS = _histogram("cds_call_seconds", "Whole time of answered hook calls.", SLOW, "service")
EVALUATION_SECONDS = _histogram(
    "cds_evaluation_seconds", "Facts and rules of one call, without fetching.", FAST
)
CARDS = _counter(
    "cds_cards",
    "Cards by what became of them: shown, suppressed (settled before) or silent (not shown).",
    "card",
    "indicator",
    "state",
)
RULE_ERRORS = _counter(
    "cds_rule_errors",
    "Conditions that could not be evaluated: shown as a card, or silent.",
    "state",
)
UNUSABLE = _counter("cds_unusable_resources", "Chart entries that could not be read.", "type")

CHART_CODINGS = _counter(
    "cds_chart_codings",
    "Codings of chart entries of the types that rules read: recognised by a value set or not.",
    "type",
    "system",
    "recognised",
)

# -- fetching ------------------------------------------------------------------------------------

FETCH_SECONDS = _histogram("cds_fetch_seconds", "Time to fetch what one call did not bring.", SLOW)
FETCH_FAILURES = _counter("cds_fetch_failures", "Prefetch keys not fetched, by reason.", "reason")

# -- feedback and store --------------------------------------------------------------------------

FEEDBACK = _counter(
    "cds_feedback",
    "Feedback items: accepted, overridden, repeated (sent again) or refused (bad).",
    "outcome",
)
RECORDS = _counter(
    "cds_records",
    "Calls to be recorded: taken, then written or lost. Taken and neither: waiting, or lost with a "
    "worker that was killed.",
    "state",
)
STORE_FAILURES = _counter("cds_store_failures", "Store operations that failed.", "operation")

# -- the patient's form --------------------------------------------------------------------------

FORM_STEPS = _counter("cds_form_steps", "Steps of the intake form by outcome.", "outcome")
FORM_SUBMISSIONS = _counter(
    "cds_form_submissions", "Intake forms sent, by what became of them.", "outcome"
)
SIGN_INS = _counter("cds_sign_ins", "SMART launches and sign-ins by outcome.", "outcome")


class Now(Collector):
    """Gauges that are known at the moment of asking: name, text, and a 1 for each set of labels."""

    def __init__(self) -> None:
        self.families: list[GaugeMetricFamily] = []

    def add(self, name: str, text: str, rows: Iterable[dict[str, str]], *labels: str) -> None:
        """A gauge that is 1 for each row; a row holds a value for every label."""
        family = GaugeMetricFamily(name, text, labels=labels)
        for row in rows:
            family.add_metric([row[label] for label in labels], 1)
        self.families.append(family)

    def collect(self) -> Iterable[Any]:
        """The gauges, for the registry."""
        return self.families


def page(now: Now | None = None) -> bytes:
    """The numbers of all workers in Prometheus' text format."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it has no types
    return generate_latest(registry) + (b"" if now is None else _page_of(now))


def _page_of(now: Now) -> bytes:
    registry = CollectorRegistry()
    registry.register(now)
    return generate_latest(registry)
