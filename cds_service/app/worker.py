"""gunicorn's worker that runs Waitress: whole requests, in one loop beside a few threads."""

from __future__ import annotations

import ctypes
import os
import time
from contextlib import suppress
from operator import attrgetter
from socket import socket
from types import FrameType
from typing import Any

from gunicorn.workers.base import Worker
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer
from waitress.wasyncore import poll2

from cds_service.app.connections import IDLE_SECONDS, Connection, Overloaded

MAX_CONNECTIONS = 500  # of a worker; beyond ROOM of them the oldest waiting ones are closed
ROOM = 0.9
MAX_HEAD_BYTES = 65_536
SMALL_BYTES = 65_536  # a body up to this is always taken
ORDINARY_BYTES = 1_000_000
MAX_ORDINARY_BYTES = 8_000_000  # of ordinary bodies and answers in a worker's memory
MAX_LARGE_BYTES = 2_000_000  # of the larger ones, beside one of the largest size
STOP_IDLE_SECONDS = 2.0  # for a request that is on its way when the worker stops
M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES = -3, 131_072  # of malloc.h; its own first value
IN_MEMORY = 1 << 40  # bytes: nothing about a patient is ever written to a temporary file


class Listener(TcpWSGIServer):
    """Waitress over a socket of gunicorn's, with bounds for what waits."""

    channel_class = Connection
    stopping = False

    def readable(self) -> bool:
        """Accepts while there is room."""
        return not self.stopping and bool(super().readable())

    def add_task(self, task: Connection) -> None:
        """Hands a request to the threads; a refusal is answered in place."""
        if task.requests[0].error:
            task.service()
        else:
            super().add_task(task)

    def handle_accept(self) -> None:
        """Accepts a connection; the oldest one that waits for its client goes when there are too
        many."""
        super().handle_accept()
        if len(self.active_channels) > ROOM * self.adj.connection_limit:
            waiting = (c for c in self.channels() if c.phase != "working")
            if oldest := next(waiting, None):
                oldest.handle_close()

    def limit_held_bytes(self, connection: Connection) -> None:
        """Refuses the largest unfinished requests (503) while more is held than may be. Small
        bodies are always taken; ordinary and large ones have a limit each, so that a flood of
        large bodies does not refuse ordinary calls."""
        if connection.held_bytes <= SMALL_BYTES:
            return
        large = connection.held_bytes > ORDINARY_BYTES
        alike = [c for c in self.channels() if (c.held_bytes > ORDINARY_BYTES) == large]
        waiting = sorted((c for c in alike if c.phase != "working"), key=attrgetter("held_bytes"))
        most = self.adj.max_request_body_size + MAX_LARGE_BYTES if large else MAX_ORDINARY_BYTES
        while waiting and sum(c.held_bytes for c in alike) > most:
            alike.remove(waiting[-1])
            waiting.pop().give_up(Overloaded(""))

    def channels(self) -> list[Connection]:
        """The open connections, oldest first."""
        return list(self.active_channels.values())

    def maintenance(self, _now: float) -> None:
        """Ends what takes too long; Waitress calls it every second."""
        for connection in self.channels():
            connection.check_time(time.monotonic())

    def stop(self, seconds: float) -> None:
        """Accepts nothing more, and answers what is at hand for at most these seconds. An idle
        connection stays for a moment: a request may be on its way to it."""
        self.stopping = True
        now = time.monotonic()
        while self.active_channels and time.monotonic() < now + seconds:
            self.turn()
            for connection in self.channels():
                if connection.phase == "idle" and time.monotonic() > now + STOP_IDLE_SECONDS:
                    connection.handle_close()

    def turn(self) -> None:
        """Waits for the next event, a second at most, and deals with it."""
        poll2(1.0, self._map)


def listen(
    application: Any, bound: socket, max_body_bytes: int, threads: int, connections: int
) -> Listener:
    """Waitress on a bound socket; ``max_body_bytes`` is the largest body that is taken."""
    return Listener(
        application,
        _sock=bound,
        bind_socket=False,
        sockinfo=(bound.family, bound.type, bound.proto, bound.getsockname()),
        adj=Adjustments(
            threads=threads,
            ident="",  # no Server header
            connection_limit=connections,
            channel_timeout=IDLE_SECONDS,
            cleanup_interval=1,
            inbuf_overflow=IN_MEMORY,
            outbuf_overflow=IN_MEMORY,
            outbuf_high_watermark=IN_MEMORY,  # a thread never waits for a client
            max_request_header_size=MAX_HEAD_BYTES,
            max_request_body_size=max_body_bytes + 1,
            log_socket_errors=False,
            clear_untrusted_proxy_headers=False,  # the application decides whom it trusts
        ),
    )


class WaitressWorker(Worker):
    """One worker process: started, reloaded and stopped by gunicorn's master."""

    listener: Listener

    def run(self) -> None:
        """Serves until told to stop, then until the requests at hand are answered."""
        _return_large_blocks()
        bound = self.sockets[0].sock  # type: ignore[attr-defined] # gunicorn's wrapper
        limit = self.app.max_body_bytes  # type: ignore[attr-defined] # of our Server
        self.listener = listen(self.wsgi, bound, limit, self.cfg.threads, MAX_CONNECTIONS)
        while self.alive and self.ppid == os.getppid():
            self.notify()  # or the master takes the worker for stuck
            self.listener.turn()
        self.listener.stop(self.cfg.graceful_timeout)

    def handle_exit(self, _signal: int, _frame: FrameType | None) -> None:
        """SIGTERM, also at a reload."""
        self.alive = False
        if "listener" in self.__dict__:
            self.listener.pull_trigger()


def _return_large_blocks() -> None:
    """Gives the memory of each large body back to the system. Without this, the C library (glibc)
    learns from the first ones to keep it for later, and a worker stays as large as its peak."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)
