"""Four uploads of almost 10 MB that stop before their end: a large call that comes in many reads is
answered all the same, and so are the others (H4)."""

from contextlib import ExitStack

from benchmarks.served import free_port, running, service_command
from benchmarks.soak.expecting import expect
from benchmarks.soak.faults.large_bodies import megabyte
from benchmarks.soak.probes import probe
from benchmarks.soak.traffic import Visits
from benchmarks.soak.wire import connected, head, status_of

UPLOADS = 4
SIZE = 9_900_000


def check(visits: Visits, seconds: float) -> str:
    """``seconds`` is how long the others go on."""
    port, body = free_port(), megabyte(visits)
    with running(service_command(port), port, CDS_WORKERS="1"), ExitStack() as opened:
        for _ in range(UPLOADS):
            stalled = opened.enter_context(connected(port))
            stalled.sendall(head(visits.path, SIZE) + b" " * (SIZE - 1))
        slowest = probe(port, seconds)
        with connected(port) as honest:
            honest.sendall(head(visits.path, len(body)))
            for start in range(0, len(body), 50_000):
                honest.sendall(body[start : start + 50_000])
            status = status_of(honest)
    expect(status == 200, f"a large call beside {UPLOADS} stalled uploads: {status}")
    return f"{UPLOADS} stalled uploads: a large call is answered, probes within {slowest:.2f} s"
