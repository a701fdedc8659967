"""A hostile FHIR server and a client of it, ended after each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hostile_fhir import HostileServer

from cds_service.fhir_client import FhirClient
from fetching.asking import LIMITS, Names


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with HostileServer() as server:
        yield server


@pytest.fixture
def other() -> Iterator[HostileServer]:
    """Another server on this machine: nothing may ever arrive there."""
    with HostileServer() as other:
        yield other
        assert other.seen == []


@pytest.fixture(scope="session")
def client() -> Iterator[FhirClient]:
    """One for all tests, as there is one for all calls of a process."""
    client = FhirClient(LIMITS, threads=12)
    yield client
    client.close()
    client.pool.shutdown(wait=True)


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
