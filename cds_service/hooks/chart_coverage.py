"""Counts which chart codings are recognised, and says when hardly any of a type is.

Where medicines carry codes that no value set holds, cards come as if nobody took any: that has to
be loud. Counts are by resource type and code system: no code is in them, and nothing of a person.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from cds_service.content.codes import SYSTEM_NAMES
from cds_service.telemetry import metrics
from cds_service.telemetry.logs import LOG

MIN_CODINGS = 400  # of one type, before their share says anything
RARE = 0.0025  # recognised share below which a type is told of
PERIOD = timedelta(days=1)


class ChartCoverage:
    """The counts of one process since it last told: at first as soon as there are enough codings
    of a type, then once in a day."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[str, datetime] = {}  # resource type -> when its counts began anew
        self._counts: Counter[tuple[str, bool]] = Counter()

    def add(self, codings: Mapping[tuple[str, str, bool], int], now: datetime) -> None:
        """Adds the codings of one call: (resource type, code system, recognised) -> how many."""
        for (kind, system, recognised), count in codings.items():
            name = SYSTEM_NAMES.get(system, "other")
            metrics.CHART_CODINGS.labels(kind, name, str(recognised).lower()).inc(count)
        with self._lock:
            for (kind, _, recognised), count in codings.items():
                self._counts[kind, recognised] += count
            for kind in {kind for kind, _, _ in codings}:
                self._tell(kind, now)

    def _tell(self, kind: str, now: datetime) -> None:
        seen, missed = self._counts[kind, True], self._counts[kind, False]
        total, last = seen + missed, self._told.get(kind)
        if total < MIN_CODINGS or (last is not None and now - last < PERIOD):
            return
        self._told[kind] = now
        del self._counts[kind, True], self._counts[kind, False]
        if seen < RARE * total:
            LOG.warning("hardly any chart coding is recognised", type=kind, count=total, seen=seen)
