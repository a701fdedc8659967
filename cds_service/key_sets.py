"""Public keys of clients: from a local file or one fixed address, never from a token's ``jku``."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import httpx
import orjson
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from cds_service.clients import Client
from cds_service.fhir_client import CheckedTransport

COOL_DOWN = 60.0  # seconds between two readings because of an unknown kid
KEEP = 3600.0  # seconds a key set is used before it is read again
LARGEST = 200_000  # bytes of a key set
TIMEOUT = 2.0  # seconds
KEY_TYPES = {"ES384": ("EC", "P-384"), "RS384": ("RSA", None)}


class KeySet:
    """The keys of one client, by kid; read when first needed, again when a kid is unknown."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._keys: dict[str, PyJWK] = {}
        self._read_at = float("-inf")
        self._lock = threading.Lock()

    def find(self, kid: str, algorithm: str) -> PyJWK | None:
        """The key of a kid, fit for the algorithm; None when there is none."""
        with self._lock:
            age = time.monotonic() - self._read_at
            if age > KEEP or (kid not in self._keys and age > COOL_DOWN):
                self._read_at = time.monotonic()
                self._keys = self._read() or self._keys
            key = self._keys.get(kid)
        return key if key is not None and _fits(key, algorithm) else None

    def _read(self) -> dict[str, PyJWK]:
        try:
            data = orjson.loads(self._bytes())
            listed = [key for key in data["keys"] if isinstance(key, dict)]
        except (OSError, httpx.HTTPError, ValueError, KeyError, TypeError):
            return {}
        kids = [key.get("kid") for key in listed]
        found = {}
        for key in listed:
            kid = key.get("kid")
            # Two keys under one name: neither can be trusted (cds-hooks.md 6.12).
            if isinstance(kid, str) and kids.count(kid) == 1 and key.get("kty") != "oct":
                try:
                    found[kid] = PyJWK(key, algorithm=key.get("alg") or _algorithm(key))
                except (PyJWTError, ValueError, TypeError):
                    continue
        return found

    def _bytes(self) -> bytes:
        if self.client.jwks_file is not None:
            return Path(self.client.jwks_file).read_bytes()
        with (
            httpx.Client(
                transport=CheckedTransport(self.client.allow_private_addresses),
                timeout=TIMEOUT,
                follow_redirects=False,
                trust_env=False,
            ) as http,
            http.stream("GET", str(self.client.jwks_url)) as response,
        ):
            response.raise_for_status()
            body = bytearray()
            until = time.monotonic() + TIMEOUT
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > LARGEST or time.monotonic() > until:
                    raise ValueError("the key set is too large or too slow")
            return bytes(body)


def _algorithm(key: dict[str, object]) -> str:
    return "ES384" if key.get("kty") == "EC" else "RS384"


def _fits(key: PyJWK, algorithm: str) -> bool:
    """The key's own type decides what it may verify, not the token."""
    kind, curve = KEY_TYPES[algorithm]
    return (
        key.key_type == kind
        and key.algorithm_name == algorithm
        and (curve is None or key._jwk_data.get("crv") == curve)
        and key.public_key_use in (None, "sig")
    )
