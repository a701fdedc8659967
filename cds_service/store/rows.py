"""Records as rows. Whatever could identify a person becomes a keyed hash here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cds_service.store.pseudonyms import Pseudonyms
from cds_service.store.records import CallRecord, CardRecord, FeedbackItem


def call_row(names: Pseudonyms, call: CallRecord) -> dict[str, Any]:
    """Makes the row of ``calls``, without its id."""
    return {
        "at": call.at,
        "service": call.service,
        "hook": call.hook,
        "hook_instance": names.safe_id(call.hook_instance),
        "client": call.client,
        "content_version": call.content_version,
        "patient": names.patient(call.client, call.patient_id),
        "encounter": names.encounter(call.client, call.encounter_id),
        "timings": {step: round(ms, 3) for step, ms in call.timings.items()},
        "answered": call.answered,
        "unanswered": call.unanswered,
        "unusable": call.unusable,
    }


def card_row(call_id: int, place: int, card: CardRecord) -> dict[str, Any]:
    """Makes the row of ``cards``, without its id; ``place`` counts from 0."""
    return {
        "call_id": call_id,
        "place": place,
        "uuid": card.uuid,
        "card": card.card,
        "sources": list(card.sources),
        "indicator": card.indicator,
        "state": card.state.value,
        "repeat_key": card.repeat_key,
        "suggestions": dict(card.suggestions),
        "overrides": list(card.overrides),
    }


@dataclass(frozen=True, slots=True)
class FeedbackCall:
    """One feedback call: to which service, from which client, received when (aware)."""

    service: str
    client: str
    received: datetime


@dataclass(frozen=True, slots=True)
class KnownCard:
    """A card that was shown: its row, when, what repeats are known by (keyed hashes), and the
    override reasons it offered (system|code)."""

    row_id: int
    at: datetime
    repeat_key: str
    encounter: str | None
    overrides: tuple[str, ...]


def digest(*parts: str) -> str:
    """A hash without a key, for what says nothing about a person: the same in every replica,
    even where one was given another key. 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def identity(names: Pseudonyms, call: FeedbackCall, item: FeedbackItem) -> str:
    """Hashes what makes two items the same: feedback is idempotent (conformance 5.7)."""
    moment = item.at.isoformat(timespec="microseconds")
    ids = (names.safe_id(s) for s in (item.card, *item.suggestions))
    return digest(call.service, call.client, item.outcome.value, moment, *ids)


def feedback_row(
    names: Pseudonyms,
    call: FeedbackCall,
    item: FeedbackItem,
    known: Mapping[str, KnownCard],
) -> dict[str, Any]:
    """Makes the row of ``feedback``; ``known`` maps card uuids to their cards."""
    uuid = names.safe_id(item.card)
    card = known.get(uuid)
    reason = item.reason
    return {
        "identity": identity(names, call, item),
        "received_at": call.received,
        "outcome_at": item.at,
        # The client's clock may be wrong: not after receipt, not before the card was sent.
        "acted_at": max(card.at if card else item.at, min(item.at, call.received)),
        "service": call.service,
        "client": call.client,
        "card_uuid": uuid,
        "card_id": card.row_id if card else None,
        "repeat_key": card.repeat_key if card else None,
        "encounter": card.encounter if card else None,
        "outcome": item.outcome.value,
        "suggestions": [names.safe_id(s) for s in item.suggestions],
        "reason_code": reason.of(card.overrides if card else ()) if reason else None,
        "comment": item.comment,
    }
