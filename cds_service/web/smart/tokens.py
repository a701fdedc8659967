"""Redeems the code of a sign-in: token request, what it brought, and the id token's checks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt
import orjson
from authlib.oauth2.base import OAuth2Error  # type: ignore[import-untyped]
from authlib.oauth2.client import OAuth2Client  # type: ignore[import-untyped]
from pydantic import SecretStr

from cds_service.fhir.references import read_literal
from cds_service.web.smart.apps import App
from cds_service.web.smart.ehr import FHIR_ID, EhrLogin
from cds_service.web.smart.http import CallFailed, Calls
from cds_service.web.smart.launch import PendingLaunch
from cds_service.web.smart.problems import LaunchFailed, NoAnswer

ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384"]
LEEWAY = 60  # seconds of clock skew
DEFAULT_LIFE, MAX_LIFE = 300, 86_400  # seconds; a server need not say how long a token is good
TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
BAD_CLIENT = 500  # statuses from here on say "not now"


class _Connection:
    """The transport of authlib's one request: our checked calls, not a client of its own."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls

    def post(
        self, url: str, data: Mapping[str, str], headers: Mapping[str, str], auth: Any
    ) -> httpx.Response:
        """The answer to a form; ``auth`` adds the client's name and, with one, its secret."""
        url, headers, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        return self.calls.send("POST", url, headers=headers, content=body.encode())


def redeem(
    app: App, pending: PendingLaunch, code: str, redirect_uri: str, calls: Calls
) -> dict[str, Any]:
    """The token endpoint's answer; raises LaunchFailed."""
    client = OAuth2Client(
        session=_Connection(calls),
        client_id=app.client_id,
        client_secret=app.secret.get_secret_value() if app.secret else None,
        redirect_uri=redirect_uri,
    )
    try:
        answer = client.fetch_token(
            pending.endpoints.token_endpoint, code=code, code_verifier=pending.verifier
        )
    except CallFailed:
        raise NoAnswer from None
    except httpx.HTTPStatusError as error:
        down = error.response.status_code >= BAD_CLIENT
        raise LaunchFailed("ehr-down" if down else "refused") from None
    except (OAuth2Error, ValueError):  # their words may repeat what was sent
        raise LaunchFailed("refused") from None
    return dict(answer)


def login_of(pending: PendingLaunch, answer: Mapping[str, Any], now: datetime) -> EhrLogin:
    """The login that a token answer stands for; raises LaunchFailed."""
    token, patient = answer.get("access_token"), answer.get("patient")
    kind = answer.get("token_type", "")
    if not isinstance(token, str) or not TOKEN.fullmatch(token) or str(kind).lower() != "bearer":
        raise LaunchFailed("refused")
    if not isinstance(patient, str) or not FHIR_ID.fullmatch(patient):
        raise LaunchFailed("no-patient")
    encounter = answer.get("encounter")
    known = isinstance(encounter, str) and FHIR_ID.fullmatch(encounter)
    return EhrLogin(
        issuer=pending.issuer,
        access_token=SecretStr(token),
        patient=patient,
        encounter=encounter if known else None,
        expires=now + timedelta(seconds=_life(answer.get("expires_in"))),
    )


def _life(said: Any) -> int:
    try:
        return min(max(int(said), 0), MAX_LIFE)
    except (TypeError, ValueError, OverflowError):
        return DEFAULT_LIFE


def check_identity(
    app: App, pending: PendingLaunch, answer: Mapping[str, Any], calls: Calls, now: datetime
) -> str | None:
    """Checks the id token where ``openid`` was asked for (OpenID Connect Core 3.1.3.7): signed by
    the issuer's keys, for us, now, and for this sign-in. Returns who signed in (``fhirUser``, type
    and id), where it says so. Raises LaunchFailed."""
    if "openid" not in pending.scope.split():
        return None
    token, expected = answer.get("id_token"), pending.endpoints
    if not isinstance(token, str) or expected.issuer is None or expected.keys is None:
        raise LaunchFailed("identity")
    try:
        keys = orjson.loads(_key_set(expected.keys, calls))
        claims = jwt.decode(
            token,
            _key(token, keys),
            algorithms=ALGORITHMS,
            audience=app.client_id,
            issuer=expected.issuer,
            leeway=LEEWAY,
            options={
                "require": ["iss", "sub", "aud", "exp", "iat"],
                "verify_exp": False,
                "verify_iat": False,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, NotImplementedError):
        raise LaunchFailed("identity") from None
    others = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    ours = claims.get("azp", None if others else app.client_id) == app.client_id
    fresh = claims["exp"] + LEEWAY > now.timestamp()
    if not ours or not fresh or claims.get("nonce") != pending.nonce:
        raise LaunchFailed("identity")
    user = read_literal(claims.get("fhirUser"))
    return user.text if user else None


def _key_set(url: str, calls: Calls) -> bytes:
    try:
        answer = calls.send("GET", url, headers={"Accept": "application/json"})
    except CallFailed:
        raise NoAnswer from None
    return answer.content


def _key(token: str, keys: Any) -> jwt.PyJWK:
    """The key the token names, of the issuer's key set; its own type decides what it verifies."""
    header = jwt.get_unverified_header(token)
    kid, algorithm = header.get("kid"), header["alg"]
    listed = [k for k in keys["keys"] if isinstance(k, dict) and k.get("kty") in ("RSA", "EC")]
    fitting = [k for k in listed if kid is None or k.get("kid") == kid]
    if len(fitting) != 1 or fitting[0].get("alg", algorithm) != algorithm:
        raise KeyError("no one key of that name")
    return jwt.PyJWK(fitting[0], algorithm=algorithm)
