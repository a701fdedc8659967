"""Limits of what one FHIR server may cost, so that one that hangs slows no call to another.

Bulkhead and circuit breaker: each base URL has threads of its own and a few calls at a time, and is
left alone for a while after calls that brought no response at all. What is refused, is refused at
once, with its reason.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

MAX_CALLS = 4  # at a time: half the threads a worker has by default
MAX_THREADS = 16  # the keys of these calls
MAX_FAILURES = 2  # calls without any response, one after the other, that open the circuit
OPEN_SECONDS = 10.0  # until one call may try again

# Why a key could not be fetched, as it is counted.
Reason = Literal[
    "no-server",
    "refused",
    "busy",
    "circuit-open",
    "status",
    "time",
    "unreachable",
    "answer",
    "size",
    "elsewhere",
    "other",
]


class FetchFailed(Exception):
    """A key that could not be fetched; the message completes "prefetch.key ..."."""

    def __init__(self, words: str, reason: Reason = "other") -> None:
        super().__init__(words)
        self.reason = reason


class FhirServer:
    """The threads, the calls at hand and the circuit breaker of one base URL; thread-safe."""

    def __init__(self, threads: int = MAX_THREADS) -> None:
        self.threads = ThreadPoolExecutor(threads, thread_name_prefix="fhir")
        self._lock = threading.Lock()
        self._calls = 0
        self._failures = 0
        self._open_until = 0.0

    def enter(self) -> None:
        """Begins a call, which must end with ``leave``; raises FetchFailed (busy, circuit-open)."""
        with self._lock:
            is_open = self._failures >= MAX_FAILURES
            if is_open and time.monotonic() < self._open_until:
                words = "could not be read: the FHIR server did not answer the last calls"
                raise FetchFailed(f"{words}; it is tried again within seconds", "circuit-open")
            if self._calls >= MAX_CALLS:
                words = "could not be read: too many calls are reading from the FHIR server"
                raise FetchFailed(words, "busy")
            if is_open:  # half-open: this call alone tries
                self._open_until = time.monotonic() + OPEN_SECONDS
            self._calls += 1

    def leave(self, answered: bool) -> None:
        """Ends a call; ``answered``: the server sent at least one response, whatever its status."""
        with self._lock:
            self._calls -= 1
            self._failures = 0 if answered else self._failures + 1
            if not answered:
                self._open_until = time.monotonic() + OPEN_SECONDS

    def close(self) -> None:
        """Ends the threads; what has not begun is cancelled."""
        self.threads.shutdown(wait=False, cancel_futures=True)
