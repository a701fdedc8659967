"""Bars with intervals, in CSS pixels; a template writes them as SVG. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cds_service.store.report import Share, wilson

WIDTH = 300  # of a whole bar, and of a plot
LINE, BAR, GAP = 16, 10, 8  # heights of a label, of a bar, and the space below it
FEW = 10  # counts below it are drawn hollow


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar at ``y``: its label, what it counts, and the ends of its interval if it is a share.

    ``few`` marks a count too small to rest on.
    """

    label: str
    value: str
    y: int
    width: float
    count: int
    few: bool
    share: Share | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The ends of the interval in pixels."""
        return (self.share.low * WIDTH, self.share.high * WIDTH) if self.share else None


@dataclass(frozen=True, slots=True)
class Plot:
    """A title, bars from top to bottom, and the height they take."""

    title: str
    bars: tuple[Bar, ...]
    width: int = WIDTH

    @property
    def height(self) -> int:
        """The height of the plot."""
        return len(self.bars) * (LINE + BAR + GAP)


def plot_shares(title: str, counts: Sequence[tuple[str, int, int]]) -> Plot:
    """Returns a plot of (label, count, total): shares with Wilson 95 % intervals. A share of
    everything, such as what was shown itself, has no interval."""
    return Plot(title, tuple(_share(i, *one) for i, one in enumerate(counts)))


def _share(place: int, label: str, count: int, total: int) -> Bar:
    share = wilson(count, total)
    if share is None or label == "shown":
        width = float(WIDTH) if total else 0.0
        return Bar(label, str(count), _top(place), width, count, count < FEW)
    words = f"{count} of {total} ({share.share:.0%}; {share.low:.0%} to {share.high:.0%})"
    return Bar(label, words, _top(place), share.share * WIDTH, count, count < FEW, share)


def plot_counts(title: str, counts: Sequence[tuple[str, int]]) -> Plot:
    """Returns a plot of (label, count), relative to the largest."""
    largest = max((count for _, count in counts), default=0) or 1
    bars = (
        Bar(label, str(count), _top(i), count / largest * WIDTH, count, count < FEW)
        for i, (label, count) in enumerate(counts)
    )
    return Plot(title, tuple(bars))


def _top(place: int) -> int:
    return place * (LINE + BAR + GAP)
