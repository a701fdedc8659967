"""Connections of a worker: Waitress's channel and parser, with limits and answers of our own.

Waitress receives whole requests in its own loop, so slow clients hold no thread (slowloris). Added
here: time limits for each phase of a connection, one request at a time of a pipeline, a closing
that lets the client read its answer, and errors as OperationOutcomes that repeat nothing of the
request (decision: ``docs/decisions/whole-requests.md``).
"""

from __future__ import annotations

import threading
from contextlib import suppress
from http import HTTPStatus
from socket import SHUT_WR
from typing import Any

import orjson
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import BadRequest, Error

from cds_service.app.request_log import NOWHERE
from cds_service.fhir.errors import HTTP_WORDS, RETRY_SECONDS, UNEXPECTED, Issue, outcome
from cds_service.telemetry import metrics
from cds_service.telemetry.logs import LOG, place_of

RECEIVE_SECONDS = 20.0  # for a whole request, from its first byte
SEND_SECONDS = 60.0  # for a client to take a whole answer
IDLE_SECONDS = 30.0  # between requests, and before the first one
CLOSE_SECONDS = 5.0  # for a client to read its answer while it still sends
MAX_CHUNK_LINE = 1_024  # bytes of a chunk's size and extensions
MAX_TRAILER = 8_192  # bytes after the last chunk
DISCARDED_BYTES = 262_144  # of one read from a client that has its answer
VERSIONS = ("1.0", "1.1")
LIMITS = {
    "idle": IDLE_SECONDS,
    "receiving": RECEIVE_SECONDS,
    "sending": SEND_SECONDS,
    "closing": CLOSE_SECONDS,
}


class RequestTimeout(Error):
    """A request that took longer than RECEIVE_SECONDS to arrive."""

    code = HTTPStatus.REQUEST_TIMEOUT


class Overloaded(Error):
    """A request that cannot be held in memory beside the others that wait."""

    code = HTTPStatus.SERVICE_UNAVAILABLE


class Parser(HTTPRequestParser):
    """One request; what follows it on the connection is kept in ``rest``."""

    completed: bool
    rest = b""

    def received(self, data: bytes) -> int:
        """Takes bytes as they come; returns how many, which is all of them."""
        used: int = super().received(data)
        if self.chunked and not self.completed and self._frame_is_too_long():
            self.error, self.completed = BadRequest(""), True
        if self.completed:
            self.expect_continue = False  # all is there, or it is refused: nothing to wait for
        if not self.completed or self.empty:
            return used
        self.rest = data[used:]
        return len(data)

    def parse_header(self, header_plus: bytes) -> None:
        """Raises ParsingError also for what proxies read in two ways (request smuggling)."""
        try:
            super().parse_header(header_plus)
        except ValueError:  # an address or a number that Python does not read
            raise ParsingError("") from None
        one_host = "," not in self.headers.get("HOST", "" if self.version == "1.0" else ",")
        two_lengths = self.chunked and "CONTENT_LENGTH" in self.headers
        not_read = "TRANSFER_ENCODING" in self.headers  # Waitress reads it in HTTP/1.1 only
        if self.version not in VERSIONS or not one_host or two_lengths or not_read:
            raise ParsingError("")

    @property
    def held_bytes(self) -> int:
        """Bytes of the body in memory, framing included."""
        return int(self.body_bytes_received)

    def _frame_is_too_long(self) -> bool:
        body = self.body_rcv
        return body is not None and (
            len(body.control_line) > MAX_CHUNK_LINE or len(body.trailer) > MAX_TRAILER
        )


class Refusal(ErrorTask):
    """Answers what Waitress, or this module, refuses before the application sees it."""

    def execute(self) -> None:
        """Writes an OperationOutcome in the words of ``fhir.errors``."""
        status = HTTPStatus(self.request.error.code)
        metrics.REQUESTS.labels(NOWHERE, status.value).inc()
        LOG.info("a request is refused unread", status=status.value)
        words = HTTP_WORDS.get(status)
        body = orjson.dumps(outcome(Issue(*words) if words else UNEXPECTED))
        self.status = f"{status.value} {status.phrase}"
        self.response_headers += [
            ("Content-Type", "application/json"),
            ("Cache-Control", "no-store"),
        ]
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            self.response_headers.append(("Retry-After", str(RETRY_SECONDS)))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class Answer(WSGITask):
    """Runs the application for one request."""

    def build_response_header(self) -> bytes:
        """Announces the end of the connection while the worker stops."""
        if self.channel.server.stopping:
            self.set_close_on_finish()
        return bytes(super().build_response_header())


class Connection(HTTPChannel):
    """One connection. All but ``service`` runs in the worker's loop."""

    parser_class = Parser
    task_class = Answer
    error_task_class = Refusal
    request: Parser | None
    requests: list[Parser]
    close_when_flushed: bool
    total_outbufs_len: int
    closing = False  # the answer is sent, and the client may still be sending
    rest = b""  # bytes of the next request, read together with the last one

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.requests_lock = threading.RLock()  # a refusal is answered while it is held
        self._phase: tuple[str, Any] = ("", None)
        self._since = 0.0

    @property
    def phase(self) -> str:
        """Returns what the connection waits for."""
        if self.closing:
            return "closing"
        if self.requests:
            return "working"
        if self.total_outbufs_len:
            return "sending"
        return "receiving" if self.request else "idle"

    @property
    def held_bytes(self) -> int:
        """Bytes in memory: of a request, and of an answer that is not taken yet."""
        requests = (*self.requests, *((self.request,) if self.request else ()))
        return int(self.total_outbufs_len + sum(r.held_bytes for r in requests))

    def check_time(self, now: float) -> None:
        """Ends the connection when it is in one phase for too long; ``now`` is in seconds."""
        phase = (self.phase, self.request)
        if phase != self._phase:
            self._phase, self._since = phase, now
        elif now - self._since > LIMITS.get(self.phase, now):
            self.give_up(RequestTimeout(""))

    def give_up(self, error: Error) -> None:
        """Answers an unfinished request with the error; closes any other connection."""
        with self.requests_lock:
            request, self.request = self.request, None
            if request is None or self.requests or self.closing:
                self.handle_close()  # at once: Waitress would wait until it can send
                return
            request.close()
            request.body_rcv, request.body_bytes_received = None, 0
            request.error, request.completed = error, True
            self.requests.append(request)
            self.service()

    def service(self) -> None:
        """Answers one request, in a thread; a refusal needs none."""
        self.rest = self.requests[0].rest
        super().service()

    def readable(self) -> bool:
        """Continues with a pipelined request once the answer before it is taken."""
        if self.closing:
            return True
        if self.rest and super().readable():
            rest, self.rest = self.rest, b""
            self.received(rest)
        return bool(super().readable())

    def received(self, data: bytes) -> bool:
        """Takes bytes of a request."""
        taken = bool(super().received(data))
        self.server.limit_held_bytes(self)
        return taken

    def writable(self) -> bool:
        """Has something to send, or has to be closed. A thread that answers sends by itself as much
        as the client takes at once; meanwhile this loop has nothing to do."""
        waits = self.closing or self.requests
        return self.will_close or (not waits and bool(super().writable()))

    def handle_read(self) -> None:
        """Reads; of a client that has its answer, to drop it."""
        size = DISCARDED_BYTES if self.closing else self.adj.recv_bytes
        with suppress(BlockingIOError):  # an event of a closed connection with the same number
            data = self.recv(size)
            if data and not self.closing:
                self.received(data)

    def handle_write(self) -> None:
        """Sends. A close after an answer ends our side only: what the client still sends is read
        and dropped for CLOSE_SECONDS, or it could lose the answer (RFC 9112 section 9.6)."""
        answered = self.close_when_flushed
        if answered and not self.will_close:
            self._flush_exception(self._flush_some)
            if self.total_outbufs_len or not self.connected:
                return
            self.close_when_flushed, self.closing = False, True
            self.socket.shutdown(SHUT_WR)
        else:
            super().handle_write()

    def handle_error(self) -> None:
        """Closes after a failure of this code; the log says its type and place, not its words."""
        _, kind, error, _ = self.compact_traceback()
        LOG.error("a connection failed", error=kind.__name__, place=place_of(error.__traceback__))
        self.handle_close()
