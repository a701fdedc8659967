"""Pseudonyms: keyed hashes in place of ids and answers, so that nothing stored names a person."""

from __future__ import annotations

import hashlib
import hmac
import json
import re

SHORTEST_KEY = 16  # bytes

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Pseudonyms:
    """Keyed hashes (HMAC-SHA256, 32 hexadecimal digits) that stand for what must not be kept.

    Without the key nobody can read, or test a guess of, what a hash stands for.
    Raises ValueError for a key under 16 bytes.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < SHORTEST_KEY:
            raise ValueError(f"the hash key must have at least {SHORTEST_KEY} bytes")
        self._key = key

    def of(self, kind: str, *parts: str) -> str:
        """The hash of some parts; ``kind`` keeps equal parts of different meaning apart."""
        text = json.dumps((kind, *parts)).encode()  # JSON: ("a", "bc") is not ("ab", "c")
        return hmac.digest(self._key, text, hashlib.sha256).hex()[:32]

    def uuid(self, kind: str, *parts: str) -> str:
        """The hash of some parts as a UUID (RFC 9562, version 8)."""
        digits = self.of(kind, *parts)
        fields = (digits[:8], digits[8:12], f"8{digits[13:16]}", f"8{digits[17:20]}", digits[20:])
        return "-".join(fields)

    def safe_id(self, value: str) -> str:
        """A UUID as it is, in lower case; anything else may say something, so its hash."""
        lowered = value.lower()
        return lowered if _UUID.fullmatch(lowered) else self.of("id", value)

    def patient(self, client: str, patient_id: str) -> str:
        """A patient of one client; ids of different clients may collide."""
        return self.of("patient", client, patient_id)

    def encounter(self, client: str, encounter_id: str | None) -> str | None:
        """An encounter of one client; None stays None."""
        return None if encounter_id is None else self.of("encounter", client, encounter_id)
