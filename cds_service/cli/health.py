"""``cds-service health``: whether the service on this machine is ready, for container engines."""

from __future__ import annotations

import http.client
from argparse import Namespace
from http import HTTPStatus

SECONDS = 4.0  # for the whole answer; container engines wait 5 s
HOST = "127.0.0.1"  # never through a proxy: the request does not leave the container


def run(options: Namespace) -> int:
    """Prints one line; returns 0 when the answer is 200, else 1."""
    path = options.path or ("/health/live" if options.live else "/health/ready")
    connection = http.client.HTTPConnection(HOST, options.port, timeout=SECONDS)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        print(f"{path}: no answer on port {options.port} ({type(error).__name__})")
        return 1
    finally:
        connection.close()
    print(f"{path}: {status} {http.client.responses.get(status, '')}".rstrip())
    return 0 if status == HTTPStatus.OK else 1
