"""Tokens at the routes: who may ask, and what a refusal tells."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cds_service.access import key_sets
from cds_service.content import Content
from tests.access.signing import by_ec, ec_key, good_keys, heading, jwk, write_keys
from tests.support.clinic import ago
from tests.support.hostile_fhir import HostileServer
from tests.support.ward import (
    BROWSER,
    CALL,
    CANARY,
    CORS,
    DISCOVERY,
    FEEDBACK,
    VALIDATE,
    Make,
    Trusted,
    cors_headers,
    requirement,
    signed,
    visit,
)


@requirement("6.3")
@requirement("6.15")
@requirement("3.11")
@requirement("5.9")
def test_without_a_token_every_hook_address_is_401_in_the_same_words(trusted: Trusted) -> None:
    answers = [
        trusted.client.open(path, method=method, json=body, headers={"Origin": BROWSER, **header})
        for method, path, body in (
            ("GET", DISCOVERY, None),
            ("POST", CALL, visit(trusted)),
            ("POST", CALL, {}),
            ("POST", f"{CALL}-x", {}),
            ("POST", FEEDBACK, {"feedback": []}),
            ("POST", VALIDATE, {}),
        )
        for header in ({}, {"Authorization": "Bearer x"}, signed("/elsewhere"))
    ]

    for answer in answers:
        assert (answer.status_code, cors_headers(answer)) == (401, CORS)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert len({a.data for a in answers}) == 1


@requirement("6.3")
@requirement("5.9")
def test_the_token_of_each_address_opens_it(trusted: Trusted) -> None:
    assert trusted.ask(DISCOVERY).status_code == 200
    assert trusted.ask(CALL, visit(trusted)).status_code == 200
    assert trusted.ask(VALIDATE, {}).status_code == 200
    item = {"card": "x", "outcome": "overridden", "outcomeTimestamp": ago(minutes=0)}
    for audience in (FEEDBACK, CALL):  # clients differ in the audience of feedback
        answer = trusted.feedback(item, headers=signed(audience))
        assert (answer.status_code, answer.get_json()) == (200, {"saved": 1})
    assert trusted.feedback(item, headers=signed(DISCOVERY)).status_code == 401


def test_what_is_no_hook_needs_no_token(trusted: Trusted) -> None:
    for path in ("/", "/intake", "/health/live", "/health/ready"):
        assert trusted.client.get(path).status_code == 200


@requirement("6.12")
def test_keys_can_be_rotated_while_serving(
    content: Content, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = Trusted(content, tmp_path)
    new = {"header": heading(kid="new"), "sign": by_ec(ec_key("new"))}
    assert served.ask(DISCOVERY).status_code == 200

    write_keys(served.key_file, *good_keys(), jwk(ec_key("new"), "new"))
    assert served.ask(DISCOVERY, **new).status_code == 401  # read a moment ago
    monkeypatch.setattr(key_sets, "COOL_DOWN_SECONDS", 0.0)
    assert served.ask(DISCOVERY, **new).status_code == 200
    assert served.ask(DISCOVERY).status_code == 200

    write_keys(served.key_file, jwk(ec_key("new"), "new"))
    monkeypatch.setattr(key_sets, "REFRESH_SECONDS", 0.0)
    assert served.ask(DISCOVERY).status_code == 401
    assert served.ask(DISCOVERY, **new).status_code == 200


@requirement("6.9")
def test_the_token_is_judged_by_the_clock_of_the_service(content: Content, tmp_path: Path) -> None:
    served = Trusted(content, tmp_path)
    assert served.ask(DISCOVERY).status_code == 200

    served.clock.now += timedelta(hours=1)
    assert served.ask(DISCOVERY).status_code == 401
    served.clock.now -= timedelta(hours=2)
    assert served.ask(DISCOVERY).status_code == 401


@requirement("6.2")
@requirement("6.3")
def test_optional_tokens_tell_clients_apart(content: Content, tmp_path: Path) -> None:
    served = Trusted(content, tmp_path, auth="optional")

    anonymous = served.client.get(DISCOVERY).get_json()["services"]
    third = served.ask(DISCOVERY, name="third").get_json()["services"]

    assert "hookVersion" not in anonymous[0]
    assert "hookVersion" in third[0]
    assert served.client.get(DISCOVERY, headers={"Authorization": "x"}).status_code == 401


@requirement("2.9")
def test_a_token_for_another_patient_is_not_used(make: Make) -> None:
    with HostileServer(keep_alive=False) as server:
        ward = make(fhir_servers=server.base)
        body = {
            **visit(ward),
            "prefetch": {},
            "fhirServer": server.base,
            "fhirAuthorization": {"access_token": CANARY, "patient": "somebody-else"},
        }

        answer = ward.post(body)

    assert answer.status_code == 412
    assert "fhirAuthorization is for another patient" in answer.text
    assert "somebody-else" not in answer.text
    assert CANARY not in answer.text
    assert server.seen == []
