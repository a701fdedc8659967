"""Whether a server still answers others while something is done to it, and what that costs it."""

import time
from pathlib import Path

from benchmarks.served import Server, cpu_s
from benchmarks.soak.expecting import expect
from benchmarks.soak.wire import ask

MAX_SECONDS = 10.0  # for an answer about the server's health, on a busy machine
PROBES = 5


def probe(port: int, seconds: float) -> float:
    """Asks for ``/health/live`` again and again; returns the slowest answer in seconds."""
    until, times = time.monotonic() + seconds, []
    while time.monotonic() < until or len(times) < PROBES:
        began = time.monotonic()
        status, _ = ask(port, "/health/live")
        times.append(time.monotonic() - began)
        expect(status == 200, f"/health/live answered {status}")
        expect(times[-1] < MAX_SECONDS, f"/health/live took {times[-1]:.1f} s")
        time.sleep(0.05)
    return max(times)


class Spent:
    """CPU seconds of a server's workers since this was made."""

    def __init__(self, server: Server) -> None:
        self.workers = server.workers
        self.before = cpu_s(self.workers)

    def seconds(self) -> float:
        """So far."""
        return cpu_s(self.workers) - self.before


def peak_mib(server: Server) -> float:
    """The most memory that any worker ever had resident, in MiB."""
    texts = (Path(f"/proc/{pid}/status").read_text().splitlines() for pid in server.workers)
    lines = (line for text in texts for line in text if line.startswith("VmHWM:"))
    return max(int(line.split()[1]) for line in lines) / 1024
