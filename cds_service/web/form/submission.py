"""Submission of answers to the EHR behind a login; the form knows nothing else of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Protocol


class Reason(StrEnum):
    """A reason why answers did not reach the EHR; the form has words for each (``notice_...``)."""

    UNAVAILABLE = "unavailable"  # it does not answer now
    REFUSED = "refused"  # it does not take them
    SIGN_IN = "sign_in"  # the login has ended


class NotSubmitted(Exception):
    """The answers are not in the EHR; nothing of them is in the message."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Submit(Protocol):
    """Writes a response to the EHR of a login (``Session.ehr``)."""

    def __call__(self, ehr: dict[str, Any], response: dict[str, Any]) -> str:
        """The id of the response in the EHR, made or brought up to date; raises NotSubmitted. The
        same ``identifier`` is one response, however often it is sent."""
