"""Clients that ask for a large page many times at once and take it by 2 kB: the others are answered
meanwhile, and memory does not grow with what was asked for (H2)."""

import socket
from contextlib import ExitStack
from threading import Event, Thread

from benchmarks.served import free_port, running, service_command
from benchmarks.soak.expecting import expect
from benchmarks.soak.probes import peak_mib, probe
from benchmarks.soak.traffic import Visits
from benchmarks.soak.wire import PATIENCE

PAGE = "/fhir/Questionnaire/dyspareunia-intake"
CLIENTS, REQUESTS = 24, 100
MAX_GROWTH = 40.0  # MiB


def check(_visits: Visits, seconds: float) -> str:
    """``seconds`` is how long they go on."""
    port = free_port()
    asked = f"GET {PAGE} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode() * REQUESTS
    with running(service_command(port), port, CDS_WORKERS="1") as server, ExitStack() as opened:
        probe(port, 0)
        before = peak_mib(server)
        readers = [opened.enter_context(_reader(port)) for _ in range(CLIENTS)]
        for reader in readers:
            reader.sendall(asked)
        stopping = Event()
        thread = Thread(target=_read, args=(readers, stopping))
        thread.start()
        try:
            slowest = probe(port, seconds)
        finally:
            stopping.set()
            thread.join()
        growth = peak_mib(server) - before
    expect(growth < MAX_GROWTH, f"the worker grew by {growth:.0f} MiB")
    return f"{CLIENTS} slow readers: probes within {slowest:.2f} s, {growth:.0f} MiB more"


def _reader(port: int) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    made.settimeout(PATIENCE)
    made.connect(("127.0.0.1", port))
    return made


def _read(readers: list[socket.socket], stopping: Event) -> None:
    while not stopping.wait(1):
        for reader in readers:
            reader.recv(2_048)
