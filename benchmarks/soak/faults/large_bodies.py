"""Bodies of 1 MB, of 20 MB, and deeper than anybody nests: taken or refused, the connection stays
usable, and memory does not grow with what was refused."""

from collections.abc import Callable
from socket import socket
from threading import Thread

import orjson

from benchmarks.people import request_of_size
from benchmarks.served import free_port, memory, running, service_command
from benchmarks.soak.expecting import expect
from benchmarks.soak.traffic import Visits
from benchmarks.soak.wire import connected, head, status_of

MIB = 1 << 20
GROWTH = 100  # MiB a worker may keep after many large bodies
AT_ONCE = 8


def check(visits: Visits, seconds: float) -> str:
    """``seconds`` is the number of rounds."""
    large = megabyte(visits)
    port = free_port()
    with running(service_command(port), port) as server:
        small, path = visits.bodies[0], visits.path
        tried = {
            "1 MB": (200, lambda: _whole(port, path, large, small)),
            "20 MB": (413, lambda: _whole(port, path, b" " * 20 * MIB, small)),
            "20 MB in chunks": (413, lambda: _chunked(port, path, 20, small)),
            "100,000 deep": (400, lambda: _whole(port, path, b"[" * 100_000, small)),
            "900 deep": (400, lambda: _whole(port, path, b"[" * 900 + b"]" * 900, small)),
        }
        for name, (status, send) in tried.items():
            expect(send() == (status, 200), f"{name} should be {status}, then 200: {send()}")
        before = _resident(server.workers)
        for _ in range(max(1, round(seconds))):
            _together(tried["20 MB"][1])
            _together(tried["1 MB"][1])
        growth = _resident(server.workers) - before
        expect(growth < GROWTH, f"a worker grew by {growth:.0f} MiB")
    return f"{', '.join(tried)}: as they should; memory grew by {growth:.0f} MiB a worker"


def megabyte(visits: Visits) -> bytes:
    """A good call of more than a megabyte."""
    body = orjson.dumps(request_of_size(800, visits.pipeline))
    expect(len(body) > MIB, "the large body is under a megabyte")
    return body


def _whole(port: int, path: str, body: bytes, next_one: bytes) -> tuple[int, int]:
    """The statuses of a body and of an ordinary call after it, on one connection if it lasts."""
    with connected(port) as connection:
        connection.sendall(head(path, len(body)))
        connection.sendall(body)
        first = status_of(connection)
        return first, _after(connection, port, path, next_one)


def _chunked(port: int, path: str, mebibytes: int, next_one: bytes) -> tuple[int, int]:
    with connected(port) as connection:
        connection.sendall(head(path, None))
        for _ in range(mebibytes):
            connection.sendall(b"%x\r\n%s\r\n" % (MIB, b" " * MIB))
        connection.sendall(b"0\r\n\r\n")
        return status_of(connection), _after(connection, port, path, next_one)


def _after(connection: socket, port: int, path: str, body: bytes) -> int:
    """On the same connection, or on a new one when the service closed it after its answer."""
    try:
        connection.sendall(head(path, len(body)) + body)
        return status_of(connection)
    except OSError:
        with connected(port) as another:
            another.sendall(head(path, len(body)) + body)
            return status_of(another)


def _together(send: Callable[[], object]) -> None:
    threads = [Thread(target=send) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _resident(workers: list[int]) -> float:
    return max(memory(pid, "Rss") for pid in workers)
