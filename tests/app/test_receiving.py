"""Requests are received whole, however they come; a real server answers them in order."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPResponse
from pathlib import Path
from typing import BinaryIO

import pytest

from cds_service.fhir.errors import HTTP_WORDS
from tests.support.served import Served, served

PATIENCE = 60  # seconds


def chunked(parts: list[bytes], trailer: bytes = b"") -> bytes:
    framed = b"".join(b"%x;note=1\r\n%s\r\n" % (len(part), part) for part in parts if part)
    return framed + b"0\r\n" + trailer + b"\r\n"


# -- a real server ----------------------------------------------------------------------------

CALL = "/cds-services/dyspareunia-workup-patient-view"
LARGEST = 100_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("receiving")
    with served(folder, CDS_MAX_BODY_BYTES=str(LARGEST), CDS_THREADS="1") as running:
        yield running


@pytest.fixture
def connection(server: Served) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as made:
        yield made


def head(*lines: str) -> bytes:
    whole = (f"POST {CALL} HTTP/1.1", "Host: x", "Content-Type: application/json", *lines, "", "")
    return "\r\n".join(whole).encode()


def answers(connection: socket.socket, number: int) -> list[int]:
    """The statuses of the next answers."""
    with connection.makefile("rb") as reader:
        return [_answer(reader) for _ in range(number)]


def _answer(reader: BinaryIO) -> int:
    status = int(reader.readline().split()[1])
    headers = dict(line.split(b": ", 1) for line in iter(reader.readline, b"\r\n"))
    length = int(headers[b"Content-Length"])
    assert len(reader.read(length)) == length
    return status


GOOD = b"{}"  # a body that is read, and refused with 400


def test_one_thread_serves_while_many_requests_are_unfinished(
    server: Served, connection: socket.socket
) -> None:
    connection.sendall(head("Content-Length: 1000") + b"{")
    with socket.create_connection(("127.0.0.1", server.port)) as another:
        another.sendall(b"POST /cds")

        status, _ = server.ask("GET", "/health/live")

    assert status == 200


def test_a_request_in_pieces_and_two_in_one_piece_are_answered_in_order(
    connection: socket.socket,
) -> None:
    first = head(f"Content-Length: {len(GOOD)}") + GOOD
    live = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"

    connection.sendall(first[:30])
    connection.sendall(first[30:] + live + first)

    assert answers(connection, 3) == [400, 200, 400]


def test_a_body_may_come_in_chunks(connection: socket.socket) -> None:
    connection.sendall(head("Transfer-Encoding: chunked") + chunked([b"{", b"}"]))

    assert answers(connection, 1) == [400]


def test_who_asks_first_is_told_to_go_on(connection: socket.socket) -> None:
    connection.sendall(head("Content-Length: 2", "Expect: 100-continue"))
    told = connection.recv(100)
    connection.sendall(GOOD)

    assert told == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answers(connection, 1) == [400]


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "in-chunks"])
def test_a_body_over_the_limit_is_refused_while_it_is_sent(
    connection: socket.socket, declared: bool
) -> None:
    size = 20 * LARGEST
    line = f"Content-Length: {size}" if declared else "Transfer-Encoding: chunked"

    connection.sendall(head(line))
    connection.sendall(b" " * size if declared else chunked([b" " * LARGEST] * 20))

    assert answers(connection, 1) == [413]
    assert connection.recv(1) == b""  # closed after the answer


def test_a_connection_that_is_to_be_closed_is(connection: socket.socket) -> None:
    connection.sendall(head("Content-Length: 2", "Connection: close") + GOOD)

    assert answers(connection, 1) == [400]
    assert connection.recv(1) == b""


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        (400, b"GET /secret HTTP/1.1\r\nsecret\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nsecret\r\n"),
        (413, b"POST /secret HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n"),
        (431, b"GET /" + b"secret" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
        (501, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: secret\r\n\r\n"),
    ],
)
def test_what_is_refused_unread_is_an_outcome_that_repeats_nothing(
    connection: socket.socket, status: int, sent: bytes
) -> None:
    connection.sendall(sent)
    answer = HTTPResponse(connection)
    answer.begin()
    body = answer.read()

    assert answer.status == status
    assert answer.getheader("Content-Type") == "application/json"
    assert answer.getheader("Server") is None
    assert json.loads(body)["issue"][0]["diagnostics"] == HTTP_WORDS[HTTPStatus(status)][1]
    assert b"secret" not in bytes(str(answer.headers), "utf-8") + body


def test_no_file_is_made_for_a_large_body(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        server.ask("GET", "/health/live")
        master = server.process.pid
        (pid,) = Path(f"/proc/{master}/task/{master}/children").read_text().split()

        def files() -> set[str]:
            links = (str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir())
            return {link for link in links if link.startswith("/")}

        before, before_kb = files(), resident(pid)
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(head("Content-Length: 9000000") + b" " * 8_999_999)
            server.wait_for(lambda: resident(pid) > before_kb + 8_000)  # it is there
            during = files()

    assert during == before


def resident(pid: str) -> int:
    """kB of memory that the process has and its parent has not."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:"))


def test_an_idle_connection_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        idle = socket.create_connection(("127.0.0.1", server.port))
        server.ask("GET", "/health/live")

    idle.close()
    assert server.process.returncode == 0
