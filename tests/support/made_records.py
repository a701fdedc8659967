"""Calls and feedback for tests of the store."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from cds_service.store import CallRecord, CardRecord, CardState
from cds_service.store.records import FeedbackItem, Outcome, Reason

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
WINDOW = 30 * DAY
KEY = b"a key of thirty-two bytes, fixed"
SERVICE = "dyspareunia-workup-patient-view"
CLIENT = "https://ehr.example.org"


def card(name: str = "REC-UA", **more: Any) -> CardRecord:
    """A card that was shown, unless said otherwise."""
    values: dict[str, Any] = {
        "uuid": str(uuid.uuid4()),
        "sources": ("C18",),
        "indicator": "info",
        "state": CardState.SHOWN,
        "repeat_key": f"key of {name}",
        "suggestions": {str(uuid.uuid4()): "dipstick"},
        "overrides": tuple(f"https://reasons.example|{r}" for r in ("deferred", "referred")),
    }
    return CardRecord(card=name, **{**values, **more})


def call(*cards: CardRecord, **more: Any) -> CallRecord:
    """A call answered now."""
    values: dict[str, Any] = {
        "at": NOW,
        "service": SERVICE,
        "hook": "patient-view",
        "hook_instance": str(uuid.uuid4()),
        "client": CLIENT,
        "content_version": "0.1.0+abc",
        "patient_id": "person",
        "encounter_id": "visit",
        "timings": {"evaluate": 1.23456},
        "answered": 30,
    }
    return CallRecord(**{**values, **more}, cards=cards)


def accepted(shown: CardRecord | str, at: datetime = NOW) -> FeedbackItem:
    """The card's suggestions, or some, were taken."""
    if isinstance(shown, str):
        return FeedbackItem(shown, Outcome.ACCEPTED, at, (str(uuid.uuid4()),))
    return FeedbackItem(shown.uuid, Outcome.ACCEPTED, at, tuple(sorted(shown.suggestions)))


def overridden(
    shown: CardRecord, reason: str | None = None, at: datetime = NOW, comment: str | None = None
) -> FeedbackItem:
    """The card was set aside."""
    return FeedbackItem(
        shown.uuid, Outcome.OVERRIDDEN, at, (), Reason(reason) if reason else None, comment
    )
