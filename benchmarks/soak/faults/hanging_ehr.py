"""The EHR's FHIR server takes connections and never answers: calls that need it end in time, with
412; calls that bring everything are answered meanwhile."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from benchmarks.served import calls_of, free_port, running, service_command
from benchmarks.soak.expecting import expect
from benchmarks.soak.traffic import JSON, Visits
from benchmarks.soak.wire import ask

HANGING = 8  # calls at a time that wait for it
FETCH_SECONDS = 1


def check(visits: Visits, seconds: float) -> str:
    """Waves of calls without prefetch, beside ordinary ones."""
    port, waves, others = free_port(), 0, 0
    settings = {"CDS_FETCH_SECONDS": str(FETCH_SECONDS)}
    with _silent_server() as ehr:
        body = json.dumps({**visits.body, "prefetch": {}, "fhirServer": ehr}).encode()
        with running(service_command(port), port, CDS_FHIR_SERVERS=ehr, **settings):
            until = time.monotonic() + seconds
            while time.monotonic() < until or waves < 2:
                statuses, meanwhile = _wave(port, visits, body)
                expect(statuses == [412] * HANGING, f"answers to calls that need it: {statuses}")
                others += meanwhile
                waves += 1
    return f"{waves * HANGING} calls ended with 412, {others} others were answered meanwhile"


def _wave(port: int, visits: Visits, body: bytes) -> tuple[list[int], int]:
    """The statuses of calls that need the EHR, and how many others were answered meanwhile."""
    statuses: list[int] = []

    def call() -> None:
        statuses.append(ask(port, visits.path, body, JSON)[0])

    threads, others = [Thread(target=call) for _ in range(HANGING)], 0
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        others += len(calls_of(port, visits.path, visits.bodies, 4, 2))
    return statuses, others


@contextmanager
def _silent_server() -> Iterator[str]:
    """The address of a server that accepts whatever comes and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        held: list[socket.socket] = []

        def accept() -> None:
            with suppress(OSError):
                while True:
                    held.append(listener.accept()[0])

        Thread(target=accept, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/fhir"
        finally:
            for connection in held:
                connection.close()
            listener.shutdown(socket.SHUT_RDWR)
