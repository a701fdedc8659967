"""The durable store: calls, feedback, token ids and switches, on SQLite or PostgreSQL.

No patient's data is kept. Ids of patients and encounters go through keyed hashes; what may hold
words about a patient is a clinician's comment on a card, and that is kept for ``purge`` to delete.
"""

from __future__ import annotations

from cds_service.store.keys import load_key
from cds_service.store.records import (
    CallRecord,
    CardRecord,
    CardState,
    Purged,
    Saved,
    StoreUnavailable,
    StoreUnusable,
)
from cds_service.store.store import Store
from cds_service.store.switches import SwitchRecord

__all__ = [
    "CallRecord",
    "CardRecord",
    "CardState",
    "Purged",
    "Saved",
    "Store",
    "StoreUnavailable",
    "StoreUnusable",
    "SwitchRecord",
    "load_key",
]
