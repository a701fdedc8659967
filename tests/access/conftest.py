"""A hostile server, a client that fetches from it, and a verifier of tokens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cds_service.access.fhir_client import FhirClient
from cds_service.access.tokens import Verifier
from tests.access.fetching import LIMITS, Names
from tests.access.signing import by_url, client_of, good_keys, verifier_of, write_keys
from tests.support.hostile_fhir import HostileServer, resource


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


@pytest.fixture
def other() -> Iterator[HostileServer]:
    """Another server on this machine: nothing may ever arrive there."""
    with HostileServer() as other:
        yield other
        assert other.seen == []


@pytest.fixture
def client() -> Iterator[FhirClient]:
    """One for each test, because it remembers which servers did not answer."""
    client = FhirClient(LIMITS, threads=12)
    yield client
    client.close()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Every address a connection is opened to; nothing is connected."""
    import socket

    addresses: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], *_args: object, **_more: object) -> None:
        addresses.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    return addresses
