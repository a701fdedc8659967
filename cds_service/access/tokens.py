"""Who is calling: JWT verification (``docs/conformance.md`` section 6).

Whatever is wrong with a token, the caller learns only that it was not accepted.
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

LEEWAY = 60  # seconds of clock skew
MAX_LIFE = 3600  # seconds between iat and exp
MAX_TOKEN = 8192  # characters
SWEEP = 1000  # token ids a worker remembers before it looks for expired ones
REFUSALS = (  # what reading somebody's token may raise
    jwt.PyJWTError,
    ValueError,
    TypeError,
    KeyError,
    OverflowError,
    NotImplementedError,
)
REQUIRED = ["iss", "aud", "exp", "iat", "jti"]

# (issuer, jti, expires, now) -> whether it was new; raises when the store cannot be asked.
ClaimTokenId = Callable[[str, str, datetime, datetime], bool]


class Unauthorized(ServiceError):
    """No acceptable token: 401, always with the same words (``docs/conformance.md`` 6.15)."""

    status = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__(
            Issue("security", "A valid token is required. See docs/integrating.md, Authentication.")
        )


class ReplayCache:
    """Token ids one worker has seen: the replay check while the store is down."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], datetime] = {}
        self._sweep_at = SWEEP
        self._lock = threading.Lock()

    def claim(self, issuer: str, jti: str, expires: datetime, now: datetime) -> bool:
        """Whether the id is new; expired ones are forgotten, now and then."""
        with self._lock:
            if len(self._seen) >= self._sweep_at:
                self._seen = {k: e for k, e in self._seen.items() if e > now}
                self._sweep_at = max(SWEEP, 2 * len(self._seen))
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
        """The client whose token this is. ``audiences`` are the addresses the token may be for;
        raises Unauthorized."""
        scheme, _, token = (header or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not 0 < len(token) <= MAX_TOKEN:
            raise Unauthorized
        try:
            client, claims = self._decode(token, audiences)
            _check_times(claims, now)
        except REFUSALS:
            raise Unauthorized from None
        expires = datetime.fromtimestamp(float(claims["exp"]) + LEEWAY, UTC)
        if not self.claim(claims["iss"], claims["jti"], expires, now):
            raise Unauthorized
        return client

    def _decode(self, token: str, audiences: tuple[str, ...]) -> tuple[Client, dict[str, Any]]:
        header = jwt.get_unverified_header(token)
        unverified = jwt.decode(token, options={"verify_signature": False})
        client = self.clients[unverified["iss"]]
        if str(header.get("typ", "")).upper() != "JWT" or header["alg"] not in client.algorithms:
            raise Unauthorized
        # A token's own jku is never followed; where we have an address, it must be the same.
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
    """Issued, not before and expiry, with leeway; raises Unauthorized."""
    at = now.timestamp()
    issued, expires = claims["iat"], claims["exp"]
    begins = claims.get("nbf", issued)
    if not all(type(t) in (int, float) and isfinite(t) for t in (issued, expires, begins)):
        raise Unauthorized
    in_time = max(issued, begins) <= at + LEEWAY and at - LEEWAY < expires
    if not in_time or expires - issued > MAX_LIFE:
        raise Unauthorized


class Authenticator:
    """Lets calls in, by the mode of the settings: required, optional or off."""

    def __init__(self, verifier: Verifier, mode: str, base_url: str, anonymous: Client) -> None:
        self.verifier = verifier
        self.mode = mode
        self.base_url = base_url
        self.anonymous = anonymous

    def client(self, header: str | None, paths: tuple[str, ...], now: datetime) -> Client:
        """Whose call this is; raises Unauthorized. ``paths`` are those the token may name."""
        if self.mode == "off" or (self.mode == "optional" and header is None):
            return self.anonymous
        try:
            found = self.verifier.verify(header, tuple(self.base_url + p for p in paths), now)
        except Unauthorized:
            metrics.TOKENS.labels("refused").inc()
            raise
        metrics.TOKENS.labels("accepted").inc()
        return found
