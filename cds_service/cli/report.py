"""``cds-service report``: what became of cards."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from cds_service.content import find_roots
from cds_service.content.topics import load_topics
from cds_service.hooks.discovery import services
from cds_service.settings import Settings, read_settings
from cds_service.store import Store, load_key
from cds_service.store.report import MAX_REPORT, as_csv, as_json, summarise


def run(options: Namespace) -> int:
    """Runs the command; returns its exit status."""

    now = datetime.now(UTC)
    since = now - timedelta(days=min(max(options.days, 1), MAX_REPORT))
    settings = read_settings()
    store = Store(settings.database_url, load_key(settings.key_file))
    rows = store.report(since, now, summarise, services=_services(options.topic, settings))
    if options.silent:
        rows = [row for row in rows if row.state == "silent"]
    print((as_json if options.json else as_csv)(rows), end="")
    return 0


def _services(topic: str, settings: Settings) -> Collection[str] | None:
    """The ids of the services of a topic, None for those of all; raises ValueError for a topic that
    there is not."""
    if not topic:
        return None
    contents = {one.topic: one for one in load_topics(find_roots(settings.content))}
    if topic not in contents:
        raise ValueError(f"--topic must be one of: {', '.join(contents)}")
    return services(contents[topic])
