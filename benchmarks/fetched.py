"""A call that brings no prefetch: everything is fetched from a FHIR server on loopback."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import orjson

from benchmarks.ehr import base
from benchmarks.people import ROOT
from benchmarks.served import calls_of, free_port, running, service_command
from benchmarks.table import Row
from cds_service.access.fhir_access import FhirPolicy
from cds_service.access.fhir_client import FhirClient
from cds_service.access.fhir_server import FetchFailed
from cds_service.authoring.vignettes import read_vignettes, request_for
from cds_service.hooks.pipeline import Pipeline
from cds_service.hooks.request import parse_request

PERSON = "V03"
CALLS = 300
WARM = 30
ALONE = 100


def empty_prefetch(pipeline: Pipeline) -> list[Row]:
    """The call through the service, and the same queries without the service."""
    service = pipeline.service_for("patient-view")
    with _ehr() as ehr:
        whole = _visit(pipeline)
        _load(ehr, whole)
        body = {**whole, "prefetch": {}, "fhirServer": ehr}
        alone = _queries_alone(pipeline, body, ehr)
        port, path, sent = free_port(), f"/cds-services/{service.id}", orjson.dumps(body)
        with running(service_command(port), port, CDS_FHIR_SERVERS=ehr) as server:
            cards = _cards(f"http://127.0.0.1:{port}{path}", sent)
            calls_of(server.port, path, [sent], WARM, 1)
            times = calls_of(server.port, path, [sent], CALLS, 1)
    expected = pipeline.answer(service, whole, datetime.now(UTC)).cards
    if [card["uuid"] for card in cards] != [card["uuid"] for card in expected]:
        raise RuntimeError("what was fetched led to other cards than what was sent")
    keys = len(service.prefetch)
    note = f"{keys} queries a call, {len(cards)} cards"
    return [
        Row("p50 with one client", median(times), "ms", 150, note=note),
        Row("p99 with one client", quantiles(times, n=100)[98], "ms", note=f"{CALLS} calls"),
        Row("the queries alone, p50", median(alone), "ms", note="mostly the FHIR server's work"),
    ]


@contextmanager
def _ehr() -> Iterator[str]:
    """The server's base address."""
    port = free_port()
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.ehr", str(port), folder]
        with running(command, port, ready="/fhir/metadata"):
            yield base(port)


def _visit(pipeline: Pipeline) -> dict[str, Any]:
    """The call of a vignette's person, moved to today, with everything in it."""
    vignettes = read_vignettes(ROOT / "tests" / "authoring" / "vignettes")
    person = next(v for v in vignettes.people if v.id == PERSON)
    today = replace(person, today=datetime.now(UTC).date())
    keys = pipeline.service_for("patient-view").prefetch
    return request_for(today, vignettes.defaults, pipeline.content, keys)


def _load(ehr: str, whole: dict[str, Any]) -> None:
    with httpx.Client(base_url=ehr, trust_env=False, timeout=30) as http:
        for value in whole["prefetch"].values():
            entries = value.get("entry", ()) if value["resourceType"] == "Bundle" else ()
            resources = [e["resource"] for e in entries] or [value]
            for resource in resources:
                if resource["resourceType"] != "Bundle":
                    path = f"/{resource['resourceType']}/{resource['id']}"
                    http.put(path, json=resource).raise_for_status()


def _cards(url: str, sent: bytes) -> list[dict[str, Any]]:
    """The cards of one call."""
    with httpx.Client(trust_env=False, timeout=30) as http:
        answer = http.post(url, content=sent, headers={"Content-Type": "application/json"})
    return answer.raise_for_status().json()["cards"]


def _queries_alone(pipeline: Pipeline, body: dict[str, Any], ehr: str) -> list[float]:
    """Milliseconds of the same queries by the service's own FHIR client."""
    service = pipeline.service_for("patient-view")
    request, times = parse_request(body, service.hook), []
    policy = FhirPolicy((ehr,), allow_private=True, allow_http=True)
    client = FhirClient()
    try:
        for _ in range(ALONE):
            began = time.perf_counter()
            found = client.fetch(request.fhir_access, service.prefetch, policy)
            times.append((time.perf_counter() - began) * 1000)
            failed = [str(f) for f in found.values() if isinstance(f, FetchFailed)]
            if failed:
                raise RuntimeError(f"a query {failed[0]}")
    finally:
        client.close()
    return times[ALONE // 10 :]
