"""Which addresses may be called: public ones, private ones with leave, some never."""

from __future__ import annotations

import socket

import pytest

from cds_service.access.fhir_access import FhirPolicy
from cds_service.access.fhir_client import FhirClient
from tests.access.fetching import PATIENT, PERSON, Names, allowed, asked, one, words
from tests.support.hostile_fhir import HostileServer, resource

EHR = "https://fhir.example.org/r4"
PUBLIC = "93.184.216.34"
UNREACHABLE = "could not be read: the FHIR server cannot be reached"
PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "10.0.0.7",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "::1",
    "fd00::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.7",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "::127.0.0.1",
    "fec0::1",
]
NEVER = [
    "169.254.169.254",
    "169.254.0.1",
    "::ffff:169.254.169.254",
    "fe80::1",
    "fe80::1%1",
    "0.0.0.0",
    "::",
    "::ffff:0.0.0.0",
    "224.0.0.1",
    "ff02::1",
    "255.255.255.255",
    "fd00:ec2::254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "::169.254.169.254",
    "168.63.129.16",
    "192.0.0.1",
    "192.0.0.192",
    "64:ff9b::c000:c0",
    "fd20:ce::254",
    "100.100.100.200",
    "64:ff9b:1::a9fe:a9fe",
    "::ffff:0:169.254.169.254",
]


@pytest.mark.requirement("3.10")
@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:220:1::1"])
@pytest.mark.parametrize("private", [False, True])
def test_a_public_address_is_called(
    address: str, private: bool, client: FhirClient, names: Names, dialled: list[tuple[str, int]]
) -> None:
    names.known["fhir.example.org"] = [address]

    client.fetch(asked(EHR), PATIENT, FhirPolicy((EHR,), allow_private=private))

    assert dialled == [(address, 443)]


@pytest.mark.requirement("3.10")
@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_called_only_when_the_operator_said_so(
    address: str, client: FhirClient, names: Names, dialled: list[tuple[str, int]]
) -> None:
    names.known["fhir.example.org"] = [address]

    refused = client.fetch(asked(EHR), PATIENT, FhirPolicy((EHR,)))["patient"]
    assert words(refused) == UNREACHABLE
    assert dialled == []

    client.fetch(asked(EHR), PATIENT, FhirPolicy((EHR,), allow_private=True))
    assert dialled == [(address, 443)]


@pytest.mark.requirement("3.10")
@pytest.mark.parametrize("address", NEVER)
def test_some_addresses_are_never_called(
    address: str, client: FhirClient, names: Names, dialled: list[tuple[str, int]]
) -> None:
    names.known["fhir.example.org"] = [address]

    for private in (False, True):
        outcome = client.fetch(asked(EHR), PATIENT, FhirPolicy((EHR,), allow_private=private))
        assert words(outcome["patient"]) == UNREACHABLE

    assert dialled == []


@pytest.mark.requirement("3.10")
@pytest.mark.parametrize(
    "host",
    ["10.0.0.7", "[::1]", "[::ffff:10.0.0.7]", "169.254.169.254", "2130706433", "0x7f.1", "127.1"],
)
def test_an_address_in_place_of_a_name_is_checked_too(
    host: str, client: FhirClient, dialled: list[tuple[str, int]]
) -> None:
    base = f"https://{host}/r4"

    outcome = client.fetch(asked(base), PATIENT, FhirPolicy((base,)))["patient"]

    assert words(outcome).startswith("could not be read")
    assert dialled == []


@pytest.mark.requirement("3.10")
@pytest.mark.parametrize(
    "addresses", [[PUBLIC, "10.0.0.7"], ["10.0.0.7", PUBLIC], [PUBLIC, "169.254.169.254"]]
)
def test_one_private_address_among_several_is_enough_to_refuse(
    addresses: list[str], client: FhirClient, names: Names, dialled: list[tuple[str, int]]
) -> None:
    names.known["fhir.example.org"] = addresses

    outcome = client.fetch(asked(EHR), PATIENT, FhirPolicy((EHR,)))["patient"]

    assert words(outcome) == UNREACHABLE
    assert dialled == []


@pytest.mark.requirement("3.10")
def test_the_connection_goes_to_the_address_that_was_checked(
    client: FhirClient, names: Names, dialled: list[tuple[str, int]]
) -> None:
    names.known["fhir.example.org"] = [PUBLIC]

    client.fetch(asked(EHR), PATIENT, FhirPolicy((EHR,)))

    assert names.asked == ["fhir.example.org"]  # a second look could be answered differently
    assert dialled == [(PUBLIC, 443)]


def test_the_second_address_of_a_name_is_tried(
    client: FhirClient, names: Names, server: HostileServer
) -> None:
    names.known["localhost"] = ["::1", "127.0.0.1"]  # the server listens on the second only
    server.on("Patient/person", resource(PERSON))
    base = f"http://localhost:{server.port}/fhir"

    assert client.fetch(asked(base), PATIENT, allowed(base)) == {"patient": PERSON}


def test_a_loopback_server_is_out_of_reach_without_leave(
    client: FhirClient, server: HostileServer
) -> None:
    policy = FhirPolicy((server.base,), allow_private=False, allow_http=True)

    outcome = client.fetch(asked(server.base), PATIENT, policy)["patient"]

    assert words(outcome) == UNREACHABLE
    assert server.seen == []


def test_leave_for_one_client_is_not_leave_for_another(
    client: FhirClient, server: HostileServer
) -> None:
    server.on("Patient/person", resource(PERSON))
    one(client, server)  # leaves a connection open
    server.forget()
    policy = FhirPolicy((server.base,), allow_private=False, allow_http=True)

    outcome = client.fetch(asked(server.base), PATIENT, policy)["patient"]

    assert words(outcome) == UNREACHABLE
    assert server.seen == []


def test_a_name_nobody_knows(client: FhirClient, names: Names) -> None:
    assert names.known == {}

    outcome = client.fetch(asked(EHR), PATIENT, FhirPolicy((EHR,)))["patient"]

    assert words(outcome) == UNREACHABLE


def test_a_refused_connection(client: FhirClient) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers here
        base = f"http://127.0.0.1:{taken.getsockname()[1]}/fhir"

        outcome = client.fetch(asked(base), PATIENT, allowed(base))["patient"]

    assert words(outcome) == UNREACHABLE


def test_proxies_of_the_environment_are_not_used(
    monkeypatch: pytest.MonkeyPatch, server: HostileServer, other: HostileServer
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, other.origin)
    server.on("Patient/person", resource(PERSON))
    client = FhirClient()

    found = one(client, server)

    client.close()
    assert found == PERSON
