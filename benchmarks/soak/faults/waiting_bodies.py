"""Sixty bodies of 10 MB at once, without a token: the worker's memory stays within its budget, what
cannot be held is told to come again, and ordinary requests are answered (M1)."""

from collections import Counter
from contextlib import suppress
from pathlib import Path
from threading import Thread

from benchmarks.served import free_port, running, service_command
from benchmarks.soak.expecting import expect
from benchmarks.soak.probes import peak_mib, probe
from benchmarks.soak.traffic import Visits
from benchmarks.soak.wire import connected, head, status_of

CLIENTS = 60
SIZE = 10_000_000
GROWTH = 30  # MiB that waiting bodies may add to a worker
CLIENTS_FILE = Path(__file__).parents[3] / "examples" / "clients.json"


def check(visits: Visits, seconds: float) -> str:
    """``seconds`` is how long the others go on at least."""
    port, told = free_port(), Counter[int]()
    given = {"CDS_WORKERS": "1", "CDS_AUTH": "required", "CDS_CLIENTS": str(CLIENTS_FILE)}
    whole = head(visits.path, SIZE) + b" " * SIZE

    def send() -> None:
        with suppress(OSError), connected(port) as connection:
            connection.sendall(whole)
            told[status_of(connection)] += 1

    with running(service_command(port), port, **given) as server:
        probe(port, 0)
        before = peak_mib(server)
        threads = [Thread(target=send) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        slowest = probe(port, seconds)
        for thread in threads:
            thread.join()
        peak = peak_mib(server)
    expect(set(told) <= {401, 503}, f"bodies without a token were answered with {told}")
    expect(told.total() == CLIENTS, f"only {told.total()} of {CLIENTS} had an answer: {told}")
    expect(peak - before < GROWTH, f"a worker had {peak:.0f} MiB at most, {before:.0f} before")
    return f"{dict(told)}; {peak:.0f} MiB at most, {before:.0f} before; probes {slowest:.2f} s"
