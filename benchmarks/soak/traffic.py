"""Clinicians at work: calls, and feedback on a card of each; what was acknowledged is kept."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from itertools import count, cycle
from threading import Event, Lock, Thread

from sqlalchemy import NullPool, create_engine, select

from benchmarks.people import people_with, request_of_size
from benchmarks.soak.expecting import expect
from cds_service.content import find_root, load_content
from cds_service.hooks.pipeline import Pipeline
from cds_service.store.tables import FEEDBACK

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
PATIENCE = 30  # seconds
JSON = {"Content-Type": "application/json"}
_numbers = count()  # every item of feedback has a moment of its own, by which it is found again


class Visits:
    """What is sent: the same rich call for a number of people."""

    def __init__(self, size: int = 50, people: int = 50) -> None:
        self.pipeline = Pipeline(load_content(find_root()), "https://example.org/intake")
        self.path = f"/cds-services/{self.pipeline.service_for('patient-view').id}"
        self.body = request_of_size(size, self.pipeline)
        self.bodies = people_with(self.body, people)


class Traffic:
    """Clients that go on until they are told to stop, whatever happens to the server."""

    def __init__(self, port: int, visits: Visits, clients: int = 6) -> None:
        self.port = port
        self.visits = visits
        self.clients = clients
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.broken = 0  # connections that ended without an answer
        self.acknowledged: set[datetime] = set()
        self._lock = Lock()
        self._stopping = Event()

    @contextmanager
    def flowing(self) -> Iterator["Traffic"]:
        """Clients at work, ended with the block."""
        threads = [Thread(target=self._client, args=(n,)) for n in range(self.clients)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stopping.set()
            for thread in threads:
                thread.join(PATIENCE)

    def answered(self, kind: str, status: int = 200) -> int:
        """How many ``call`` or ``feedback`` had that answer."""
        return self.statuses[kind, status]

    def wait_for(self, kind: str, status: int) -> None:
        """Returns once there is one more such answer."""
        before, until = self.answered(kind, status), time.monotonic() + PATIENCE
        while self.answered(kind, status) <= before:
            expect(time.monotonic() < until, f"{kind} is not answered with {status} any more")
            time.sleep(0.02)

    def unexpected(self, *allowed: tuple[str, int]) -> dict[str, int]:
        """Answers that were neither 200 nor allowed."""
        return {
            f"{kind} {status}": number
            for (kind, status), number in self.statuses.items()
            if status != 200 and (kind, status) not in allowed
        }

    def expect_all_kept(self, url: str) -> None:
        """Everything acknowledged is in the database."""
        kept = moments_in(url)
        lost = self.acknowledged - kept
        expect(self.acknowledged, "no feedback was acknowledged at all")
        expect(not lost, f"{len(lost)} of {len(self.acknowledged)} acknowledged items are lost")

    def _client(self, number: int) -> None:
        turns = cycle(self.visits.bodies[number :: self.clients])
        connection: HTTPConnection | None = None
        while not self._stopping.is_set():
            try:
                connection = connection or HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
                self._visit(connection, next(turns))
            except (OSError, HTTPException):
                if connection is not None:
                    connection.close()
                connection = None
                with self._lock:
                    self.broken += 1
                self._stopping.wait(0.02)
        if connection is not None:
            connection.close()

    def _visit(self, connection: HTTPConnection, body: bytes) -> None:
        status, answer = self._sent(connection, "call", self.visits.path, body)
        cards = answer.get("cards") if status == 200 else None
        if not cards:
            return
        moment = BEGAN + timedelta(milliseconds=next(_numbers))
        item = {
            "card": cards[0]["uuid"],
            "outcome": "overridden",
            "outcomeTimestamp": moment.isoformat(),
            "overrideReason": {"reason": {"code": "deferred"}},  # so that the card comes again
        }
        path, sent = f"{self.visits.path}/feedback", json.dumps({"feedback": [item]}).encode()
        if self._sent(connection, "feedback", path, sent)[0] == 200:
            with self._lock:
                self.acknowledged.add(moment)

    def _sent(
        self, connection: HTTPConnection, kind: str, path: str, body: bytes
    ) -> tuple[int, dict]:
        connection.request("POST", path, body, JSON)
        response = connection.getresponse()
        answer = json.loads(response.read())
        with self._lock:
            self.statuses[kind, response.status] += 1
        return response.status, answer


def moments_in(url: str) -> set[datetime]:
    """The moments of all feedback in a database."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return set(connection.scalars(select(FEEDBACK.c.outcome_at)))
