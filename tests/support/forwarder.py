"""A TCP forwarder in front of a PostgreSQL server: a network that is slow, or gone.

What arrives is passed on after ``delay`` seconds, in each direction, so a question and its answer
take twice that, as on a real line: much may be under way at once.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy.engine import URL, make_url

from tests.support.databases import PostgresDatabase


class _End(asyncio.Protocol):
    """One end of a connection: hands what it receives to the other end, later."""

    def __init__(self, forwarder: Forwarder) -> None:
        self.forwarder = forwarder
        self.transport: asyncio.Transport | None = None
        self.other: _End | None = None
        self.early: list[bytes] = []  # received before the other end was there

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.forwarder.ends.add(self)
        if self.other is None:
            self.forwarder.tasks.append(asyncio.ensure_future(self._join()))

    async def _join(self) -> None:
        loop = asyncio.get_running_loop()
        other = _End(self.forwarder)
        other.other = self
        path = f"{self.forwarder.folder}/.s.PGSQL.{self.forwarder.server_port}"
        await loop.create_unix_connection(lambda: other, path)
        self.other = other
        for data in self.early:
            self._hand_on(data)

    def data_received(self, data: bytes) -> None:
        self.early.append(data) if self.other is None else self._hand_on(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self.forwarder.ends.discard(self)
        if self.other is not None and self.other.transport is not None:
            self._later(self.other.transport.close)

    def _hand_on(self, data: bytes) -> None:
        assert self.other is not None
        assert self.other.transport is not None
        self._later(self.other.transport.write, data)

    def _later(self, call: Any, *arguments: Any) -> None:
        asyncio.get_running_loop().call_later(self.forwarder.delay, call, *arguments)


class Forwarder:
    """Listens on loopback in front of a server's Unix socket; ``delay`` may be changed at will."""

    def __init__(self, database: PostgresDatabase, delay: float) -> None:
        server = make_url(database.url)
        self.delay = delay
        self.folder = str(server.query["host"])
        self.server_port = server.port or int(server.query.get("port", 5432))
        self.ends: set[_End] = set()
        self.tasks: list[asyncio.Future[None]] = []
        self._server_url = server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._listener: asyncio.Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """The database's address through the forwarder."""
        through: URL = self._server_url.set(host="127.0.0.1", port=self.port, query={})
        return through.render_as_string(hide_password=False)

    def start(self) -> None:
        """Begins to listen, on the port that it had before."""
        self._run(self._listen())

    def cut(self) -> None:
        """Ends all connections and listens no more."""
        self._run(self._close())

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: _End(self), "127.0.0.1", self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
        for end in list(self.ends):
            if end.transport is not None:
                end.transport.abort()

    def _run(self, work: Any) -> None:
        if not self._thread.is_alive():
            self._thread.start()
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def end(self) -> None:
        """Ends the thread."""
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def forwarded(database: PostgresDatabase, delay: float) -> Iterator[Forwarder]:
    """A forwarder that adds ``delay`` seconds each way, until the block ends."""
    forwarder = Forwarder(database, delay)
    forwarder.start()
    try:
        yield forwarder
    finally:
        forwarder.end()
