"""Waitress with our limits, in this process: what is held, for how long, and what is answered."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPResponse
from typing import Any

import pytest

from cds_service.app.connections import (
    CLOSE_SECONDS,
    IDLE_SECONDS,
    RECEIVE_SECONDS,
    SEND_SECONDS,
    Connection,
    Parser,
)
from cds_service.app.worker import MAX_LARGE_BYTES, ORDINARY_BYTES, Listener, listen

LARGEST = 10_000_000
CONNECTIONS = 40
PATIENCE = 60  # seconds until something has to have happened
PAGE = 12_000_000  # bytes of the answer to GET, more than a socket takes at once


class Bench:
    """A listener whose loop is turned by the test, and an application that notes what it gets."""

    def __init__(self) -> None:
        bound = socket.create_server(("127.0.0.1", 0))
        bound.setblocking(False)
        self.port: int = bound.getsockname()[1]
        self.called: list[int] = []
        self.listener: Listener = listen(self.application, bound, LARGEST, 2, CONNECTIONS)
        self.clients: list[socket.socket] = []

    def application(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        size = len(environ["wsgi.input"].read())
        self.called.append(size)
        body = b"x" * PAGE if environ["REQUEST_METHOD"] == "GET" else b"%d" % size
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    def connect(self) -> tuple[socket.socket, Connection]:
        """A client, and the other end of its connection."""
        before = set(self.listener.channels())
        client = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        self.clients.append(client)
        self.until(lambda: set(self.listener.channels()) - before)
        return client, (set(self.listener.channels()) - before).pop()

    def until(self, holds: Callable[[], Any]) -> None:
        """Turns the loop until it holds."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < deadline, "it did not come true"
            self.listener.turn()

    def send(self, client: socket.socket, connection: Connection, data: bytes) -> None:
        """Sends all of it, received as it is sent."""
        client.setblocking(False)
        rest = memoryview(data)
        while rest:
            with suppress(BlockingIOError):
                rest = rest[client.send(rest[:100_000]) :]
            self.listener.turn()
        client.settimeout(PATIENCE)

    def answer(self, client: socket.socket, connection: Connection) -> tuple[int, Any, bytes]:
        """Status, headers and body of the next answer; of a small one."""
        self.until(lambda: connection.closing or not connection.connected or self.readable(client))
        response = HTTPResponse(client)
        response.begin()
        return response.status, response.headers, response.read()

    @staticmethod
    def readable(client: socket.socket) -> bool:
        """Whether something has come."""
        client.setblocking(False)
        try:
            return bool(client.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return False
        finally:
            client.settimeout(PATIENCE)

    def close(self) -> None:
        """Ends threads and connections."""
        for client in self.clients:
            client.close()
        self.listener.task_dispatcher.shutdown()
        for connection in self.listener.channels():
            connection.handle_close()
        self.listener.close()


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


def head(*lines: str) -> bytes:
    return "\r\n".join(("POST / HTTP/1.1", "Host: x", *lines, "", "")).encode()


def received(bench: Bench, message: bytes) -> Parser:
    """A whole request, received in pieces as they come from a socket."""
    request = Parser(bench.listener.adj)
    for start in range(0, len(message), 8_192):
        piece = message[start : start + 8_192]
        while piece:
            piece = piece[request.received(piece) :]
    assert request.completed
    assert request.error is None
    return request


# -- what is held ------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", ["whole", "in chunks"])
def test_a_body_of_the_largest_size_is_in_memory_only(bench: Bench, sent: str) -> None:
    body = b"x" * (LARGEST - 1_000)
    if sent == "whole":
        message = head(f"Content-Length: {len(body)}") + body
    else:
        message = head("Transfer-Encoding: chunked") + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)

    request = received(bench, message)

    assert type(request.get_body_stream()) is io.BytesIO
    request.close()


def test_an_answer_that_is_not_taken_is_in_memory_only(bench: Bench) -> None:
    client, connection = bench.connect()

    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    bench.until(lambda: bench.called and not connection.requests)

    assert connection.held_bytes > 1_000_000
    assert [type(b.getfile()) for b in connection.outbufs] == [io.BytesIO]


def test_the_largest_unfinished_bodies_are_refused_when_too_much_is_held(bench: Bench) -> None:
    size = 9_000_000
    begun = [bench.connect() for _ in range(4)]
    for client, connection in begun:
        bench.send(client, connection, head(f"Content-Length: {size}") + b"x" * (size - 1))
        held = sum(c.held_bytes for c in bench.listener.channels())
        assert held <= LARGEST + MAX_LARGE_BYTES + 1

    answers = [bench.answer(*pair)[:2] for pair in begun if pair[1].closing]
    small, other = bench.connect()
    bench.send(small, other, head("Content-Length: 2") + b"{}")

    assert [status for status, _ in answers] == [503, 503, 503]
    assert {headers["Retry-After"] for _, headers in answers} == {"2"}
    assert bench.answer(small, other)[0] == 200
    assert bench.called == [2]


def test_large_bodies_that_wait_do_not_refuse_an_ordinary_one(bench: Bench) -> None:
    for _ in range(2):
        client, connection = bench.connect()
        bench.send(client, connection, head("Content-Length: 9900000") + b"x" * 9_899_999)
    ordinary, connection = bench.connect()

    bench.send(
        ordinary, connection, head(f"Content-Length: {ORDINARY_BYTES}") + b"x" * ORDINARY_BYTES
    )

    assert bench.answer(ordinary, connection)[0] == 200


def test_of_a_pipeline_one_answer_at_a_time_is_made(bench: Bench) -> None:
    client, connection = bench.connect()
    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
    bench.until(lambda: bench.called and not connection.requests)

    for _ in range(20):
        connection.readable()

    assert len(bench.called) == 1
    assert connection.held_bytes < 2 * PAGE


def test_the_oldest_waiting_connection_goes_when_there_are_too_many(bench: Bench) -> None:
    first, _ = bench.connect()
    for _ in range(CONNECTIONS):
        bench.connect()
    bench.listener.turn()

    assert first.recv(1) == b""
    assert len(bench.listener.channels()) < CONNECTIONS


# -- for how long ------------------------------------------------------------------------------


def test_a_request_that_takes_too_long_is_answered_with_408(bench: Bench) -> None:
    client, connection = bench.connect()
    bench.send(client, connection, head("Content-Length: 9") + b"x")
    bench.until(lambda: connection.phase == "receiving")

    connection.check_time(100)
    bench.send(client, connection, b"x")
    connection.check_time(100 + RECEIVE_SECONDS - 1)
    in_time = connection.phase
    connection.check_time(100 + RECEIVE_SECONDS + 1)

    assert in_time == "receiving"
    assert bench.answer(client, connection)[0] == 408
    assert bench.called == []


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_who_sends_nothing_or_takes_no_answer_is_let_go(bench: Bench, sent: bytes) -> None:
    _, connection = bench.connect()
    if sent:
        bench.clients[0].sendall(sent)
        bench.until(lambda: bench.called and not connection.requests)
        bench.until(lambda: connection.phase == "sending")
    seconds = SEND_SECONDS if sent else IDLE_SECONDS

    connection.check_time(100)
    connection.check_time(100 + seconds - 1)
    kept = connection in bench.listener.channels()
    connection.check_time(100 + seconds + 1)
    bench.until(lambda: not bench.listener.channels())

    assert kept


def test_a_refused_client_that_goes_on_sending_is_let_go(bench: Bench) -> None:
    client, connection = bench.connect()
    bench.send(client, connection, head("Content-Length: 10000001"))
    bench.until(lambda: connection.closing)
    bench.send(client, connection, b"x" * 1_000_000)

    status, _, _ = bench.answer(client, connection)
    connection.check_time(100)
    connection.check_time(100 + CLOSE_SECONDS + 1)
    bench.until(lambda: not bench.listener.channels())

    assert status == 413


def test_the_next_request_on_a_connection_has_its_own_time(bench: Bench) -> None:
    client, connection = bench.connect()
    for moment in (100, 119, 138):
        bench.send(client, connection, head("Content-Length: 2") + b"x")
        bench.until(lambda: connection.phase == "receiving")
        connection.check_time(moment)
        bench.send(client, connection, b"x")

        assert bench.answer(client, connection)[0] == 200


# -- what it costs -----------------------------------------------------------------------------


def cpu_seconds(bench: Bench, message: bytes) -> float:
    """CPU time to receive a message."""
    began = time.process_time()
    received(bench, message).close()
    return time.process_time() - began


def in_chunks(size: int, total: int) -> bytes:
    return b"%x\r\n%s\r\n" % (size, b"x" * size) * (total // size) + b"0\r\n\r\n"


@pytest.mark.parametrize("size", [1, 1_024, 8_192])
def test_the_cost_of_chunks_grows_with_the_body_and_not_with_its_square(
    bench: Bench, size: int
) -> None:
    total, times = (10_000 if size == 1 else 300_000), 16
    chunked = head("Transfer-Encoding: chunked")

    small = sum(cpu_seconds(bench, chunked + in_chunks(size, total)) for _ in range(times))
    large = cpu_seconds(bench, chunked + in_chunks(size, total * times))

    assert large < 4 * small  # with its square: 16 times


@pytest.mark.parametrize(
    "endless", [b"1" * 20_000, b"1;" + b"a" * 20_000, b"0\r\nX: " + b"a" * 20_000]
)
def test_a_chunk_size_or_trailer_without_an_end_is_refused(bench: Bench, endless: bytes) -> None:
    client, connection = bench.connect()

    bench.send(client, connection, head("Transfer-Encoding: chunked") + endless)

    assert bench.answer(client, connection)[0] == 400


# -- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 2", "Transfer-Encoding: chunked"),
        ("Content-Length: 2", "Content-Length: 3"),
        ("Content-Length: +2",),
        ("Content-Length: " + "9" * 5_000,),
        ("Transfer-Encoding : chunked",),
        ("Host: y",),
    ],
)
def test_what_two_readers_could_take_for_two_things_is_refused(
    bench: Bench, lines: tuple[str, ...]
) -> None:
    client, connection = bench.connect()

    bench.send(client, connection, head(*lines) + b"0\r\n\r\n")

    assert bench.answer(client, connection)[0] == 400
    assert bench.called == []


@pytest.mark.parametrize(
    "first",
    [
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked",
        "GET / HTTP/1.1",
        "GET / HTTP/9.9\r\nHost: x",
        "GET http://[ HTTP/1.1\r\nHost: x",
        "get / HTTP/1.1\r\nHost: x",
    ],
)
def test_what_is_no_request_of_today_is_refused(bench: Bench, first: str) -> None:
    client, connection = bench.connect()

    bench.send(client, connection, f"{first}\r\n\r\n".encode())

    assert bench.answer(client, connection)[0] == 400


@pytest.mark.parametrize("length", [0, LARGEST + 1])
def test_nobody_is_told_to_go_on_where_nothing_has_to_come(bench: Bench, length: int) -> None:
    client, connection = bench.connect()

    bench.send(client, connection, head("Expect: 100-continue", f"Content-Length: {length}"))

    assert bench.answer(client, connection)[0] == (413 if length else 200)
