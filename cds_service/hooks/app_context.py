"""``appContext``: which form a card offered, and in which call, carried through the EHR and back.

It names no person and opens nothing. It is signed, so that what comes back is what was written
here; anything else in its place is passed over.
"""

from __future__ import annotations

import base64
import hmac
from typing import Any

import orjson

from cds_service.store.pseudonyms import Pseudonyms

KIND = "app-context"
MAX_LENGTH = 1024  # characters


def write(names: Pseudonyms, questionnaire: str, hook_instance: str) -> str:
    """``questionnaire`` is canonical|version. A hookInstance that is no UUID goes in as a hash."""
    said = {"questionnaire": questionnaire, "hookInstance": names.safe_id(hook_instance)}
    text = base64.urlsafe_b64encode(orjson.dumps(said)).rstrip(b"=").decode()
    return f"{text}.{names.of(KIND, text)}"


def read(names: Pseudonyms, sent: Any) -> dict[str, str] | None:
    """What ``write`` said; None for anything that was not written here."""
    if not isinstance(sent, str) or len(sent) > MAX_LENGTH:
        return None
    text, _, mark = sent.rpartition(".")
    if not hmac.compare_digest(mark.encode(), names.of(KIND, text).encode()):
        return None
    said: dict[str, str] = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return said
