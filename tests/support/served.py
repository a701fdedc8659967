"""The service as operators run it: ``cds-service serve`` in a process of its own, on loopback."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.clinic import ROOT

SCRIPT = Path(sys.executable).parent / "cds-service"
PATIENCE = 60  # seconds, on a machine that does other things as well


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment() -> dict[str, str]:
    """The environment without settings of ours."""
    return {k: v for k, v in os.environ.items() if not k.startswith("CDS_")}


class Served:
    """One running server: its port, its process, and what it printed."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.log = log

    def told(self) -> str:
        """Everything printed so far."""
        return self.log.read_text()

    def lines(self, **fields: Any) -> list[dict[str, Any]]:
        """The JSON log lines with these values."""
        said = (json.loads(line) for line in self.told().splitlines() if line.startswith("{"))
        return [line for line in said if fields.items() <= line.items()]

    def fetch(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, str, Mapping[str, str]]:
        """Status, text and headers of an answer, over a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        sent = {"Content-Type": "application/json", **headers}
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), dict(answer.getheaders())
        finally:
            connection.close()

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        status, text, _ = self.fetch(method, path, body)
        return status, json.loads(text)

    def wait_for(self, true: Callable[[], Any]) -> Any:
        """What ``true`` gives once it is something; fails when that takes too long."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.told()
            try:
                if found := true():
                    return found
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"it did not come true: {self.told()}")


@contextmanager
def served(
    folder: Path, port: int | None = None, ready: int = 200, **settings: str
) -> Iterator[Served]:
    """A server that keeps its files in a folder; it has to end well when told to. ``ready`` is the
    status of ``/health/ready`` that says it has started."""
    port, log = port or free_port(), folder / "serve.log"
    given = {
        "CDS_AUTH": "off",
        "CDS_WORKERS": "1",
        "CDS_DATABASE_URL": f"sqlite:///{folder}/cds.sqlite3",
        "CDS_KEY_FILE": f"{folder}/cds.key",
    }
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(SCRIPT), "serve", "--host", "127.0.0.1", "--port", str(port)],
            stdout=out,
            stderr=subprocess.STDOUT,
            env=clean_environment() | given | settings | {"PYTHONUNBUFFERED": "1"},
            cwd=ROOT,
        )
        server = Served(process, port, log)
        try:
            server.wait_for(lambda: server.ask("GET", "/health/ready")[0] == ready)
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=PATIENCE)
    assert process.returncode == 0, log.read_text()
