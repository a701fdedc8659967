"""The load of ``mixed.lua`` from threads, where wrk is not installed."""

import time
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from itertools import count
from statistics import quantiles
from threading import Thread

from benchmarks.soak.mix import Sent
from benchmarks.soak.traffic import JSON, PATIENCE

_numbers = count()


class Client(Thread):
    """One connection that sends the mix in turns until its time is over."""

    def __init__(self, port: int, requests: list[Sent], start: int, until: float) -> None:
        super().__init__()
        self.port, self.until = port, until
        self.requests = requests[start:] + requests[:start]
        self.times: list[float] = []
        self.statuses: list[int] = []
        self.broken = 0

    def run(self) -> None:
        """Until the time is over, or the connection breaks."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            while time.monotonic() < self.until:
                for sent in self.requests:
                    self._send(connection, sent)
                    if time.monotonic() >= self.until:
                        break
        except (OSError, HTTPException):
            self.broken = 1
        finally:
            connection.close()

    def _send(self, connection: HTTPConnection, sent: Sent) -> None:
        moment = datetime.fromtimestamp(1.7e9 + next(_numbers) / 1e3, UTC).isoformat()
        body = sent.body.replace(b"@moment@", moment.encode()) if sent.body else None
        began = time.perf_counter()
        connection.request(sent.method, sent.path, body, JSON)
        answer = connection.getresponse()
        answer.read()
        self.times.append((time.perf_counter() - began) * 1000)
        self.statuses.append(answer.status)


def plain_load(port: int, requests: list[Sent], connections: int, seconds: float) -> dict:
    """The same numbers as wrk's."""
    began = time.monotonic()
    until = began + seconds
    starts = (n * 7 % len(requests) for n in range(connections))
    clients = [Client(port, requests, start, until) for start in starts]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    times = [t for client in clients for t in client.times] or [0.0, 0.0]
    statuses = [s for client in clients for s in client.statuses]
    cuts = quantiles(times, n=100) if len(times) > 1 else [times[0]] * 99
    return {
        "seconds": time.monotonic() - began,
        "p50_ms": cuts[49],
        "p99_ms": cuts[98],
        "good": sum(s < 400 for s in statuses),
        "refused": sum(400 <= s < 500 for s in statuses),
        "failed": sum(s >= 500 for s in statuses),
        "broken": sum(client.broken for client in clients),
    }
