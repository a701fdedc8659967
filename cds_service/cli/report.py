"""``cds-service report``: what became of cards."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime, timedelta

from cds_service.settings import read_settings
from cds_service.store import Store, load_key
from cds_service.store.report import MAX_REPORT, as_csv, as_json, summarise


def run(options: Namespace) -> int:
    """Runs the command; returns its exit status."""

    now = datetime.now(UTC)
    since = now - timedelta(days=min(max(options.days, 1), MAX_REPORT))
    settings = read_settings()
    store = Store(settings.database_url, load_key(settings.key_file))
    rows = store.report(since, now, summarise)
    if options.silent:
        rows = [row for row in rows if row.state == "silent"]
    print((as_json if options.json else as_csv)(rows), end="")
    return 0
