"""A verifier that knows one client with one EC and one RSA key."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hostile_fhir import HostileServer, resource

from cds_service.security import Verifier
from trust.signing import by_url, client_of, good_keys, verifier_of, write_keys


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return write_keys(tmp_path / "keys.json", *good_keys())


@pytest.fixture
def verifier(key_file: Path) -> Verifier:
    return verifier_of(client_of(key_file))


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with HostileServer() as server:
        yield server


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets seconds pass on the machine's clock."""
    passed = [0.0]
    real = time.monotonic

    def pass_by(seconds: float) -> None:
        passed[0] += seconds

    monkeypatch.setattr(time, "monotonic", lambda: real() + passed[0])
    return pass_by


@pytest.fixture
def served(server: HostileServer) -> Verifier:
    """A verifier whose keys a server has."""
    server.on("keys", resource({"keys": good_keys()}))
    return verifier_of(by_url(f"{server.base}/keys"))
