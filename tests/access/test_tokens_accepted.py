"""Tokens that pass: both algorithms, audiences, more claims, clocks that differ."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cds_service.access.tokens import Unauthorized, Verifier
from tests.access.signing import (
    ABSENT,
    AUDIENCE,
    ISSUER,
    Soon,
    by_ec,
    claims,
    client_of,
    ec_key,
    heading,
    jwk,
    refuse,
    rs384,
    token,
    verifier_of,
    verify,
    write_keys,
)

requirement = pytest.mark.requirement


@requirement("6.6")
@requirement("6.7")
def test_es384_and_rs384_pass(verifier: Verifier) -> None:
    assert verify(verifier, token()).id == "ehr"
    assert verify(verifier, rs384()).id == "ehr"


@requirement("6.3")
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_the_scheme_may_be_written_in_any_case(scheme: str, verifier: Verifier) -> None:
    assert verifier.verify(f"{scheme} {token()}", (AUDIENCE,), datetime.now(UTC)).id == "ehr"


@requirement("6.8")
@pytest.mark.parametrize(
    "audience",
    [[AUDIENCE], ["https://other.example", AUDIENCE], [AUDIENCE, AUDIENCE]],
    ids=["one", "several", "twice"],
)
def test_the_audience_may_be_an_array(audience: list[str], verifier: Verifier) -> None:
    assert verify(verifier, token(claims(aud=audience)))


@requirement("6.8")
def test_a_client_may_have_audiences_of_its_own(key_file: Path) -> None:
    verifier = verifier_of(client_of(key_file, audiences=["typed-in-by-the-site"]))

    assert verify(verifier, token(claims(aud="typed-in-by-the-site")))
    assert verify(verifier, token())


@requirement("6.14")
@pytest.mark.parametrize(
    "more",
    [
        {"sub": ISSUER},
        {"nbf": Soon(-30, int)},
        {"tenant": "any"},
        {"sub": "x", "nbf": Soon(-3600, int), "azp": ["a"], "fhir": {"deep": [{"x": None}]}},
    ],
    ids=["sub", "nbf", "tenant", "many"],
)
def test_more_claims_are_welcome(more: dict[str, Any], verifier: Verifier) -> None:
    assert verify(verifier, token(claims(**more)))


@requirement("6.4")
@pytest.mark.parametrize("typ", ["JWT", "jwt"])
def test_the_type_may_be_written_in_any_case(typ: str, verifier: Verifier) -> None:
    assert verify(verifier, token(header=heading(typ=typ)))


@requirement("6.9")
@pytest.mark.parametrize(
    "times",
    [
        {"exp": Soon(-20, int), "iat": Soon(-320, int)},
        {"iat": Soon(30, int), "exp": Soon(300, int)},
        {"nbf": Soon(30, int)},
        {"iat": Soon(0, int), "exp": Soon(3600, int)},
        {"iat": Soon(0.25), "exp": Soon(300.5)},
    ],
    ids=["just-expired", "just-ahead", "just-not-yet", "one-hour", "fractions"],
)
def test_clocks_may_differ_a_little(times: dict[str, Any], verifier: Verifier) -> None:
    assert verify(verifier, token(claims(**times)))


@requirement("6.9")
@pytest.mark.parametrize("hours", [-2, 2])
def test_the_clock_of_the_service_decides(hours: int, verifier: Verifier) -> None:
    elsewhen = datetime.now(UTC) + timedelta(hours=hours)

    with pytest.raises(Unauthorized):
        verifier.verify(f"Bearer {token()}", (AUDIENCE,), elsewhen)


@requirement("6.4")
def test_a_client_whose_keys_are_a_file_may_name_an_address(verifier: Verifier) -> None:
    assert verify(verifier, token(header=heading(jku="https://ehr.example.org/keys")))


@requirement("6.13")
def test_a_listed_tenant_passes(key_file: Path) -> None:
    verifier = verifier_of(client_of(key_file, tenants=["north", "south"]))

    south = verify(verifier, token(claims(tenant="south")))
    north = verify(verifier, token(claims(tenant="north")))
    assert south.id != north.id  # equal patient ids of two tenants are two people
    for tenant in ("east", "", None, ABSENT, ["north"], {"north": 1}, 5):
        refuse(verifier, f"Bearer {token(claims(tenant=tenant))}")


@requirement("6.11")
def test_each_issuer_has_its_own_keys(tmp_path: Path, key_file: Path) -> None:
    theirs = write_keys(tmp_path / "theirs.json", jwk(ec_key("theirs"), "ec"))
    other = "https://other.example.org"
    verifier = verifier_of(
        client_of(key_file), client_of(theirs, id="other", issuer=other, algorithms=["ES384"])
    )

    assert verify(verifier, token(claims(iss=other), sign=by_ec(ec_key("theirs")))).id == "other"
    assert verify(verifier, token()).id == "ehr"
    refuse(verifier, f"Bearer {token(claims(iss=other))}")
    refuse(verifier, f"Bearer {token(sign=by_ec(ec_key('theirs')))}")
