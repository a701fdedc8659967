"""What a FHIR server answers, and what is made of it: a resource, or clear words."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import orjson
import pytest

from cds_service.access.fhir_client import FhirClient
from tests.access.fetching import (
    CONDITIONS,
    PATIENT,
    PERSON,
    allowed,
    asked,
    next_link,
    one,
    page,
    words,
)
from tests.support.hostile_fhir import HostileServer, in_turn, resource, status

CONDITION = {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/person"}}


@pytest.mark.requirement("3.2")
def test_a_read_and_a_search(client: FhirClient, server: HostileServer) -> None:
    server.on("Patient/person", resource(PERSON))
    server.on("Condition", resource(page([CONDITION])))

    found = client.fetch(asked(server.base), PATIENT | CONDITIONS, allowed(server.base))

    assert found == {"patient": PERSON, "conditions": page([CONDITION])}
    assert sorted(server.targets) == ["/fhir/Condition?patient=person", "/fhir/Patient/person"]


@pytest.mark.requirement("3.4")
@pytest.mark.parametrize(
    "code", [201, 202, 204, 304, 400, 401, 403, 404, 406, 410, 429, 500, 502, 503]
)
def test_any_status_but_200_is_no_answer(
    code: int, client: FhirClient, server: HostileServer
) -> None:
    body = b"" if code in (204, 304) else orjson.dumps(PERSON)
    server.on("Patient/person", status(code, body))

    assert words(one(client, server)) == f"could not be read: the FHIR server answered {code}"
    assert len(server.seen) == 1


@pytest.mark.requirement("3.4")
@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<html><body>Please sign in</body></html>", "is not JSON"),
        (b"", "is not JSON"),
        (b'{"resourceType":"Patient","id":"per', "is not JSON"),
        (b'{"resourceType":"Patient","id":"\xff"}', "is not JSON"),
        (b'{"resourceType":"Patient"}{"resourceType":"Patient"}', "is not JSON"),
        (b"[" * 50_000, "is not JSON"),
        (b"null", "is not a FHIR resource"),
        (b"[]", "is not a FHIR resource"),
        (b'"Patient"', "is not a FHIR resource"),
        (b"{}", "is not a FHIR resource"),
        (b'{"resourceType":null}', "is not a FHIR resource"),
        (b'{"resourceType":["Patient"]}', "is not a FHIR resource"),
        (b'{"error":"Quetzal-Canary"}', "is not a FHIR resource"),
        (b'{"resourceType":"OperationOutcome","issue":[]}', "answered OperationOutcome"),
    ],
    ids=[
        "html",
        "empty",
        "truncated",
        "not-utf8",
        "two-documents",
        "deep",
        "null",
        "list",
        "text",
        "object",
        "null-type",
        "list-type",
        "error-object",
        "outcome",
    ],
)
def test_a_body_that_is_no_resource_is_no_answer(
    body: bytes, why: str, client: FhirClient, server: HostileServer
) -> None:
    server.on("Patient/person", status(200, body))

    said = words(one(client, server))

    assert said.startswith("could not be read")
    assert said.endswith(why)
    assert "Quetzal" not in said


def test_the_media_type_does_not_matter(client: FhirClient, server: HostileServer) -> None:
    server.on("Patient/person", status(200, orjson.dumps(PERSON), Content_Type="text/html"))

    assert one(client, server) == PERSON


def test_fhir_json_is_asked_for(client: FhirClient, server: HostileServer) -> None:
    one(client, server)

    assert server.seen[0].headers["accept"] == "application/fhir+json, application/json"
    assert server.seen[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte-order-mark"])
def test_half_a_character_in_the_chart_costs_nothing_else(
    start: bytes, client: FhirClient, server: HostileServer
) -> None:
    text = rb'{"resourceType":"Patient","id":"person","name":[{"text":"cut \ud83d"}]}'
    server.on("Patient/person", status(200, start + text))

    found = one(client, server)

    assert (found["id"], found["name"]) == ("person", [{"text": "cut \ufffd"}])


@pytest.mark.requirement("6.16")
def test_no_cookies_are_kept(client: FhirClient, server: HostileServer) -> None:
    server.on("Patient/person", resource(PERSON, Set_Cookie="session=of-the-first-patient"))

    one(client, server)
    one(client, server)

    assert [s.headers.get("cookie") for s in server.seen] == [None, None]


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(orjson.dumps(PERSON), mtime=0)),
        ("deflate", zlib.compress(orjson.dumps(PERSON))),
        ("gzip, identity", gzip.compress(orjson.dumps(PERSON), mtime=0)),
        *((name, b"\x1f\x8b\x00junk") for name in ("gzip", "deflate", "br", "zstd", "gzip, gzip")),
    ],
)
def test_a_packed_answer_nobody_asked_for_is_no_answer(
    encoding: str, body: bytes, client: FhirClient, server: HostileServer
) -> None:
    server.on("Patient/person", status(200, body, Content_Encoding=encoding))

    assert words(one(client, server)) == "could not be read: the answer is packed"


def test_an_answer_may_say_that_it_is_not_packed(client: FhirClient, server: HostileServer) -> None:
    server.on("Patient/person", resource(PERSON, Content_Encoding="identity"))

    assert one(client, server) == PERSON


@pytest.mark.parametrize("shape", [None, {}, "x", [None, 5, "x", {"relation": 5}, {"url": 5}]])
def test_odd_entries_and_links_are_passed_over(
    shape: Any, client: FhirClient, server: HostileServer
) -> None:
    server.on("Condition", resource({"resourceType": "Bundle", "entry": shape, "link": shape}))

    found = one(client, server, CONDITIONS)

    assert found["resourceType"] == "Bundle"
    assert found["entry"] == (shape if isinstance(shape, list) else [])


# -- pages ---------------------------------------------------------------------------------


@pytest.mark.requirement("1.25")
def test_pages_are_read_into_one_bundle(client: FhirClient, server: HostileServer) -> None:
    second = f"{server.base}?_getpages=1&_offset=1"
    last = f"{server.base}/Condition?page=3"
    server.on("Condition", resource(page([{**CONDITION, "id": "1"}], second)))
    server.answers["/fhir?_getpages=1&_offset=1"] = resource(page([{**CONDITION, "id": "2"}], last))
    server.on("Condition?page=3", resource(page([{**CONDITION, "id": "3"}])))

    found = one(client, server, CONDITIONS)

    assert [e["resource"]["id"] for e in found["entry"]] == ["1", "2", "3"]
    assert "link" not in found
    assert {s.headers["authorization"] for s in server.seen} == {"Bearer canary-access-token"}


@pytest.mark.parametrize("following", ["Condition?page=2", "/fhir/Condition?page=2", "?page=2"])
def test_a_next_link_may_be_relative(
    following: str, client: FhirClient, server: HostileServer
) -> None:
    server.on("Condition", resource(page([CONDITION], following)))
    server.on("Condition?page=2", resource(page([CONDITION])))

    assert len(one(client, server, CONDITIONS)["entry"]) == 2


@pytest.mark.requirement("3.10")
def test_endless_pages_end_at_the_page_limit_and_say_there_is_more(
    client: FhirClient, server: HostileServer
) -> None:
    again = f"{server.base}/Condition?again"
    server.on("Condition", resource(page([CONDITION], again)))

    found = one(client, server, CONDITIONS)

    assert len(server.seen) == 3
    assert len(found["entry"]) == 3
    assert found["link"] == [{"relation": "next", "url": again}]


@pytest.mark.requirement("1.25")
@pytest.mark.parametrize(
    "second",
    [
        status(500),
        status(401),
        status(200, b"<html>"),
        resource({"resourceType": "OperationOutcome"}),
        status(302, Location="https://elsewhere.example/"),
    ],
    ids=["500", "401", "html", "outcome", "redirect"],
)
def test_a_page_that_fails_fails_the_key_so_that_half_is_not_taken_for_all(
    second: Any, client: FhirClient, server: HostileServer
) -> None:
    first = resource(page([CONDITION], f"{server.base}/Condition?page=2"))
    server.on("Condition", in_turn(first, second))

    assert words(one(client, server, CONDITIONS)).startswith("could not be read")


def test_the_first_of_several_next_links_counts(client: FhirClient, server: HostileServer) -> None:
    links = next_link(f"{server.base}/Condition?page=2") + next_link("https://elsewhere.example/")
    server.on("Condition", resource({**page([CONDITION]), "link": links}))
    server.on("Condition?page=2", resource(page([CONDITION])))

    assert len(one(client, server, CONDITIONS)["entry"]) == 2
