"""The HTTP client for calls to other servers: checked addresses, one deadline, nothing kept.

Prevents SSRF by DNS rebinding: resolves a name once, checks all its addresses, connects to one of
these; TLS still verifies the name. The deadline covers every single read and write, so that a
server that sends slowly cannot hold a thread.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpcore
import httpx

from cds_service.access.addresses import may_call

MAX_RESOLVE_SECONDS = 5.0  # for a name where no deadline is set

_DEADLINE: ContextVar[float | None] = ContextVar("deadline", default=None)
# A name server that hangs holds these threads, not those that fetch.
_RESOLVER = ThreadPoolExecutor(8, thread_name_prefix="resolve")


class TooLarge(httpx.HTTPError):
    """A response over its size limit, or compressed: it could grow past any limit."""


@contextmanager
def deadline(until: float) -> Iterator[None]:
    """Ends everything this thread sends and receives inside at ``until`` (``time.monotonic``)."""
    token = _DEADLINE.set(until)
    try:
        yield
    finally:
        _DEADLINE.reset(token)


def outbound_client(allow_private: bool) -> httpx.Client:
    """Makes a client without redirects, cookies, proxies or compressed responses; thread-safe.

    Its calls raise ``httpx.HTTPError``, also where an address may not be called.
    """
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


def read_whole(response: httpx.Response, max_bytes: int) -> bytes:
    """Reads the body of a streamed response; raises TooLarge."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise TooLarge("the answer is packed")
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > max_bytes:
            raise TooLarge("the answer is over the size limit")
    return bytes(body)


class _Transport(httpx.BaseTransport):
    """Sends over a connection pool that opens connections with ``_Backend``.

    ``httpx.HTTPTransport`` takes no network backend, and a URL with the address in place of the
    name would let two names at one address share a TLS connection that was verified for one.
    """

    def __init__(self, allow_private: bool) -> None:
        self._connections = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=None,  # limited for each FHIR server, where calls start
            max_keepalive_connections=20,
            keepalive_expiry=30,
            network_backend=_Backend(allow_private),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        with _httpx_errors():
            response = self._connections.handle_request(
                httpcore.Request(
                    request.method,
                    httpcore.URL(
                        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(
            response.status, headers=response.headers, stream=_Body(response.stream)
        )

    def close(self) -> None:
        self._connections.close()


class _Body(httpx.SyncByteStream):
    """The body of a response as it arrives."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with _httpx_errors():
            yield from self._stream

    def close(self) -> None:
        self._stream.close()


@contextmanager
def _httpx_errors() -> Iterator[None]:
    """Raises httpcore's errors as those of httpx, which have the same names."""
    try:
        yield
    except (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.UnsupportedProtocol,
    ) as error:
        raise getattr(httpx, type(error).__name__)(str(error)) from None


class _Backend(httpcore.SyncBackend):
    """Connects to addresses that were checked, within the deadline."""

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
        """Raises ConnectError if the name resolves to any address that may not be called."""
        addresses = _resolve(host, port)
        if not addresses or not all(may_call(a, self.allow_private) for a in addresses):
            raise httpcore.ConnectError("the name resolves to an address that may not be called")
        for address in addresses:
            try:
                return _Stream(
                    super().connect_tcp(
                        address, port, _seconds_left(timeout), local_address, socket_options
                    )
                )
            except httpcore.ConnectError as error:
                failure = error
        raise failure


def _resolve(host: str, port: int) -> list[str]:
    lookup = _RESOLVER.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        found = lookup.result(timeout=_seconds_left(MAX_RESOLVE_SECONDS))
    except TimeoutError:
        lookup.cancel()
        raise httpcore.ConnectTimeout("the name is not resolved in time") from None
    except (OSError, UnicodeError):
        raise httpcore.ConnectError("the name cannot be resolved") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _seconds_left(timeout: float | None) -> float | None:
    """The smaller of a timeout and the time to the deadline; raises ReadTimeout after it."""
    until = _DEADLINE.get()
    if until is None:
        return timeout
    left = until - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the deadline has passed")
    return left if timeout is None else min(left, timeout)


class _Stream(httpcore.NetworkStream):
    """A connection that keeps the deadline of the thread that uses it."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self.stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, _seconds_left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, _seconds_left(timeout))

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(self.stream.start_tls(ssl_context, server_hostname, _seconds_left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)
