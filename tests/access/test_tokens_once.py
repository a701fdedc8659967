"""A token is good for one call."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cds_service.access.tokens import ReplayCache, Verifier
from tests.access.signing import (
    AUDIENCE,
    ISSUER,
    by_ec,
    claims,
    client_of,
    ec_key,
    good_keys,
    refuse,
    token,
    verifier_of,
    verify,
    write_keys,
)

requirement = pytest.mark.requirement


@requirement("6.10")
def test_a_token_is_good_for_one_call(verifier: Verifier) -> None:
    once = token()

    assert verify(verifier, once)
    refuse(verifier, f"Bearer {once}")
    refuse(verifier, f"Bearer {token(claims(jti=json.loads(_payload(once))['jti']))}")
    assert verify(verifier, token())


def _payload(text: str) -> bytes:
    import base64

    part = text.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@requirement("6.10")
def test_a_token_that_was_refused_is_not_used_up(key_file: Path) -> None:
    verifier = verifier_of(client_of(key_file))
    jti = "one-and-only"

    refuse(verifier, f"Bearer {token(claims(jti=jti), sign=by_ec(ec_key('mine')))}")

    assert verify(verifier, token(claims(jti=jti)))


@requirement("6.10")
def test_the_same_id_of_another_issuer_is_another_token(tmp_path: Path) -> None:
    other = "https://other.example.org"
    keys = write_keys(tmp_path / "keys.json", *good_keys())
    verifier = verifier_of(client_of(keys), client_of(keys, id="other", issuer=other))

    assert verify(verifier, token(claims(jti="same"))).id == "ehr"
    assert verify(verifier, token(claims(jti="same", iss=other))).id == "other"


@requirement("6.10")
def test_the_claim_is_kept_until_the_token_can_no_longer_pass(key_file: Path) -> None:
    kept: list[tuple[str, str, datetime, datetime]] = []
    now, ends = datetime.now(UTC), int(time.time()) + 300
    verifier = Verifier((client_of(key_file),), lambda *claim: kept.append(claim) is None)

    verifier.verify(f"Bearer {token(claims(jti='x', exp=ends))}", (AUDIENCE,), now)

    assert kept == [(ISSUER, "x", datetime.fromtimestamp(ends + 60, UTC), now)]


@requirement("6.10")
def test_of_many_at_once_one_is_first() -> None:
    seen, now = ReplayCache(), datetime.now(UTC)
    new: list[bool] = []
    start = threading.Barrier(20)

    def claim() -> None:
        start.wait()
        new.append(seen.claim("iss", "jti", now + timedelta(hours=1), now))

    threads = [threading.Thread(target=claim) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(new) == [False] * 19 + [True]


def test_expired_ids_are_forgotten() -> None:
    seen, now = ReplayCache(), datetime.now(UTC)

    assert seen.claim("iss", "jti", now + timedelta(seconds=1), now)
    assert not seen.claim("iss", "jti", now + timedelta(seconds=1), now)
    assert seen.claim("iss", "jti", now + timedelta(hours=1), now + timedelta(seconds=2))
