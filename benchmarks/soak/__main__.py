"""``make soak``: about ten minutes of load, faults and odd requests; ``--minutes`` changes that.

Exits 1 when something did not hold.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module

from benchmarks.soak.expecting import Disappointed
from benchmarks.soak.faults import FAULTS, Skipped
from benchmarks.soak.load import CONNECTIONS, measure
from benchmarks.soak.traffic import Visits

# Shares of the time; the rest is for starting servers. Odd requests: about 7,000 in ten minutes.
LOAD, BREAKING = 0.25, 0.25
EXAMPLES_A_MINUTE = 150


class Soak:
    """One run: what was found, said as it goes."""

    def __init__(self, minutes: float) -> None:
        self.minutes = minutes
        self.began = time.monotonic()
        self.wrong: list[str] = []

    def say(self, words: str) -> None:
        """A line with the time since the beginning."""
        print(f"{time.monotonic() - self.began:5.0f} s  {words}", flush=True)

    def run(self, name: str, part: Callable[[], str]) -> None:
        """One part; its disappointment is remembered."""
        try:
            self.say(f"{name}: {part()}")
        except Skipped as why:
            self.say(f"{name}: SKIPPED, {why}")
        except Disappointed as why:
            self.wrong.append(name)
            self.say(f"{name}: FAILED, {why}")

    def load(self, visits: Visits) -> str:
        """All numbers of connections, service and echo in turn."""
        seconds = self.minutes * 60 * LOAD / (2 * len(CONNECTIONS))
        measure(visits, max(2.0, seconds), self.say, CONNECTIONS)
        return "no answer was 5xx, no connection broke"

    def odd_requests(self) -> str:
        """The fuzz tests with more examples, drawn at random."""
        examples = max(100, round(self.minutes * EXAMPLES_A_MINUTE))
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/fuzz"],
            env=os.environ | {"CDS_EXAMPLES": str(examples)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Disappointed(done.stdout[-6_000:])
        return f"{examples} examples of each test: {done.stdout.splitlines()[-1]}"


def main() -> int:
    """Everything, in one run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="about how long (10)")
    parser.add_argument("--only", choices=["load", "odd-requests", *FAULTS], help="one part")
    options = parser.parse_args()
    soak = Soak(options.minutes)
    visits = Visits()
    seconds = max(1.0, soak.minutes * 60 * BREAKING / len(FAULTS))
    parts: dict[str, Callable[[], str]] = {"load": lambda: soak.load(visits)}
    for name in FAULTS:
        check = import_module(f"benchmarks.soak.faults.{name.replace('-', '_')}").check
        parts[name] = lambda check=check: check(visits, seconds)
    parts["odd-requests"] = soak.odd_requests
    for name, part in parts.items():
        if options.only in (None, name):
            soak.run(name, part)
    soak.say(f"failed: {', '.join(soak.wrong)}" if soak.wrong else "everything held")
    return 1 if soak.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
