"""The progress of a replay: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TextIO

BAR = 24  # characters
MEBIBYTE = 1 << 20
TERMINAL_SECONDS, LINE_SECONDS = 0.2, 10.0  # between two updates


@dataclass(slots=True)
class Progress:
    """Tells of one phase at a time on ``stream``; silent where there is none."""

    stream: TextIO | None = None
    _phase: str = ""
    _total: int = 0
    _bytes: int = 0
    _patients: int = 0
    _skipped: int = 0
    _began: float = field(default_factory=time.monotonic)
    _last: float = 0.0

    def begin(self, phase: str, total: int, done: int = 0) -> None:
        """Begins a phase of ``total`` bytes, of which ``done`` were done in an earlier run."""
        self._phase, self._total, self._bytes, self._skipped = phase, total, done, done
        self._patients, self._began, self._last = 0, time.monotonic(), 0.0

    def add(self, size: int, patients: int = 0) -> None:
        """Adds what a task did."""
        self._bytes += size
        self._patients += patients
        pause = TERMINAL_SECONDS if self._is_terminal else LINE_SECONDS
        if time.monotonic() - self._last >= pause:
            self._show("\r")

    def end(self) -> None:
        """Ends the phase with a last line."""
        self._show("\n")

    @property
    def _is_terminal(self) -> bool:
        return self.stream is not None and self.stream.isatty()

    def _show(self, end: str) -> None:
        if self.stream is None:
            return
        self._last = time.monotonic()
        line = self.line(self._last - self._began)
        self.stream.write(line + (end if self._is_terminal else "\n"))
        self.stream.flush()

    def line(self, seconds: float) -> str:
        """One line: the share done, patients, MB, the rate and the time left."""
        share = min(self._bytes / self._total, 1.0) if self._total else 1.0
        rate = (self._bytes - self._skipped) / seconds if seconds else 0.0
        left = (self._total - self._bytes) / rate if rate else 0.0
        full = round(share * BAR)
        bar = f"[{'#' * full}{'.' * (BAR - full)}] " if self._is_terminal else ""
        patients = f"{self._patients} patients, " if self._patients else ""
        return (
            f"{self._phase} {bar}{share:4.0%}, {patients}{self._bytes / MEBIBYTE:.0f} MB, "
            f"{rate / MEBIBYTE:.0f} MB/s, {max(left, 0):.0f} s left"
        )


def on_standard_error() -> Progress:
    """Progress for a person at the command line."""
    return Progress(sys.stderr)
