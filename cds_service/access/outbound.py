"""The HTTP client for calls to other servers: checked addresses, one deadline, nothing kept.

The address a name resolves to is checked at the moment of connecting, so that a name cannot be
pointed elsewhere in between. The deadline covers every read and write, so that a server that drips
cannot hold a thread.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from contextlib import contextmanager
from contextvars import ContextVar
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpcore
import httpx

from cds_service.access.addresses import may_call

_UNTIL: ContextVar[float | None] = ContextVar("until", default=None)
SLOWEST_NAME = 5.0  # seconds to resolve a name where no deadline is set

# A name server that hangs pins these threads, not those that fetch.
_RESOLVER = ThreadPoolExecutor(8, thread_name_prefix="resolve")


@contextmanager
def deadline(until: float) -> Iterator[None]:
    """Everything sent and read by this thread inside ends at ``until`` (``time.monotonic``)."""
    token = _UNTIL.set(until)
    try:
        yield
    finally:
        _UNTIL.reset(token)


def outbound_client(allow_private: bool) -> httpx.Client:
    """A client without redirects, cookies, proxies or packed answers."""
    return httpx.Client(
        transport=_Transport(allow_private),
        follow_redirects=False,
        trust_env=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={
            "Accept": "application/fhir+json, application/json",
            "Accept-Encoding": "identity",
        },
    )


class _Transport(httpx.HTTPTransport):
    """A transport whose every connection goes to an address that was checked."""

    def __init__(self, allow_private: bool) -> None:
        super().__init__(trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=30,
            network_backend=_Backend(allow_private),
        )


class TooLarge(httpx.HTTPError):
    """An answer over its limit, or packed: it could unfold past any limit."""


def read_whole(response: httpx.Response, largest: int) -> bytes:
    """The body of a streamed answer; raises TooLarge."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise TooLarge("the answer is packed")
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > largest:
            raise TooLarge("the answer is over the size limit")
    return bytes(body)


class _Backend(httpcore.SyncBackend):
    """Resolves a name once, checks all its addresses, and connects to the first that answers."""

    def __init__(self, allow_private: bool) -> None:
        self.allow_private = allow_private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Raises ConnectError when the name resolves to any address that may not be called."""
        addresses = _resolve(host, port)
        if not addresses or not all(may_call(a, self.allow_private) for a in addresses):
            raise httpcore.ConnectError("the name resolves to an address that may not be called")
        for place, address in enumerate(addresses):
            try:
                stream = super().connect_tcp(
                    address, port, _left(timeout), local_address, socket_options
                )
                return _Stream(stream)
            except httpcore.ConnectError:
                if place == len(addresses) - 1:
                    raise
        raise httpcore.ConnectError("no address answered")


def _resolve(host: str, port: int) -> list[str]:
    asked = _RESOLVER.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        found = asked.result(timeout=_left(SLOWEST_NAME))
    except TooSlow:
        asked.cancel()
        raise httpcore.ConnectTimeout("the name is not resolved in time") from None
    except (OSError, UnicodeError):
        raise httpcore.ConnectError("the name cannot be resolved") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _left(timeout: float | None) -> float | None:
    """The time left of a timeout and the deadline; raises when there is none."""
    until = _UNTIL.get()
    if until is None:
        return timeout
    left = until - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the deadline has passed")
    return left if timeout is None else min(left, timeout)


class _Stream(httpcore.NetworkStream):
    """A connection that keeps the deadline of whoever uses it."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self.stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, _left(timeout))

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(self.stream.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)
