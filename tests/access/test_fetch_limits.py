"""Time, pages, bytes and threads: a FHIR server can be slow or huge, this service cannot."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest

from cds_service.access.fhir_access import FhirPolicy
from cds_service.access.fhir_client import FhirClient, Limits
from cds_service.access.fhir_server import MAX_FAILURES, OPEN_SECONDS
from tests.access.fetching import (
    CONDITIONS,
    IN_TIME,
    LIMITS,
    PATIENT,
    PERSON,
    allowed,
    asked,
    one,
    page,
    words,
)
from tests.support.hostile_fhir import (
    Answer,
    HostileServer,
    drip,
    drip_body,
    endless,
    hang,
    late,
    resource,
    status,
    until,
)

LATE = "could not be read in time"
TOO_LARGE = "could not be read: the answer is over the size limit"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\n"


def peak_of(call: Callable[[], Any]) -> tuple[Any, int]:
    """What a call gives, and the most bytes it held at once."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        found = call()
        return found, tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    assert took <= seconds, f"took {took:.2f} s"


@pytest.mark.requirement("3.4")
@pytest.mark.requirement("3.10")
@pytest.mark.parametrize(
    "answer",
    [
        hang(),
        drip(HEAD + b"X: " + b"y" * 10_000, every=0.02),
        drip_body(orjson.dumps(PERSON) + b" " * 10_000, every=0.02),
        late(resource(PERSON), seconds=1.5),
    ],
    ids=["hang", "drip-head", "drip-body", "late"],
)
def test_a_slow_answer_ends_at_the_deadline(
    answer: Answer, client: FhirClient, server: HostileServer
) -> None:
    server.on("Patient/person", answer)

    with at_most(LIMITS.seconds + IN_TIME):
        outcome = one(client, server)

    assert words(outcome) == LATE


@pytest.mark.requirement("3.10")
def test_the_deadline_is_for_all_keys_together(client: FhirClient, server: HostileServer) -> None:
    slow = {f"key{n}": f"Condition?n={n}" for n in range(30)}  # more than there are threads
    server.on("Condition", hang())
    server.on("Patient/person", resource(PERSON))

    with at_most(LIMITS.seconds + IN_TIME):
        found = client.fetch(asked(server.base), PATIENT | slow, allowed(server.base))

    assert found["patient"] == PERSON  # one that came in time is kept
    assert {words(found[key]) for key in slow} == {LATE}


@pytest.mark.requirement("3.10")
def test_the_deadline_is_for_all_pages_together(client: FhirClient, server: HostileServer) -> None:
    again = f"{server.base}/Condition?again"
    server.on("Condition", late(resource(page(following=again)), seconds=0.45))

    with at_most(LIMITS.seconds + IN_TIME):
        outcome = one(client, server, CONDITIONS)

    assert words(outcome) == LATE


@pytest.mark.requirement("3.10")
@pytest.mark.parametrize(
    "answer",
    [
        hang(),
        drip(HEAD + b"X: " + b"y" * 10_000, every=0.02),
        drip_body(b" " * 10_000, every=0.02),
    ],
    ids=["hang", "drip-head", "drip-body"],
)
def test_a_slow_server_gives_its_threads_back(answer: Answer, server: HostileServer) -> None:
    client = FhirClient(LIMITS, threads=1)
    server.on("Patient/slow", answer)
    server.on("Patient/person", resource(PERSON))
    one(client, server, patient_id="slow")

    after = one(client, server)

    server.closing.set()
    client.close()
    assert after == PERSON


@pytest.mark.requirement("3.10")
def test_a_name_that_is_resolved_slowly_gives_its_thread_back(
    monkeypatch: pytest.MonkeyPatch, server: HostileServer
) -> None:
    released, real = threading.Event(), socket.getaddrinfo

    def resolve(host: str, *args: Any, **more: Any) -> Any:
        if host == "slow.example":
            released.wait(10)
            raise socket.gaierror
        return real(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    client = FhirClient(LIMITS, threads=1)
    server.on("Patient/person", resource(PERSON))
    slow = "https://slow.example"
    with at_most(LIMITS.seconds + IN_TIME):
        outcome = client.fetch(asked(slow), PATIENT, FhirPolicy((slow,)))["patient"]

    after = one(client, server)

    released.set()
    client.close()
    assert words(outcome) == LATE
    assert after == PERSON


def test_keys_that_never_started_are_not_asked_later(server: HostileServer) -> None:
    client = FhirClient(LIMITS, threads=1)
    server.on("Condition", hang())
    queries = {f"key{n}": f"Condition?n={n}" for n in range(5)}
    client.fetch(asked(server.base), queries, allowed(server.base))

    until(lambda: len(server.seen) > 1, seconds=0.3)

    server.closing.set()
    client.close()
    assert len(server.seen) == 1


def test_keys_are_fetched_side_by_side(client: FhirClient, server: HostileServer) -> None:
    server.on("Condition", late(resource(page()), seconds=0.3))
    queries = {f"key{n}": f"Condition?n={n}" for n in range(10)}

    with at_most(0.3 + IN_TIME):
        found = client.fetch(asked(server.base), queries, allowed(server.base))

    assert all(value == page() for value in found.values())


# -- circuit breaker -------------------------------------------------------------------------

OPEN = "could not be read: the FHIR server did not answer the last calls"


@pytest.fixture
def short() -> Iterator[FhirClient]:
    client = FhirClient(Limits(seconds=0.2, pages=3, size=100_000))
    yield client
    client.close()


@pytest.mark.requirement("3.10")
def test_a_server_that_does_not_answer_is_left_alone_for_a_while(
    short: FhirClient, server: HostileServer, later: Callable[[float], None]
) -> None:
    server.on("Patient/person", hang())
    for _ in range(MAX_FAILURES):
        assert words(one(short, server)) == LATE

    assert words(one(short, server)).startswith(OPEN)
    assert len(server.seen) == MAX_FAILURES

    later(OPEN_SECONDS + 1)
    assert words(one(short, server)) == LATE  # one call tries
    assert words(one(short, server)).startswith(OPEN)
    assert len(server.seen) == MAX_FAILURES + 1


@pytest.mark.requirement("3.10")
def test_a_server_that_answers_again_is_called_again(
    short: FhirClient, server: HostileServer, later: Callable[[float], None]
) -> None:
    server.on("Patient/person", hang())
    for _ in range(MAX_FAILURES):
        one(short, server)
    server.on("Patient/person", resource(PERSON))
    later(OPEN_SECONDS + 1)

    assert [one(short, server) for _ in range(3)] == [PERSON] * 3


@pytest.mark.requirement("3.10")
@pytest.mark.parametrize(
    "answer", [status(500), status(404), status(200, b"<html>")], ids=["500", "404", "html"]
)
def test_a_server_that_answers_badly_goes_on_being_called(
    answer: Answer, short: FhirClient, server: HostileServer
) -> None:
    server.on("Patient/person", answer)

    for _ in range(3 * MAX_FAILURES):
        one(short, server)

    assert len(server.seen) == 3 * MAX_FAILURES


@pytest.mark.requirement("3.10")
def test_one_slow_search_among_answers_is_no_dead_server(
    short: FhirClient, server: HostileServer
) -> None:
    server.on("Condition", hang())
    server.on("Patient/person", resource(PERSON))

    for _ in range(MAX_FAILURES + 1):
        found = short.fetch(asked(server.base), PATIENT | CONDITIONS, allowed(server.base))

    assert (found["patient"], words(found["conditions"])) == (PERSON, LATE)


# -- bytes ---------------------------------------------------------------------------------


@pytest.mark.requirement("3.10")
@pytest.mark.parametrize(
    "answer",
    [
        endless(b" " * 65_536),
        status(200, b" " * 50_000_000),
        status(200, orjson.dumps({**PERSON, "x": "y" * LIMITS.size})),
    ],
    ids=["endless", "50-mb", "one-over"],
)
def test_a_body_over_the_limit_is_given_up_without_being_held(
    answer: Answer, client: FhirClient, server: HostileServer
) -> None:
    server.on("Patient/person", answer)
    one(client, server, patient_id="other")  # what is imported on the first call is not counted

    outcome, peak = peak_of(lambda: one(client, server))

    assert words(outcome) == TOO_LARGE
    assert peak < 10 * LIMITS.size


def test_a_body_at_the_limit_is_read(client: FhirClient, server: HostileServer) -> None:
    bare = orjson.dumps({**PERSON, "x": ""})
    full = {**PERSON, "x": "y" * (LIMITS.size - len(bare))}
    server.on("Patient/person", resource(full))
    server.on("Patient/over", resource({**full, "x": full["x"] + "y"}))

    assert one(client, server) == full
    assert words(one(client, server, patient_id="over")) == TOO_LARGE


@pytest.mark.requirement("3.10")
def test_the_size_limit_is_for_all_pages_together(
    client: FhirClient, server: HostileServer
) -> None:
    heavy = {**page(following=f"{server.base}/Condition?again"), "x": "y" * (LIMITS.size // 2)}
    server.on("Condition", resource(heavy))

    assert words(one(client, server, CONDITIONS)) == TOO_LARGE
    assert len(server.seen) == 2


@pytest.mark.requirement("3.10")
@pytest.mark.parametrize("layers", [1, 2])
def test_a_small_answer_cannot_unfold_in_memory(
    layers: int, client: FhirClient, server: HostileServer
) -> None:
    body = b" " * 50_000_000
    for _ in range(layers):
        body = gzip.compress(body)
    assert len(body) < LIMITS.size
    server.on("Patient/person", status(200, body, Content_Encoding=", ".join(["gzip"] * layers)))
    one(client, server, patient_id="other")  # what is imported on the first call is not counted

    outcome, peak = peak_of(lambda: one(client, server))

    assert words(outcome) == "could not be read: the answer is packed"
    assert peak < 10 * LIMITS.size
