"""Single requests, and bytes as they are."""

import json
import socket
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPResponse
from typing import Any

PATIENCE = 60  # seconds


def ask(
    port: int, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, Any]:
    """Status and JSON of one request over a connection of its own; a body is posted."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET" if body is None else "POST", path, body, dict(headers or {}))
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def head(path: str, length: int | None, *more: str) -> bytes:
    """The head of a POST of JSON; without a length it is sent in chunks."""
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    first = f"POST {path} HTTP/1.1"
    lines = (first, "Host: 127.0.0.1", "Content-Type: application/json", size, *more, "", "")
    return "\r\n".join(lines).encode()


def connected(port: int) -> socket.socket:
    """A connection to write bytes to."""
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def status_of(connection: socket.socket) -> int:
    """The status of the next answer, read to its end."""
    response = HTTPResponse(connection)
    response.begin()
    response.read()
    return response.status
