"""The demo's own two servers beside the FHIR server: the service in a process, the clinic in a
thread. Everything listens on the loopback address, each on a port and so an origin of its own."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
from flask import Flask
from werkzeug.serving import make_server

HOST = "127.0.0.1"
COMMAND = Path(sys.executable).with_name("cds-service")
READY_SECONDS = 30
STOP_SECONDS = 20


class PortTaken(RuntimeError):
    """Something else listens there; the message says what to do."""

    def __init__(self, what: str, port: int, option: str) -> None:
        super().__init__(
            f"{what} needs port {port}, and something else is using it. "
            f"Stop that, or choose another port with {option}."
        )


@dataclass(frozen=True)
class Ports:
    """Where the servers listen."""

    service: int
    fhir: int
    clinic: int


def listen(port: int, what: str, option: str) -> socket.socket:
    """A socket on the port; raises PortTaken."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen()
    except OSError:
        listening.close()
        raise PortTaken(what, port, option) from None
    return listening


class ServiceProcess:
    """The service as everybody runs it, ``cds-service serve``, in a process of its own."""

    def __init__(self, port: int, settings: Mapping[str, str]) -> None:
        listen(port, "The service", "PORT=...").close()
        self.base = f"http://{HOST}:{port}"
        command = [str(COMMAND), "serve", "--host", HOST, "--port", str(port)]
        self.process = subprocess.Popen(command, env={**os.environ, **settings})

    def wait_until_ready(self) -> None:
        """Returns when it answers; raises RuntimeError when it ended or took too long."""
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError("the service did not start; the lines above say why")
            try:
                httpx.get(f"{self.base}/health/live", timeout=1, trust_env=False)
                return
            except httpx.HTTPError:
                time.sleep(0.05)
        raise RuntimeError(f"the service did not answer within {READY_SECONDS} seconds")

    def stop(self) -> None:
        """Ends it: asked first, then made to."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class ClinicServer:
    """A WSGI application on a listening socket, in a thread."""

    def __init__(self, app: Flask, listening: socket.socket) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # its lines name who was looked at
        _, port = listening.getsockname()
        self._server = make_server(HOST, port, app, threaded=True, fd=listening.fileno())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends it and frees the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
