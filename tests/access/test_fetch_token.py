"""The access token: sent as it is, to one place, and printed nowhere."""

from __future__ import annotations

import logging
import traceback
from typing import Any

import pytest
from pydantic import SecretStr

from cds_service.access.fhir_client import FhirClient
from cds_service.hooks.request import parse_request
from tests.access.fetching import (
    CANARY,
    CONDITIONS,
    PATIENT,
    PERSON,
    allowed,
    asked,
    one,
    page,
    words,
)
from tests.support.clinic import Clinic
from tests.support.hostile_fhir import HostileServer, drip, resource, status


@pytest.mark.requirement("3.3")
def test_the_token_is_sent_exactly_with_every_call(
    client: FhirClient, server: HostileServer
) -> None:
    server.on("Condition", resource(page(following=f"{server.base}/Condition?page=2")))
    server.on("Condition?page=2", resource(page()))

    client.fetch(asked(server.base), PATIENT | CONDITIONS, allowed(server.base))

    assert len(server.seen) == 3
    assert {s.headers["authorization"] for s in server.seen} == {f"Bearer {CANARY}"}


@pytest.mark.requirement("3.3")
def test_without_a_token_none_is_sent(client: FhirClient, server: HostileServer) -> None:
    one(client, server)
    one(client, server, token=None)

    assert ["authorization" in s.headers for s in server.seen] == [True, False]


@pytest.mark.requirement("3.3")
@pytest.mark.requirement("6.16")
def test_each_call_has_its_own_token(client: FhirClient, server: HostileServer) -> None:
    for token in ("first", "second"):
        one(client, server, token=SecretStr(token))

    assert [s.headers["authorization"] for s in server.seen] == ["Bearer first", "Bearer second"]


@pytest.mark.requirement("3.3")
def test_the_token_of_the_request_is_the_one_that_is_sent(
    clinic: Clinic, client: FhirClient, server: HostileServer
) -> None:
    body = clinic.request() | {
        "fhirServer": server.base,
        "fhirAuthorization": {
            "access_token": CANARY,
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "user/Patient.read",
            "subject": "cds-service",
        },
    }

    client.fetch(parse_request(body, "patient-view").fhir_access, PATIENT, allowed(server.base))

    assert [s.headers["authorization"] for s in server.seen] == [f"Bearer {CANARY}"]


@pytest.mark.parametrize(
    "token", ["two\r\nX-Injected: lines", "t\n", "\x00", "naïve", "李", "a" * 100_000]
)
def test_a_token_no_header_can_hold_is_an_outcome_like_any_other(
    token: str, client: FhirClient, server: HostileServer
) -> None:
    outcome = one(client, server, token=SecretStr(token))

    assert words(outcome).startswith("could not be read")
    assert token not in words(outcome)
    assert all("x-injected" not in s.headers for s in server.seen)


# -- nothing prints it ---------------------------------------------------------------------


@pytest.mark.requirement("6.16")
def test_a_request_does_not_print_its_token(caplog: pytest.LogCaptureFixture) -> None:
    request = asked("https://fhir.example.org")

    with caplog.at_level(logging.DEBUG):
        logging.getLogger("x").warning("%s %r", request, request, extra={"request": request})
    try:
        raise ValueError(request)
    except ValueError:
        trace = traceback.format_exc()

    assert "SecretStr('**********')" in repr(request)
    assert CANARY not in repr(request) + str(request) + trace + caplog.text


@pytest.mark.requirement("6.16")
@pytest.mark.parametrize(
    "answer",
    [
        resource(PERSON),
        status(500),
        status(200, b"<html>"),
        drip(b"HTTP/1.1 nonsense\r\n\r\n", every=0),
        drip(b"", every=0),
    ],
    ids=["found", "500", "html", "not-http", "hung-up"],
)
def test_fetching_logs_no_token_whatever_is_answered(
    answer: Any, client: FhirClient, server: HostileServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.on("Patient/person", answer)

    with caplog.at_level(logging.DEBUG):
        outcome = one(client, server)

    assert server.seen
    assert CANARY not in caplog.text + repr(outcome)


@pytest.mark.requirement("6.16")
def test_what_is_said_about_a_failure_holds_no_token_and_no_address(
    client: FhirClient, server: HostileServer
) -> None:
    server.on("Patient/person", drip(b"HTTP/1.1 nonsense\r\n\r\n", every=0))

    outcome = one(client, server)

    trace = "".join(traceback.format_exception(outcome))
    assert words(outcome) == "could not be read: the FHIR server cannot be reached"
    assert CANARY not in trace
    assert "person" not in words(outcome)
