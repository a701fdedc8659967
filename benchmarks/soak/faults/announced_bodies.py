"""Connections that announce a body over the limit and send nothing more: each is told so at once,
and the others are answered meanwhile (H3)."""

from contextlib import ExitStack

from benchmarks.served import free_port, running, service_command
from benchmarks.soak.expecting import expect
from benchmarks.soak.probes import probe
from benchmarks.soak.traffic import Visits
from benchmarks.soak.wire import connected, head, status_of

CLIENTS = 150
SIZE = 20_000_000


def check(visits: Visits, seconds: float) -> str:
    """``seconds`` is how long the others go on."""
    port = free_port()
    with running(service_command(port), port, CDS_WORKERS="1"), ExitStack() as opened:
        announcing = [opened.enter_context(connected(port)) for _ in range(CLIENTS)]
        for connection in announcing:
            connection.sendall(head(visits.path, SIZE))
        slowest = probe(port, seconds)
        statuses = {status_of(connection) for connection in announcing}
    expect(statuses == {413}, f"a body over the limit was answered with {statuses}")
    return f"{CLIENTS} announced bodies: 413 each, probes within {slowest:.2f} s"
