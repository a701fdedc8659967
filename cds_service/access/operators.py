"""Access to reports and numbers: operators, by the one token of a setting."""

from __future__ import annotations

import base64
import binascii
import hmac

from pydantic import SecretStr


def is_operator(header: str, token: SecretStr) -> bool:
    """True if an Authorization header carries the token: as Bearer, or as the password of Basic,
    which browsers send (RFC 7617). Compares in constant time."""
    scheme, _, sent = header.partition(" ")
    if scheme.lower() == "basic":
        sent = _password(sent)
    elif scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(sent.encode(), token.get_secret_value().encode())


def _password(credentials: str) -> str:
    """The password of Basic credentials, whoever the user; empty if there is none."""
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""
