"""What is silent by the settings and the content, and what operators have switched off.

Switches are in the store, so that one command reaches every worker on every machine; each process
asks again after a few seconds. While the store is down, what was known last holds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from cds_service.decision.visibility import ContentNames, Visibility, visibility_of
from cds_service.store import Store, StoreUnavailable
from cds_service.telemetry.logs import LOG

REFRESH_SECONDS = 2.0  # seconds after which a process asks again


class Switches:
    """Called for what does not speak at this moment; thread-safe, survives a fork.

    Raises UnknownName for a silent name that the content does not have. A switched-off name that it
    does not have, or no longer, is passed over. ``known`` says whether the store was ever read.
    """

    def __init__(
        self,
        store: Store,
        names: ContentNames,
        silent: Iterable[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._names = names
        self._clock = clock
        self._asking = threading.Lock()
        self._asked_at = float("-inf")
        self._reachable = True
        self.known = False
        self._muted = visibility_of(names, silent, ())

    def __call__(self) -> Visibility:
        """What is off and silent now, as far as is known."""
        due = self._clock() - self._asked_at > REFRESH_SECONDS
        if due and self._asking.acquire(blocking=False):  # one thread asks, the others go on
            try:
                self._ask()
            finally:
                self._asked_at = self._clock()
                self._asking.release()
        return self._muted

    def _ask(self) -> None:
        try:
            off = self._store.switched_off()
        except StoreUnavailable:
            if self._reachable:
                LOG.warning("the switches cannot be read: what was known last holds")
            self._reachable = False
            return
        self._reachable = self.known = True
        visibility = visibility_of(self._names, self._muted.silent_names, off)
        if visibility != self._muted:
            LOG.warning("switches changed", switched_off=", ".join(visibility.off_names))
            self._muted = visibility
