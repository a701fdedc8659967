"""``python -m demo``: one command starts three servers, and one signal stops them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.hostile_fhir import until

HOST = "127.0.0.1"
SECONDS = 60


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind((HOST, 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


class Running:
    """The demo in a process of its own, and what it printed."""

    def __init__(self, folder: Path, ports: list[int]) -> None:
        self.service, self.fhir, self.clinic = (f"http://{HOST}:{port}" for port in ports)
        self.log = folder / "log"
        names = ("--port", "--fhir-port", "--clinic-port")
        options = [str(x) for pair in zip(names, ports, strict=True) for x in pair]
        clean = {k: v for k, v in os.environ.items() if not k.startswith("CDS_")}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "demo", "--fresh", *options],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=clean | {"PYTHONUNBUFFERED": "1", "CDS_AUTH": "off"},
                cwd=folder,
            )

    def says(self, words: str) -> bool:
        """Whether the words are printed before the process ends or the time is up."""
        until(lambda: words in self.log.read_text() or self.process.poll() is not None, SECONDS)
        return words in self.log.read_text()


@contextmanager
def running(folder: Path, ports: list[int]) -> Iterator[Running]:
    """Stopped by SIGTERM at the end, as a terminal or a container would."""
    demo = Running(folder, ports)
    try:
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.process.send_signal(signal.SIGTERM)
        demo.process.wait(SECONDS)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def test_one_command_starts_all_and_one_signal_stops_all(tmp_path: Path) -> None:
    ports = free_ports(3)
    with running(tmp_path, ports) as demo:
        assert demo.says(f"Open the clinic: {demo.clinic}"), demo.log.read_text()

        assert answers(f"{demo.service}/cds-services")
        assert answers(f"{demo.fhir}/fhir/Patient/maya-torres")
        assert "Maya Torres" in httpx.get(demo.clinic, trust_env=False).text
        assert demo.service in demo.log.read_text()

    assert demo.process.returncode == 0, demo.log.read_text()
    assert not any(map(answers, (demo.service, demo.fhir, demo.clinic)))
    assert "Torres" not in demo.log.read_text()


def test_without_its_port_the_clinic_is_left_out_and_the_service_runs(tmp_path: Path) -> None:
    ports = free_ports(3)
    with socket.socket() as taken:
        taken.bind((HOST, ports[2]))
        taken.listen()
        with running(tmp_path, ports) as demo:
            assert demo.says(f"needs port {ports[2]}, and something else is using it")
            assert until(lambda: answers(f"{demo.service}/health/live"), SECONDS)

            assert not answers(f"{demo.fhir}/fhir/metadata")
    assert demo.process.returncode == 0
    assert "choose another port with python -m demo --clinic-port" in demo.log.read_text()


def test_without_the_services_port_nothing_starts_and_a_line_says_what_to_do(
    tmp_path: Path,
) -> None:
    ports = free_ports(3)
    with socket.socket() as taken:
        taken.bind((HOST, ports[0]))
        taken.listen()
        with running(tmp_path, ports) as demo:
            assert demo.says(f"The service needs port {ports[0]}")
            assert demo.process.wait(SECONDS) == 2

    assert "choose another port with PORT=..." in demo.log.read_text()
    assert not any(map(answers, (demo.fhir, demo.clinic)))
