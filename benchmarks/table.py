"""One table of what was measured, with its budget and verdict."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import process_time_ns


@dataclass(frozen=True)
class Row:
    """A number; ``limit`` is the most it may be, or the least when ``at_least``."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def verdict(self) -> str:
        if self.limit is None:
            return ""
        good = self.value >= self.limit if self.at_least else self.value <= self.limit
        return "ok" if good else "OVER" if not self.at_least else "UNDER"

    @property
    def budget(self) -> str:
        if self.limit is None:
            return ""
        return f"{'>=' if self.at_least else '<='} {self.limit:g}"


def show(title: str, rows: list[Row]) -> None:
    """Prints rows under a title."""
    print(f"\n{title}")
    for row in rows:
        number = f"{row.value:10.2f} {row.unit}"
        print(f"  {row.name:<46}{number:<20}{row.budget:<10}{row.verdict:<6}{row.note}".rstrip())


def cpu_ms(parts: dict[str, Callable[[], object]], rounds: int = 15) -> dict[str, float]:
    """Median CPU milliseconds of one run of each part; the parts take turns, so that what
    disturbs the machine disturbs them alike."""
    repeats = {name: _repeats(part) for name, part in parts.items()}
    times: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(rounds):
        for name, part in parts.items():
            began = process_time_ns()
            for _ in range(repeats[name]):
                part()
            times[name].append((process_time_ns() - began) / repeats[name] / 1e6)
    return {name: median(found) for name, found in times.items()}


def _repeats(part: Callable[[], object]) -> int:
    """How often to run a part so that one timing takes about 20 ms."""
    part()
    began = process_time_ns()
    part()
    return max(1, min(200, int(20e6 / max(process_time_ns() - began, 1))))
