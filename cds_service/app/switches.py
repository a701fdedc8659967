"""Parts that are silent by settings or content, and parts that operators have switched off.

Switches are in the store, so that one command reaches every worker on every machine. They are read
with a patient limit at start, at reload and then by a thread of each worker, so that a slow
database cannot make a plan speak that is switched off. While the store is down, what was known last
holds; a start without the store takes that from a small file beside the key.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import orjson

from cds_service.decision.visibility import Names, Visibility, visibility_of
from cds_service.store import Store, StoreUnavailable
from cds_service.telemetry.logs import LOG

REFRESH_SECONDS = 2.0  # after which a process reads the store again
PATIENT_SECONDS = 10.0  # for a reading that no call waits for, opening the connection included


class LastKnown:
    """The file that keeps what was switched off when the store was last read.

    Processes that share it write the same; each replaces it whole, so no reader sees half of it.
    """

    def __init__(self, key_file: Path) -> None:
        self.path = key_file.with_name(f"{key_file.name}.switches.json")

    def read(self) -> frozenset[str]:
        """The names that were off; none when there is no file yet. Raises OSError, or ValueError
        for a file that is not ours."""
        try:
            kept = orjson.loads(self.path.read_bytes())
        except FileNotFoundError:
            return frozenset()
        names = kept.get("switchedOff") if isinstance(kept, dict) else None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError("not a list of names")
        return frozenset(names)

    def write(self, off: frozenset[str]) -> None:
        """Keeps these names; raises OSError."""
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        made = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(orjson.dumps({"switchedOff": sorted(off)}))
                file.flush()
                os.fsync(file.fileno())
            made.replace(self.path)
        except OSError:
            made.unlink(missing_ok=True)
            raise


class Switches:
    """Called for what does not speak at this moment; thread-safe, survives a fork.

    Raises UnknownName for a silent name that the content does not have. A switched-off name that it
    does not have, or no longer, is passed over. ``known`` is True once the store was read: until
    then the state is that of the file, and the service is not ready.
    """

    def __init__(
        self,
        store: Store,
        names: Names,
        silent: Iterable[str],
        last_known: LastKnown,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._names = names
        self._last_known = last_known
        self._clock = clock
        self._reading = threading.Lock()
        self._read_at = float("-inf")
        self._reachable = True
        self.known = False
        self._off: frozenset[str] = frozenset()
        self._off = self._kept()
        self._visibility = visibility_of(names, silent, self._off)

    def __call__(self) -> Visibility:
        """Returns what is off and silent now, as far as is known; reads the store, within the limit
        of a call, when it was not read for a while (a served worker has a thread for that)."""
        due = self._clock() - self._read_at > REFRESH_SECONDS
        if due and self._reading.acquire(blocking=False):  # one thread reads, the others go on
            try:
                self._read(self._store.switched_off)
            finally:
                self._read_at = self._clock()
                self._reading.release()
        return self._visibility

    def read_patiently(self) -> None:
        """Reads the store, however slow it is, up to ``PATIENT_SECONDS``."""
        with self._reading:
            try:
                self._read(lambda: self._store.switched_off_patiently(PATIENT_SECONDS))
            finally:
                self._read_at = self._clock()

    def keep_current(self) -> None:
        """Starts the thread that reads the store from now on; to be called after the fork.

        A worker may be forked long after its master read the store: it begins with what the
        workers before it kept in the file.
        """
        self._set(self._kept())
        threading.Thread(target=self._keep_reading, name="switches", daemon=True).start()

    def _keep_reading(self) -> None:
        while True:
            self.read_patiently()
            time.sleep(REFRESH_SECONDS / 2)  # so that calls do not find it due

    def _read(self, ask: Callable[[], frozenset[str]]) -> None:
        try:
            off = ask()
        except StoreUnavailable:
            if self._reachable:
                LOG.warning("the switches cannot be read: what was known last holds")
            self._reachable = False
            return
        if not self.known or off != self._off:
            self._keep(off)
        self._reachable = self.known = True
        self._set(off)

    def _set(self, off: frozenset[str]) -> None:
        self._off = off
        visibility = visibility_of(self._names, self._visibility.silent_names, off)
        if visibility != self._visibility:
            LOG.warning("switches changed", switched_off=", ".join(visibility.off_names))
            self._visibility = visibility

    def _kept(self) -> frozenset[str]:
        try:
            return self._last_known.read()
        except (OSError, ValueError):
            LOG.error("the file of the switches cannot be read: what was known last holds")
            return self._off

    def _keep(self, off: frozenset[str]) -> None:
        try:
            self._last_known.write(off)
        except OSError:
            LOG.error("the file of the switches cannot be written: look at the folder of the key")
