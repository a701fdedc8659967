"""Authentication of callers: JWT verification (``docs/conformance.md`` section 6).

Whatever is wrong with a token, the response is the same 401.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from math import isfinite
from typing import Any

import jwt

from cds_service.access.clients import Client
from cds_service.access.key_sets import KeySet
from cds_service.fhir.errors import Issue, ServiceError
from cds_service.telemetry import metrics

LEEWAY_SECONDS = 60  # clock skew
MAX_LIFE_SECONDS = 3600  # between iat and exp
MAX_TOKEN = 8192  # characters
MIN_SWEEP = 1000  # token ids a worker keeps before it deletes expired ones
REFUSALS = (  # raised while reading a token
    jwt.PyJWTError,
    ValueError,
    TypeError,
    KeyError,
    OverflowError,
    NotImplementedError,
)
REQUIRED = ["iss", "aud", "exp", "iat", "jti"]

# (issuer, jti, expires, now) -> True if it was new.
ClaimTokenId = Callable[[str, str, datetime, datetime], bool]


class Unauthorized(ServiceError):
    """No acceptable token: 401, always with the same words (``docs/conformance.md`` 6.15)."""

    status = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__(
            Issue("security", "A valid token is required. See docs/integrating.md, Authentication.")
        )


class ReplayCache:
    """Token ids seen by one worker: prevents replay while the store is down."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], datetime] = {}
        self._sweep_at = MIN_SWEEP
        self._lock = threading.Lock()

    def claim(self, issuer: str, jti: str, expires: datetime, now: datetime) -> bool:
        """True if the id is new; deletes expired ones now and then."""
        with self._lock:
            if len(self._seen) >= self._sweep_at:
                self._seen = {k: e for k, e in self._seen.items() if e > now}
                self._sweep_at = max(MIN_SWEEP, 2 * len(self._seen))
            seen_until = self._seen.get((issuer, jti))
            if seen_until is not None and seen_until > now:
                return False
            self._seen[issuer, jti] = expires
            return True


class Verifier:
    """Verifies the Authorization header of calls to this service."""

    def __init__(self, clients: tuple[Client, ...], claim: ClaimTokenId) -> None:
        self.clients = {c.issuer: c for c in clients if c.issuer}
        self.keys = {c.issuer: KeySet(c) for c in clients if c.issuer}
        self.claim = claim

    def verify(self, header: str | None, audiences: tuple[str, ...], now: datetime) -> Client:
        """Returns the client of a bearer token. ``audiences`` are the addresses the token may be
        for; raises Unauthorized."""
        scheme, _, token = (header or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not 0 < len(token) <= MAX_TOKEN:
            raise Unauthorized
        try:
            client, claims = self._decode(token, audiences)
            _check_times(claims, now)
        except REFUSALS:
            raise Unauthorized from None
        expires = datetime.fromtimestamp(float(claims["exp"]) + LEEWAY_SECONDS, UTC)
        if not self.claim(claims["iss"], claims["jti"], expires, now):
            raise Unauthorized
        return client

    def _decode(self, token: str, audiences: tuple[str, ...]) -> tuple[Client, dict[str, Any]]:
        header = jwt.get_unverified_header(token)
        unverified = jwt.decode(token, options={"verify_signature": False})
        client = self.clients[unverified["iss"]]
        if str(header.get("typ", "")).upper() != "JWT" or header["alg"] not in client.algorithms:
            raise Unauthorized
        # A token's jku is never followed; where the clients file has an address, it must be equal.
        if client.jwks_url and header.get("jku", client.jwks_url) != client.jwks_url:
            raise Unauthorized
        key = self.keys[str(client.issuer)].find(header["kid"], header["alg"])
        if key is None:
            raise Unauthorized
        claims = jwt.decode(
            token,
            key.key,
            algorithms=[header["alg"]],  # on the client's list, checked above
            audience=[*audiences, *client.audiences],
            issuer=client.issuer,
            options={
                "require": REQUIRED,
                "verify_exp": False,  # by our clock, in _check_times
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
        if not isinstance(claims["jti"], str) or not claims["jti"]:
            raise Unauthorized
        if client.tenants:
            if claims.get("tenant") not in client.tenants:
                raise Unauthorized
            # Equal patient ids of two tenants are two people.
            client = client.model_copy(update={"id": f"{client.id}/{claims['tenant']}"})
        return client, claims


def _check_times(claims: dict[str, Any], now: datetime) -> None:
    """Checks iat, nbf and exp, with leeway; raises Unauthorized."""
    at = now.timestamp()
    issued, expires = claims["iat"], claims["exp"]
    begins = claims.get("nbf", issued)
    if not all(type(t) in (int, float) and isfinite(t) for t in (issued, expires, begins)):
        raise Unauthorized
    in_time = max(issued, begins) <= at + LEEWAY_SECONDS and at - LEEWAY_SECONDS < expires
    if not in_time or expires - issued > MAX_LIFE_SECONDS:
        raise Unauthorized


class Authenticator:
    """Authenticates calls by the mode of the settings: required, optional or off."""

    def __init__(self, verifier: Verifier, mode: str, base_url: str, anonymous: Client) -> None:
        self.verifier = verifier
        self.mode = mode
        self.base_url = base_url
        self.anonymous = anonymous

    def client(self, header: str | None, paths: tuple[str, ...], now: datetime) -> Client:
        """Returns the client of a call; ``paths`` are those its token may name as audience. Raises
        Unauthorized."""
        if self.mode == "off" or (self.mode == "optional" and header is None):
            return self.anonymous
        try:
            client = self.verifier.verify(header, tuple(self.base_url + p for p in paths), now)
        except Unauthorized:
            metrics.TOKENS.labels("refused").inc()
            raise
        metrics.TOKENS.labels("accepted").inc()
        return client
