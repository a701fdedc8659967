"""Public keys of clients: from a local file or one fixed address, never from a token's ``jku``."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import httpx
import orjson
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from cds_service.access.clients import Client
from cds_service.access.outbound import deadline, outbound_client, read_whole

COOL_DOWN_SECONDS = 60.0  # between two readings because of an unknown kid
BACK_OFF_SECONDS = 5.0  # before a key set that could not be read is tried again
REFRESH_SECONDS = 600.0  # a key set is used before it is read again
KEEP_SECONDS = 3600.0  # a key set is used at all: a key taken out of it ends within this time
MAX_BYTES = 200_000  # of a key set
TIMEOUT_SECONDS = 2.0
MIN_KEY_BITS = {"EC": 384, "RSA": 2048}
UNREADABLE = (
    OSError,
    httpx.HTTPError,
    ValueError,
    KeyError,
    TypeError,
)
KEY_TYPES = {"ES384": ("EC", "P-384"), "RS384": ("RSA", None)}


class KeySet:
    """The keys of one client, by kid; thread-safe.

    Read when first needed, every few minutes, and when a kid is unknown. One thread reads; the
    others go on with the keys there are, so that a key server that hangs holds one thread. Keys end
    an hour after the last reading that succeeded: revocation holds while the set cannot be read.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self._keys: dict[str, PyJWK] = {}
        self._read_at = float("-inf")  # successfully
        self._failed_at = float("-inf")
        self._reading = threading.Lock()

    def find(self, kid: str, algorithm: str) -> PyJWK | None:
        """Returns the key of a kid, fit for the algorithm; None when there is none."""
        # Without any keys the first reading is waited for; once it has failed, no other is.
        waits = self._has_ended() and self._failed_at <= self._read_at
        if self._is_due(kid) and self._reading.acquire(blocking=waits):
            try:
                if self._is_due(kid):
                    self._refresh()
            finally:
                self._reading.release()
        key = None if self._has_ended() else self._keys.get(kid)
        return key if key is not None and _fits(key, algorithm) else None

    def _has_ended(self) -> bool:
        return time.monotonic() - self._read_at > KEEP_SECONDS

    def _refresh(self) -> None:
        keys = self._read()
        if keys is None:
            self._failed_at = time.monotonic()
        else:
            self._keys = keys  # an empty set revokes all
            self._read_at = time.monotonic()

    def _is_due(self, kid: str) -> bool:
        """Says if the set must be read: it is old, or lacks this kid; not soon after a failure."""
        now = time.monotonic()
        age = now - self._read_at
        wanted = age > REFRESH_SECONDS or (kid not in self._keys and age > COOL_DOWN_SECONDS)
        return wanted and now - self._failed_at > BACK_OFF_SECONDS

    def _read(self) -> dict[str, PyJWK] | None:
        """Reads the keys of the set; None if it cannot be read."""
        try:
            data = orjson.loads(self._bytes())
            listed = [key for key in data["keys"] if isinstance(key, dict)]
        except UNREADABLE:
            return None
        kids = [key.get("kid") for key in listed]
        keys = {}
        for key in listed:
            kid = key.get("kid")
            # Two keys under one name: neither can be trusted (docs/conformance.md 6.12).
            if isinstance(kid, str) and kids.count(kid) == 1 and key.get("kty") != "oct":
                try:
                    keys[kid] = PyJWK(key, algorithm=key.get("alg") or _algorithm(key))
                except (PyJWTError, ValueError, TypeError, KeyError, NotImplementedError):
                    continue
        return keys

    def _bytes(self) -> bytes:
        if self.client.jwks_file is not None:
            return Path(self.client.jwks_file).read_bytes()
        until = time.monotonic() + TIMEOUT_SECONDS
        with (
            deadline(until),
            outbound_client(self.client.allow_private_addresses) as http,
            http.stream("GET", str(self.client.jwks_url), timeout=TIMEOUT_SECONDS) as response,
        ):
            response.raise_for_status()
            return read_whole(response, MAX_BYTES)


def _algorithm(key: dict[str, object]) -> str:
    return "ES384" if key.get("kty") == "EC" else "RS384"


def _fits(key: PyJWK, algorithm: str) -> bool:
    """Prevents algorithm confusion: the key decides what it may verify, not the token."""
    kind, curve = KEY_TYPES[algorithm]
    return (
        key.key_type == kind
        and key.algorithm_name == algorithm
        and (curve is None or key._jwk_data.get("crv") == curve)
        and key.public_key_use in (None, "sig")
        and "verify" in key._jwk_data.get("key_ops", ["verify"])
        and key.key.key_size >= MIN_KEY_BITS[kind]
    )
