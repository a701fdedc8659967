"""Where a call may go: allowed bases, checked addresses, no redirects, pages at home only."""

from __future__ import annotations

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
