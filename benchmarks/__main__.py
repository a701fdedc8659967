"""``make bench``: measures against the budgets and prints one table; always exits 0."""

import gc
import time

from benchmarks import inside
from benchmarks.causes import more_causes
from benchmarks.fetched import empty_prefetch
from benchmarks.forms import forms_and_topics
from benchmarks.language import language
from benchmarks.people import people_with, request_of_size
from benchmarks.replayed import replayed
from benchmarks.served import (
    Measured,
    echo_command,
    free_port,
    measure,
    middle,
    running,
    service_command,
)
from benchmarks.starting import start_up
from benchmarks.table import Row, show
from benchmarks.trust import trust_and_store
from cds_service.content import find_root, load_content
from cds_service.hooks.pipeline import Pipeline

RUNS = 3  # the median counts
CALLS = 800
FLOOR_CALLS = 2000
PEOPLE = 100  # take turns: nobody's chart is opened a thousand times on one day


def main() -> None:
    """Everything, in one run."""
    began = time.perf_counter()
    print(
        "Times depend on the machine; what carries over are the ratios to the two floors: "
        "the call / a bare echo, and all rules / the same rules by hand.",
        flush=True,
    )
    pipeline = Pipeline(load_content(find_root()), "https://example.org/intake")
    gc.collect()
    gc.freeze()  # as the server does before it forks
    show("Over HTTP: patient-view, 50 chart resources, 2 workers, 8 clients", over_http(pipeline))
    parts = inside.parts(pipeline)
    show("In the process, CPU time of one call", parts)
    (call,) = (row.value for row in parts if row.name == inside.ALL_PARTS)
    show("Replay of made-up people", replayed(pipeline.content, call))
    show("Growth, CPU time", inside.growth(pipeline))
    show("More causes, CPU time", more_causes(pipeline))
    show("Several forms and topics, CPU time", forms_and_topics(pipeline))
    show("The expression language, CPU time", language())
    show("Trust and store, CPU time of one call", trust_and_store())
    show("Over HTTP: no prefetch sent, FHIR server on loopback", empty_prefetch(pipeline))
    show("Start", start_up())
    print(f"\n{time.perf_counter() - began:.0f} s in all")


def over_http(pipeline: Pipeline) -> list[Row]:
    """The service beside the floor, under the same load; medians of the runs."""
    service = pipeline.service_for("patient-view")
    request = request_of_size(inside.SIZE, pipeline)
    bodies = people_with(request, PEOPLE)
    path, floors, found = f"/cds-services/{service.id}", [], []
    for _ in range(RUNS):  # in turn, so that a busy moment of the machine meets both
        port = free_port()
        with running(echo_command(port), port) as server:
            floors.append(measure(server, "/echo", bodies, FLOOR_CALLS))
        port = free_port()
        with running(service_command(port), port) as server:
            found.append(measure(server, path, bodies, CALLS))
    return _rows(middle(found), middle(floors))


def _rows(found: Measured, floor: Measured) -> list[Row]:
    return [
        Row("CPU a call", found.cpu_ms, "ms", 10),
        Row("floor 1: bare echo of the same body", floor.cpu_ms, "ms"),
        Row("CPU / floor 1", found.cpu_ms / floor.cpu_ms, "x", 8),
        Row("calls a second", found.calls_s, "/s", 150, at_least=True),
        Row("floor 1: calls a second", floor.calls_s, "/s"),
        Row("p50 with 8 clients", found.p50_ms, "ms", note=f"floor 1: {floor.p50_ms:.1f}"),
        Row("p99 with 8 clients", found.p99_ms, "ms", note=f"floor 1: {floor.p99_ms:.1f}"),
        Row("p50 with one client", found.alone_ms, "ms", note=f"floor 1: {floor.alone_ms:.1f}"),
        Row(
            "resident in a worker",
            found.resident_mib,
            "MiB",
            120,
            note=f"{found.private_mib:.0f} its own; floor 1: {floor.resident_mib:.0f}",
        ),
        Row("start to ready", found.ready_s, "s", 2.5, note=f"floor 1: {floor.ready_s:.2f}"),
        Row("start / floor 1", found.ready_s / floor.ready_s, "x", 2),
    ]


if __name__ == "__main__":
    main()
