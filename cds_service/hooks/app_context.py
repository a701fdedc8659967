"""``appContext``: which form a card offered, and in which call, carried through the EHR and back.

It names no person and opens nothing. A keyed hash signs it; whatever lacks the signature is
ignored.
"""

from __future__ import annotations

import base64
import hmac
from typing import Any

import orjson

from cds_service.store.pseudonyms import Pseudonyms

KIND = "app-context"
MAX_LENGTH = 1024  # characters


def write(names: Pseudonyms, questionnaire: str, call: str) -> str:
    """Signs a context. ``questionnaire`` is canonical|version, ``call`` the uuid of the call."""
    context = {"questionnaire": questionnaire, "call": call}
    text = base64.urlsafe_b64encode(orjson.dumps(context)).rstrip(b"=").decode()
    return f"{text}.{names.of(KIND, text)}"


def read(names: Pseudonyms, sent: Any) -> dict[str, str] | None:
    """Reads what ``write`` signed; None for anything else."""
    if not isinstance(sent, str) or len(sent) > MAX_LENGTH:
        return None
    text, _, signature = sent.rpartition(".")
    if not hmac.compare_digest(signature.encode(), names.of(KIND, text).encode()):
        return None
    context: dict[str, str] = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return context
