"""Many clients that send their request a byte at a time, or stop in the middle of the body: the
others are answered meanwhile, and the slow ones do not last for ever."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socket import socket
from threading import Event, Thread

from benchmarks.served import calls_of, free_port, running, service_command
from benchmarks.soak.expecting import expect
from benchmarks.soak.traffic import Visits
from benchmarks.soak.wire import connected, head

SLOW = 100  # connections of each kind; the server has 16 threads


def check(visits: Visits, seconds: float) -> str:
    """Slow heads, slow bodies, and connections that say nothing."""
    port, body = free_port(), visits.bodies[0]
    whole = head(visits.path, len(body)) + body
    begun = {"heads": whole[:10], "bodies": whole[: len(whole) // 2], "nothing": b""}
    with running(service_command(port), port), _slow(port, begun, whole) as connections:
        until, served = time.monotonic() + seconds, 0
        while time.monotonic() < until or served < 10:
            served += len(calls_of(port, visits.path, visits.bodies, 10, 2))
    return f"{len(connections)} slow connections, {served} other calls answered meanwhile"


@contextmanager
def _slow(port: int, begun: dict[str, bytes], whole: bytes) -> Iterator[list[socket]]:
    """Connections that have begun a request, and go on with it by a byte every half second."""
    connections, stopping = [], Event()
    for beginning in begun.values():
        for _ in range(SLOW):
            connection = connected(port)
            connection.sendall(beginning)
            connections.append((connection, len(beginning)))

    def dribble() -> None:
        sent = 0
        while not stopping.wait(0.5):
            for connection, start in connections:
                with suppress(OSError):
                    if start:
                        connection.send(whole[start + sent : start + sent + 1])
            sent += 1

    thread = Thread(target=dribble)
    thread.start()
    try:
        yield [connection for connection, _ in connections]
    finally:
        stopping.set()
        thread.join()
        for connection, _ in connections:
            connection.close()
    expect(connections, "no slow connection was made")
