"""Where a call may go: allowed bases, checked addresses, no redirects, pages at home only."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from cds_service.access.addresses import read_address
from cds_service.access.fhir_access import FhirPolicy
from cds_service.access.fhir_client import FhirClient
from tests.access.fetching import CONDITIONS, PATIENT, PERSON, Names, allowed, asked, one, words
from tests.support.hostile_fhir import HostileServer, resource

NOT_ALLOWED = "was not sent, and fhirServer is not one allowed for this client"
UNREACHABLE = "could not be read: the FHIR server cannot be reached"
EHR = "https://fhir.example.org/r4"
PUBLIC = "93.184.216.34"


# -- bases ---------------------------------------------------------------------------------


@pytest.mark.requirement("3.4")
@pytest.mark.requirement("3.10")
@pytest.mark.parametrize(
    ("policy", "changes", "why"),
    [
        (allowed(EHR), {"fhir_server": None}, "and no fhirServer was given to fetch it from"),
        (FhirPolicy(), {}, "and no FHIR server is allowed for this client"),
        (FhirPolicy((EHR,)), {"fhir_server": "http://fhir.example.org/r4"}, "is not one allowed"),
        (
            allowed("http://fhir.example.org/r4"),
            {"fhir_server": "http://fhir.example.org/r4"},
            "and fhirServer is not https",
        ),
        (
            FhirPolicy(("http://127.0.0.1/r4",), allow_private=True),
            {"fhir_server": "http://127.0.0.1/r4"},
            "and fhirServer is not https",
        ),
        (allowed(EHR), {"token_patient": "another"}, "fhirAuthorization is for another patient"),
    ],
    ids=["no-server", "none-allowed", "other-scheme", "http", "http-loopback", "token-patient"],
)
def test_why_nothing_is_fetched_is_said_for_every_key(
    policy: FhirPolicy,
    changes: dict[str, Any],
    why: str,
    client: FhirClient,
    dialled: list[tuple[str, int]],
) -> None:
    request = asked(changes.pop("fhir_server", EHR), **changes)

    found = client.fetch(request, PATIENT | CONDITIONS, policy)

    assert sorted(found) == ["conditions", "patient"]
    for outcome in found.values():
        assert words(outcome).startswith("was not sent, and ")
        assert why in words(outcome)
    assert dialled == []


@pytest.mark.requirement("3.10")
@pytest.mark.parametrize(
    "base",
    [
        "https://fhir.example.org:99999/r4",
        "https://fhir.example.org:x/r4",
        "https://[::1/r4",
        "https://me:pw@fhir.example.org/r4",
        "https://me@fhir.example.org/r4",
        "https://:pw@fhir.example.org/r4",
        "https://@fhir.example.org/r4",
        "https://fhir.example.org/r4?x=1",
        "https://fhir.example.org/r4#x",
        "https://fhir.example.org/r4?",
        "https://fhir.example.org/r4#",
        "https://fhir.example.org",
        "https://fhir.example.org/",
        "https://fhir.example.org/R4",
        "https://fhir.example.org/r4/other",
        "https://fhir.example.org/r4/../r4",
        "https://fhir.example.org/./r4",
        "https://fhir.example.org//r4",
        "https://fhir.example.org/r%34",
        "https://fhir.example.org/r4;x",
        "https://fhir.example.org:8443/r4",
        "https://fhir.example.org:80/r4",
        "https://fhir.example.org.evil.example/r4",
        "https://fhir.example.org@evil.example/r4",
        "https://fhir.example.org:443@evil.example/r4",
        "https://fhir.example.org\\@evil.example/r4",
        "https://evil.example/fhir.example.org/r4",
        "https://evil.example#@fhir.example.org/r4",
        "https://evil.example?@fhir.example.org/r4",
        "https://sub.fhir.example.org/r4",
        "https://fhir.example.org./r4",
        "https://xn--fhir-.example.org/r4",
        "https://ﬁhir.example.org/r4",
        "http://fhir.example.org:443/r4",
        "ftp://fhir.example.org/r4",
        "file:///r4",
        "https:///r4",
        "r4",
        "",
    ],
)
def test_a_base_that_is_not_the_allowed_one_is_not_called(
    base: str, client: FhirClient, dialled: list[tuple[str, int]]
) -> None:
    outcome = client.fetch(asked(base), PATIENT, FhirPolicy((EHR,)))["patient"]

    assert words(outcome) == NOT_ALLOWED
    assert dialled == []


@pytest.mark.parametrize("listed", ["https://fhir.example.org:99999/r4", "https://[::1/r4", "url"])
def test_an_odd_listed_base_is_no_harm(
    listed: str, client: FhirClient, dialled: list[tuple[str, int]]
) -> None:
    policy = FhirPolicy((listed, "https://other.example"))

    assert words(client.fetch(asked(EHR), PATIENT, policy)["patient"]) == NOT_ALLOWED
    assert dialled == []


@pytest.mark.parametrize(
    "base",
    [EHR, f"{EHR}/", f"{EHR}//", "https://fhir.example.org:443/r4", "HTTPS://FHIR.Example.ORG/r4"],
)
@pytest.mark.parametrize("listed", [EHR, f"{EHR}/", "https://FHIR.example.org:443/r4"])
def test_one_base_may_be_written_in_several_ways(
    base: str, listed: str, client: FhirClient, names: Names, dialled: list[tuple[str, int]]
) -> None:
    names.known["fhir.example.org"] = [PUBLIC]

    outcome = client.fetch(asked(base), PATIENT, FhirPolicy((listed,)))["patient"]

    assert words(outcome) == UNREACHABLE  # it was tried
    assert dialled == [(PUBLIC, 443)]


@pytest.mark.parametrize("end", ["", "/", "//"])
def test_a_slash_at_the_end_of_the_base_is_not_doubled(
    end: str, client: FhirClient, server: HostileServer
) -> None:
    server.on("Patient/person", resource(PERSON))

    assert one(client, server, base=server.base + end) == PERSON
    assert server.targets == ["/fhir/Patient/person"]


def test_a_base_without_a_path(client: FhirClient, server: HostileServer) -> None:
    server.answers["/Patient/person"] = resource(PERSON)

    found = client.fetch(asked(server.origin), PATIENT, allowed(server.origin))

    assert found == {"patient": PERSON}


def test_several_bases_may_be_allowed(client: FhirClient, server: HostileServer) -> None:
    server.on("Patient/person", resource(PERSON))

    assert client.fetch(asked(server.base), PATIENT, allowed(EHR, server.base)) == {
        "patient": PERSON
    }


@pytest.mark.requirement("3.10")
@pytest.mark.parametrize(
    "odd",
    [
        "/r4;x",
        ";/r4",
        "/r4/%2e%2e/other",
        "/r4/%252e%252e/other",
        "/r4/%25252E./other",
        "/r4/..%2fother",
        "/r4/..\\other",
        "/r4/.",
        "/r4/\u00ad",
        "/r4 ",
        "/\t",
        "/\x7f",
        "/\x00",
        "\uff0fr4",
    ],
)
def test_odd_addresses_are_none(odd: str) -> None:
    assert read_address(f"https://fhir.example.org{odd}") is None


@pytest.mark.requirement("3.10")
@pytest.mark.parametrize("path", ["", "/r4", "/fhir/R4/", "/a%20b", "/r4..x", "/~user/$x,y'(z)!"])
def test_plain_addresses_are_read(path: str) -> None:
    address = read_address(f"https://FHIR.example.org{path}")

    assert address == ("https", "fhir.example.org", 443, path.rstrip("/"))


# -- what is asked -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("patient", "sent"),
    [
        ("person", "person"),
        ("a.b-C_1~", "a.b-C_1~"),
        ("a&b=c", "a%26b%3Dc"),
        ("50%", "50%25"),
        ("%2e%2e", "%252e%252e"),
        ("urn:uuid:1", "urn%3Auuid%3A1"),
        ("a+b;c,d", "a%2Bb%3Bc%2Cd"),
        ("{{context.encounterId}}", "%7B%7Bcontext.encounterId%7D%7D"),
        ("é李", "%C3%A9%E6%9D%8E"),
    ],
)
def test_ids_are_percent_encoded(
    patient: str, sent: str, client: FhirClient, server: HostileServer
) -> None:
    client.fetch(
        asked(server.base, patient_id=patient, encounter_id="vi$it"),
        PATIENT | CONDITIONS | {"encounter": "Encounter/{{context.encounterId}}"},
        allowed(server.base),
    )

    assert sorted(server.targets) == [
        f"/fhir/Condition?patient={sent}",
        "/fhir/Encounter/vi%24it",
        f"/fhir/Patient/{sent}",
    ]


def test_codes_with_their_system_are_sent_as_one_token(
    client: FhirClient, server: HostileServer
) -> None:
    query = "Observation?patient={{context.patientId}}&code=http://loinc.org|2106-3,http://x|1"

    one(client, server, {"observations": query})

    assert server.targets == [
        "/fhir/Observation?patient=person&code=http://loinc.org%7C2106-3,http://x%7C1"
    ]


# -- addresses -----------------------------------------------------------------------------

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
