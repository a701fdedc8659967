"""Where ``openid`` is asked for, an id token that is not in order opens nothing."""

from __future__ import annotations

import time
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.hostile_fhir import HostileServer, resource, status
from tests.web.smart.conftest import BASE, CONFIDENTIAL, RETURN, Browser, changed

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
ISSUER = "https://sign-in.example.org"


def exchange(
    hostile: HostileServer, browser: Browser, token: Any, key: dict[str, Any] | None = None
) -> int:
    """Signs in where the EHR answers with this id token; the status of what follows. ``token`` may
    need the nonce that was sent."""
    hostile.on(
        ".well-known/smart-configuration",
        resource(
            {
                "issuer": ISSUER,
                "authorization_endpoint": f"{hostile.base}/authorize",
                "token_endpoint": f"{hostile.base}/token",
                "jwks_uri": f"{hostile.base}/keys",
            }
        ),
    )
    left = browser.open(changed(f"{BASE}/intake/launch", iss=hostile.base))
    asked = httpx.URL(left.headers["Location"]).params
    answer = {"access_token": "t", "token_type": "Bearer", "expires_in": 300, "patient": "ana"}
    id_token = token(asked["nonce"])
    hostile.on("token", resource(answer | ({"id_token": id_token} if id_token else {})))
    hostile.on("keys", resource({"keys": [{**PUBLIC, "kid": "k", **(key or {})}]}))
    hostile.on("Patient/ana", status(404))
    return browser.open(changed(RETURN, state=asked["state"], code="c")).status_code


def signed(nonce_: str, *, key: Any = KEY, algorithm: str = "RS256", **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "sub": "somebody",
        "aud": CONFIDENTIAL,
        "iat": now,
        "exp": now + 300,
        "nonce": nonce_,
    } | changes
    kept = {k: v for k, v in claims.items() if v is not None}
    return jwt.encode(kept, key, algorithm=algorithm, headers={"kid": "k"})


def test_one_that_is_in_order_lets_the_person_in(hostile: HostileServer, browser: Browser) -> None:
    assert exchange(hostile, browser, signed) == 303
    assert browser.session.ehr is not None


def with_claims(**changes: Any) -> Any:
    return lambda sent: signed(sent, **changes)


WRONG = {
    "none": lambda _nonce: None,
    "not-a-token": lambda _nonce: "a.b.c",
    "nonce": with_claims(nonce="another"),
    "no-nonce": with_claims(nonce=None),
    "audience": with_claims(aud="another-app"),
    "audiences": with_claims(aud=[CONFIDENTIAL, "another-app"]),
    "party": with_claims(aud=[CONFIDENTIAL, "another-app"], azp="another-app"),
    "issuer": with_claims(iss="https://example.org"),
    "expired": with_claims(exp=int(time.time()) - 3600),
    "never-ends": with_claims(exp=None),
    "key": with_claims(key=OTHER_KEY),
    "unsigned": lambda nonce: signed(nonce, key=None, algorithm="none"),
    "shared-secret": lambda nonce: signed(nonce, key="k" * 32, algorithm="HS256"),
    "algorithm": lambda nonce: signed(nonce, algorithm="PS256"),
}


@pytest.mark.parametrize("case", WRONG)
def test_one_that_is_not_opens_nothing(case: str, hostile: HostileServer, browser: Browser) -> None:
    assert exchange(hostile, browser, WRONG[case]) == 502
    assert browser.session.ehr is None


def test_a_key_of_another_algorithm_verifies_nothing(
    hostile: HostileServer, browser: Browser
) -> None:
    assert exchange(hostile, browser, signed, {"alg": "RS512"}) == 502
