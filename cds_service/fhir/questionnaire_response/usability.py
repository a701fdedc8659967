"""Reasons why a response that is valid as FHIR is not used, or not fully. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .header import ROOT
from .problems import Problem

BEGUN = ("in-progress", "stopped")
UNFINISHED = (
    "It will not be used: the status is {status}. Only a ticked emergency sign of the last 72 hours"
    " counts. Send completed once the person has finished."
)
UNDATED = (
    "There is no authored: an emergency question that was not ticked counts as unanswered. Send"
    " authored."
)
NOBODY = "There is no subject: the answers are taken as those of the patient of the call."


def usability(response: Any) -> Iterator[Problem]:
    """Warnings about a QuestionnaireResponse: begun only, undated, or of nobody; none for any
    other JSON."""
    if not isinstance(response, Mapping) or response.get("resourceType") != ROOT:
        return
    status = response.get("status")
    if isinstance(status, str) and status in BEGUN:
        yield _warning("business-rule", UNFINISHED.format(status=status), f"{ROOT}.status")
    if response.get("authored") is None:
        yield _warning("incomplete", UNDATED, ROOT)
    if response.get("subject") is None:
        yield _warning("incomplete", NOBODY, ROOT)


def _warning(code: str, text: str, path: str) -> Problem:
    return Problem("warning", code, text, path)
