"""``cds-service purge``: deletes what is past its retention."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime, timedelta

from cds_service.settings import read_settings
from cds_service.store import Store, load_key


def run(_options: Namespace) -> int:
    """Runs the command; returns its exit status."""
    settings = read_settings()
    kept = timedelta(days=settings.retention_days)
    store = Store(settings.database_url, load_key(settings.key_file))
    gone = store.purge(datetime.now(UTC), kept)
    print(
        f"Deleted {gone.calls} calls, {gone.cards} cards, {gone.feedback} feedback items, "
        f"{gone.tokens} expired token ids and {gone.sessions} expired sessions."
    )
    return 0
