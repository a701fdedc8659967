"""gunicorn's threaded worker, except that a request is received whole before a thread takes it.

gunicorn lets a thread read from a client, for as long as the client likes: as many slow clients as
there are threads, and nobody else is served. Here the worker's own loop receives, without waiting
for anyone, and gives up on who is too slow (decision: ``docs/decisions/whole-requests.md``).
"""

from __future__ import annotations

import re
import socket
import struct
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.http.parser import RequestParser
from gunicorn.workers.gthread import TConn, ThreadWorker

RECEIVE_SECONDS = 20.0  # for a whole request, from its first byte or from connecting
SEND_SECONDS = 20  # for a client to take the next part of an answer
LEAVE_SECONDS = 5.0  # for a client to take an answer before its connection is closed
MAX_DISCARDED = 64_000_000  # bytes of a body nobody wants, until its sender has the answer
MAX_HEAD = 65_536
AT_ONCE = 262_144  # bytes of one read
ROOM = 0.9  # share of the connections beyond which the oldest unfinished ones have to go
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked[ \t]*\r\n", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,16})[^\r\n]*\r\n")


@dataclass(slots=True)
class Arrival:
    """The bytes of one request so far. Whether they make sense is for gunicorn to say: what cannot
    be followed counts as whole, and so does what is over ``limit`` bytes (the answer is 413)."""

    limit: int
    until: float = 0.0
    data: bytearray = field(default_factory=bytearray)
    expects_continue: bool = False
    _body: int | None = None  # where it begins
    _whole_at: int | None = None  # how long all of it is
    _chunk: int | None = None  # where the next chunk begins

    def add(self, data: bytes) -> None:
        """More bytes."""
        looked = max(0, len(self.data) - len(_HEAD_END))
        self.data += data
        if self._body is None:
            self._read_head(looked)
        if self._chunk is not None and self._whole_at is None:
            self._read_chunks()

    @property
    def is_whole(self) -> bool:
        """Nothing more has to come before a thread can take it."""
        return self._whole_at is not None and len(self.data) >= self._whole_at

    def _read_head(self, looked: int) -> None:
        end = self.data.find(_HEAD_END, looked)
        if end < 0:
            if len(self.data) > MAX_HEAD:
                self._whole_at = 0
            return
        self._body = end + len(_HEAD_END)
        head = bytes(self.data[: self._body])
        length = _LENGTH.search(head)
        if _CHUNKED.search(head):
            self._chunk = self._body
        elif length is None or int(length[1]) > self.limit:
            self._whole_at = self._body
        else:
            self._whole_at = self._body + int(length[1])
        if _EXPECT.search(head) and not self.is_whole:
            self._answer_expectation(head)

    def _answer_expectation(self, head: bytes) -> None:
        """The worker says "continue" itself, so the application is not asked to."""
        shorter = _EXPECT.sub(b"", head)
        self.data[: len(head)] = shorter
        gone = len(head) - len(shorter)
        self._body = len(shorter)
        self._whole_at = None if self._whole_at is None else self._whole_at - gone
        self._chunk = None if self._chunk is None else self._chunk - gone
        self.expects_continue = True

    def _declare_too_much(self) -> None:
        """A length over the limit in place of the chunks: refused without being read, where the
        application would read up to the limit and take that for all of it."""
        said = b"\r\nContent-Length: %d\r\n" % (self.limit + 1)
        head = _CHUNKED.sub(said, bytes(self.data[: self._body]))
        self.data[:] = head
        self._whole_at = len(head)

    def _read_chunks(self) -> None:
        """Follows the sizes (RFC 9112 section 7.1) as far as they have come."""
        while self._chunk is not None and self._whole_at is None:
            if len(self.data) - (self._body or 0) > self.limit:
                self._declare_too_much()
                return
            line = _CHUNK_SIZE.match(self.data, self._chunk)
            if line is None:
                too_long = len(self.data) - self._chunk > MAX_HEAD
                self._whole_at = 0 if too_long else None
                return
            size = int(line[1], 16)
            if size:
                following = line.end() + size + len(b"\r\n")
                if following > len(self.data):
                    return
                self._chunk = following
                continue
            last = self.data.find(_HEAD_END, line.end() - 2)  # after trailers, if there are any
            if last >= 0:
                self._whole_at = last + len(_HEAD_END)
            return


class WholeRequests(ThreadWorker):
    """The worker. Everything here runs in its loop; only ``handle`` of gunicorn runs in threads."""

    def init_process(self) -> None:
        """Nothing is on its way yet."""
        self.limit: int = self.app.max_body_bytes  # type: ignore[attr-defined]
        self.arriving: dict[TConn, Arrival] = {}  # oldest first
        self.leaving: dict[TConn, tuple[float, int]] = {}  # until when; bytes still allowed
        super().init_process()

    def enqueue_req(self, conn: TConn) -> None:
        """A request begins, or the next one on a connection: receives what has come of it."""
        arrival = Arrival(self.limit, time.monotonic() + RECEIVE_SECONDS)
        if isinstance(conn.parser, RequestParser):
            arrival.add(conn.parser.unreader.take_buffered())
        else:
            _limit_waiting(conn.sock)
        conn.sock.setblocking(False)
        self.arriving[conn] = arrival
        self._poll(conn, self._receive)
        self._receive(conn)

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """An answer was written: the connection is kept for the next request, or left."""
        if fs.cancelled() or fs.exception() or not fs.result():
            self._leave(conn)
        else:
            super().finish_request(conn, fs)

    def murder_pending(self) -> None:
        """Also ends connections that were too slow, and the slowest when there are too many."""
        super().murder_pending()
        now = time.monotonic()
        for conn, arrival in list(self.arriving.items()):
            crowded = self.nr_conns > ROOM * self.worker_connections
            nothing_said = not self.alive and not arrival.data
            if arrival.until < now or crowded or nothing_said:
                self._end(conn, self.arriving)
        for conn, (until, _) in list(self.leaving.items()):
            if until < now:
                self._end(conn, self.leaving)

    def _receive(self, conn: TConn, _sock: Any = None) -> None:
        arrival = self.arriving[conn]
        data = b"" if arrival.is_whole else _read(conn)
        if data is None:
            return  # not yet
        arrival.add(data)
        if arrival.expects_continue:
            arrival.expects_continue = False
            _say(conn, CONTINUE)
        if arrival.is_whole:
            self._hand_over(conn)
        elif not data or self._is_too_much():
            self._end(conn, self.arriving)

    def _is_too_much(self) -> bool:
        """Together, unfinished requests may hold four of the largest."""
        return sum(len(a.data) for a in self.arriving.values()) > 4 * max(self.limit, MAX_HEAD)

    def _hand_over(self, conn: TConn) -> None:
        """A thread takes it: all it reads is there."""
        arrival = self.arriving.pop(conn)
        self.poller.unregister(conn.sock)
        conn.init()
        if isinstance(conn.parser, RequestParser):  # HTTP/1.1 is all that is spoken here
            conn.parser.unreader.unread(bytes(arrival.data))
        super().enqueue_req(conn)

    def _leave(self, conn: TConn) -> None:
        """Closes once the client has the answer: what it still sends is read and dropped, or the
        answer could be lost (RFC 9112 section 9.6)."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
            return
        self.leaving[conn] = (time.monotonic() + LEAVE_SECONDS, MAX_DISCARDED)
        self._poll(conn, self._discard)

    def _discard(self, conn: TConn, _sock: Any = None) -> None:
        data = _read(conn)
        if data is None:
            return
        until, allowed = self.leaving[conn]
        if not data or len(data) > allowed:
            self._end(conn, self.leaving)
        else:
            self.leaving[conn] = (until, allowed - len(data))

    def _poll(self, conn: TConn, readable: Callable[..., None]) -> None:
        self.poller.register(conn.sock, EVENT_READ, partial(readable, conn))

    def _end(self, conn: TConn, kept: dict[TConn, Any]) -> None:
        del kept[conn]
        self.poller.unregister(conn.sock)
        self._close(conn)

    def _close(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()


def _read(conn: TConn) -> bytes | None:
    """What has come; None when nothing has, empty when nothing will."""
    try:
        return bytes(conn.sock.recv(AT_ONCE))
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _say(conn: TConn, words: bytes) -> None:
    with suppress(OSError):  # the next read finds out
        conn.sock.send(words)


def _limit_waiting(sock: socket.socket) -> None:
    """No thread waits longer for a client that takes its answer slowly, or not at all."""
    seconds = struct.pack("ll", SEND_SECONDS, 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, seconds)
