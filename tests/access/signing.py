"""Keys, key sets and tokens for the trust tests: good ones, and every kind of bad one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from cds_service.access.clients import Client
from cds_service.access.tokens import ReplayCache, Unauthorized, Verifier
from cds_service.fhir.errors import outcome

ISSUER = "https://ehr.example.org"
AUDIENCE = "https://cds.example.org/cds-services/a-service"
REFUSED = {
    "resourceType": "OperationOutcome",
    "issue": [
        {
            "severity": "error",
            "code": "security",
            "diagnostics": "A valid token is required. See docs/integrating.md, Authentication.",
        }
    ],
}
_NUMBERS = itertools.count()


@cache
def ec_key(name: str = "good", curve: str = "P-384") -> ec.EllipticCurvePrivateKey:
    """A key of that name; the name only tells keys apart."""
    curves = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
    return ec.generate_private_key(curves[curve])


@cache
def rsa_key(name: str = "good", size: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, size)


@cache
def ed_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def jwk(key: Any, kid: str, **changes: Any) -> dict[str, Any]:
    """The public key as a key set holds it."""
    public = key.public_key()
    if isinstance(key, rsa.RSAPrivateKey):
        found = RSAAlgorithm.to_jwk(public, as_dict=True)
    elif isinstance(key, ed25519.Ed25519PrivateKey):
        found = OKPAlgorithm.to_jwk(public, as_dict=True)
    else:
        found = ECAlgorithm.to_jwk(public, as_dict=True)
    found.pop("key_ops", None)
    return {**found, "kid": kid, "use": "sig", **changes}


def good_keys() -> list[dict[str, Any]]:
    return [jwk(ec_key(), "ec", alg="ES384"), jwk(rsa_key(), "rsa", alg="RS384")]


def pem(key: Any) -> bytes:
    """The public key as everybody may have it."""
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


# -- signatures, made by hand so that wrong ones can be made too ---------------------------

Sign = Callable[[bytes], bytes]
HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def by_ec(key: ec.EllipticCurvePrivateKey | None = None, bits: str = "384") -> Sign:
    key = key or ec_key()
    width = (key.curve.key_size + 7) // 8

    def sign(data: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(HASHES[bits])))
        return r.to_bytes(width, "big") + s.to_bytes(width, "big")

    return sign


def by_rsa(key: rsa.RSAPrivateKey | None = None, bits: str = "384") -> Sign:
    return lambda data: (key or rsa_key()).sign(data, padding.PKCS1v15(), HASHES[bits])


def by_pss() -> Sign:
    salted = padding.PSS(padding.MGF1(HASHES["384"]), 48)
    return lambda data: rsa_key().sign(data, salted, HASHES["384"])


def by_secret(secret: bytes, digest: str = "sha256") -> Sign:
    return lambda data: hmac.digest(secret, data, getattr(hashlib, digest))


def not_at_all(_data: bytes) -> bytes:
    return b""


# -- tokens --------------------------------------------------------------------------------

ABSENT = object()


class Soon(NamedTuple):
    """A moment so many seconds from when the token is made, as NumericDate or what a test wants."""

    seconds: float
    kind: Callable[[float], Any] = float

    def now(self) -> Any:
        return self.kind(int(time.time()) + self.seconds)


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good token; ``ABSENT`` takes one out."""
    now = int(time.time())
    whole = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "exp": now + 300,
        "iat": now,
        "jti": f"token-{next(_NUMBERS)}",
    }
    wanted = {k: v for k, v in {**whole, **changes}.items() if v is not ABSENT}
    return {k: v.now() if isinstance(v, Soon) else v for k, v in wanted.items()}


def heading(**changes: Any) -> dict[str, Any]:
    """The header of a good ES384 token; ``ABSENT`` takes a field out."""
    whole = {"alg": "ES384", "kid": "ec", "typ": "JWT", **changes}
    return {k: v for k, v in whole.items() if v is not ABSENT}


def token(
    payload: Mapping[str, Any] | bytes | None = None,
    header: Mapping[str, Any] | bytes | None = None,
    sign: Sign | None = None,
) -> str:
    """A compact token of these parts; all that is left out is as in a good one."""
    first = _json(heading() if header is None else header)
    second = _json(claims() if payload is None else payload)
    signed = f"{b64(first)}.{b64(second)}"
    return f"{signed}.{b64((sign or by_ec())(signed.encode()))}"


def _json(part: Mapping[str, Any] | bytes) -> bytes:
    return part if isinstance(part, bytes) else json.dumps(part).encode()


def rs384(**changes: Any) -> str:
    return token(claims(**changes), heading(alg="RS384", kid="rsa"), by_rsa())


# -- a verifier ----------------------------------------------------------------------------


def write_keys(path: Path, *keys: Mapping[str, Any]) -> Path:
    path.write_bytes(orjson.dumps({"keys": keys}))
    return path


def client_of(path: Path, **changes: Any) -> Client:
    """A client whose key set is a file."""
    return Client.model_validate(
        {"id": "ehr", "issuer": ISSUER, "jwksFile": path, **changes}, strict=False
    )


def verifier_of(*clients: Client) -> Verifier:
    return Verifier(clients, ReplayCache().claim)


def verify(verifier: Verifier, text: str, audience: str = AUDIENCE) -> Client:
    """The client of a bearer token."""
    return verifier.verify(f"Bearer {text}", (audience,), datetime.now(UTC))


def refuse(verifier: Verifier, header: str | None, audience: str = AUDIENCE) -> None:
    """Fails unless the header is refused with the words that say nothing."""
    with pytest.raises(Unauthorized) as error:
        verifier.verify(header, (audience,), datetime.now(UTC))
    assert error.value.status == 401
    assert outcome(*error.value.issues) == REFUSED
    assert error.value.__cause__ is None


def by_url(url: str, **changes: Any) -> Client:
    """A client whose key set is at an address of this machine."""
    return client_of(
        Path(), **{"jwksFile": None, "jwksUrl": url, "allowPrivateAddresses": True, **changes}
    )
