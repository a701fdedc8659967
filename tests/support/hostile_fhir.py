"""A FHIR server that misbehaves on purpose: loopback only, on a free port, ended by its owner.

Every answer is a function that writes to one connection; every request is written down, so that a
test can say what reached a server and what never did.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import orjson

Answer = Callable[["_Connection"], None]


class Seen(NamedTuple):
    """One request as it arrived. ``headers`` have lower-case names."""

    target: str
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


class HostileServer:
    """Answers by target (path and query) or by path; what is not known is 404. Without
    ``keep_alive`` every connection ends with its answer, so that a client leaves nothing open."""

    def __init__(self, keep_alive: bool = True) -> None:
        self.keep_alive = keep_alive
        self.answers: dict[str, Answer] = {}
        self.seen: list[Seen] = []
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Connection)
        self._server.owner = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> HostileServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()  # ends answers that hang or drip
        self._server.shutdown()
        for connection in list(self._server.open):  # idle ones wait for another request
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base(self) -> str:
        return f"{self.origin}/fhir"

    def on(self, path: str, answer: Answer) -> None:
        """What to answer at a path below the base, or at a path with its query."""
        self.answers[f"/fhir/{path}"] = answer

    def forget(self) -> None:
        """Starts a new account of what arrives."""
        self.seen.clear()

    @property
    def targets(self) -> list[str]:
        return [seen.target for seen in self.seen]


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # closing waits for them: no answer outlives the server
    request_queue_size = 100
    owner: HostileServer

    def __init__(self, *args: Any) -> None:
        self.open: set[socket.socket] = set()
        super().__init__(*args)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what these tests are about."""


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5  # an idle kept-alive connection ends

    def setup(self) -> None:
        super().setup()
        self.server.open.add(self.connection)

    def finish(self) -> None:
        self.server.open.discard(self.connection)
        with suppress(OSError):
            super().finish()

    @property
    def owner(self) -> HostileServer:
        return self.server.owner

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.owner.seen.append(Seen(self.path, headers))
        known = self.owner.answers
        answer = known.get(self.path) or known.get(self.path.partition("?")[0]) or status(404)
        answer(self)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        """Nothing is printed."""

    def send(self, code: int, headers: Mapping[str, str], body: bytes) -> None:
        """One whole answer."""
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Transfer-Encoding" not in headers and "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        if not self.owner.keep_alive:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


# -- answers -------------------------------------------------------------------------------


def status(code: int, body: bytes = b"", **headers: str) -> Answer:
    """A status with a body; ``Content_Type="x"`` is the header Content-Type."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda connection: connection.send(code, named, body)


def resource(value: Any, **headers: str) -> Answer:
    """200 with a value as FHIR JSON."""
    return status(200, orjson.dumps(value), Content_Type="application/fhir+json", **headers)


def redirect(to: str, code: int = 302) -> Answer:
    """A redirect to another address."""
    return status(code, Location=to)


def hang() -> Answer:
    """Accepts the request and says nothing."""

    def answer(connection: _Connection) -> None:
        connection.owner.closing.wait()
        connection.close_connection = True

    return answer


def drip(data: bytes, every: float) -> Answer:
    """Sends bytes one at a time, as they are (head of the response included)."""

    def answer(connection: _Connection) -> None:
        connection.close_connection = True
        for byte in data:
            connection.wfile.write(bytes([byte]))
            if connection.owner.closing.wait(every):
                return

    return answer


def drip_body(body: bytes, every: float) -> Answer:
    """An ordinary head, then the body one byte at a time."""

    def answer(connection: _Connection) -> None:
        connection.send(200, {"Content-Length": str(len(body))}, b"")
        drip(body, every)(connection)

    return answer


def endless(chunk: bytes, **headers: str) -> Answer:
    """A body without an end, as fast as it is read."""

    def answer(connection: _Connection) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.send(200, {"Connection": "close", "Transfer-Encoding": "chunked", **named}, b"")
        connection.close_connection = True
        framed = b"%x\r\n%b\r\n" % (len(chunk), chunk)
        while not connection.owner.closing.is_set():
            connection.wfile.write(framed)

    return answer


def late(answer: Answer, seconds: float) -> Answer:
    """An answer after some time."""

    def wait(connection: _Connection) -> None:
        if not connection.owner.closing.wait(seconds):
            answer(connection)

    return wait


def in_turn(*answers: Answer) -> Answer:
    """Another answer at every request; the last one stays."""
    left = list(answers)

    def answer(connection: _Connection) -> None:
        now = left.pop(0) if len(left) > 1 else left[0]
        now(connection)

    return answer


def until(true: Callable[[], bool], seconds: float = 3.0) -> bool:
    """Waits for something that other threads bring about; whether it came."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()
