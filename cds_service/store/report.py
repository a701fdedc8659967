"""The report on cards: counts per card, cause and content version, as plain rows. Pure.

A firing is one card in one answer. It is accepted when any feedback accepted it, else overridden
when any overrode it (the last reason counts), else ignored: clients never report that
(``docs/conformance.md`` 5.6). Shares are of all firings, ignored ones included, with Wilson 95 %
intervals. Rows with very many overrides are flagged.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from math import sqrt
from statistics import median
from typing import Any, NamedTuple

from cds_service.store.records import Outcome, Reaction

Z_95 = 1.959963984540054  # standard normal quantile of 0.975
MAX_REPORT = 3660  # days
NO_REASON = "(none)"
ALL = ""  # the row over all content versions
SHOWN = "shown"


@dataclass(frozen=True, slots=True)
class Threshold:
    """Flag when the override share is above ``share`` in at least ``firings`` firings."""

    share: float = 0.8
    firings: int = 50


@dataclass(frozen=True, slots=True)
class Firing:
    """One card in one response; ``state`` is shown, suppressed or silent, ``at`` is aware."""

    card: str
    sources: tuple[str, ...]
    version: str
    state: str
    at: datetime
    reactions: tuple[Reaction, ...] = ()


class Share(NamedTuple):
    """A share of firings and its 95 % interval, all from 0 to 1."""

    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report. ``by`` says what ``id`` is: a card, a cause or a content version.

    ``version`` is empty for all versions together. What needs feedback is None unless ``state`` is
    shown: nobody can act on a card that was held back or evaluated silently. Times in seconds.
    """

    state: str
    by: str
    id: str
    version: str
    calls: int
    fired: int
    fire_rate: float | None
    accepted: int | None = None
    overridden: int | None = None
    ignored: int | None = None
    reasons: Mapping[str, int] = field(default_factory=dict)
    median_seconds_to_action: float | None = None
    acceptance: Share | None = None
    override: Share | None = None
    flagged: bool = False


def wilson(hits: int, total: int, z: float = Z_95) -> Share | None:
    """The share of ``hits`` and its Wilson score interval; None when there is nothing to share."""
    if total == 0:
        return None
    share, square = hits / total, z * z
    centre = share + square / (2 * total)
    spread = z * sqrt(share * (1 - share) / total + square / (4 * total * total))
    scale = 1 + square / total
    low = 0.0 if hits == 0 else (centre - spread) / scale  # exact at the ends, not nearly
    high = 1.0 if hits == total else (centre + spread) / scale
    return Share(share, low, high)


def summarise(
    firings: Iterable[Firing], calls: Mapping[str, int], threshold: Threshold | None = None
) -> list[Row]:
    """The rows of a report: per card and cause for each version and for all, then per version.

    ``calls`` is the number of calls of each content version. Firings may come in any order and are
    read once.
    """
    groups: dict[tuple[str, str, str, str], _Group] = {}
    for firing in firings:
        for by, name, version in _places(firing):
            groups.setdefault((firing.state, by, name, version), _Group()).add(firing)
    total = sum(calls.values())
    return [
        groups[key].row(key, calls.get(key[3], 0) if key[3] else total, threshold or Threshold())
        for key in sorted(groups)
    ]


def _places(firing: Firing) -> Iterator[tuple[str, str, str]]:
    """Returns where a firing counts: once for its card, once for each cause, once for the
    version."""
    named = [("card", firing.card), *(("cause", s) for s in dict.fromkeys(firing.sources))]
    for by, name in named:
        yield by, name, firing.version
        yield by, name, ALL
    yield "version", firing.version, firing.version


@dataclass(slots=True)
class _Group:
    """Counts of one row while firings are read."""

    fired: int = 0
    accepted: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def add(self, firing: Firing) -> None:
        self.fired += 1
        if not firing.reactions:
            return
        acted = sorted(firing.reactions, key=_when)
        self.seconds.append(max(0.0, (acted[0].at - firing.at).total_seconds()))
        if any(r.outcome is Outcome.ACCEPTED for r in acted):
            self.accepted += 1
        else:
            self.reasons[acted[-1].reason or NO_REASON] += 1

    def row(self, key: tuple[str, str, str, str], calls: int, threshold: Threshold) -> Row:
        rate = self.fired / calls if calls else None
        if key[0] != SHOWN:
            return Row(*key, calls, self.fired, rate)
        overridden = self.reasons.total()
        share = overridden / self.fired
        return Row(
            *key,
            calls,
            self.fired,
            rate,
            self.accepted,
            overridden,
            self.fired - self.accepted - overridden,
            dict(sorted(self.reasons.items())),
            median(self.seconds) if self.seconds else None,
            wilson(self.accepted, self.fired),
            wilson(overridden, self.fired),
            self.fired >= threshold.firings and share > threshold.share,
        )


def _when(reaction: Reaction) -> datetime:
    return reaction.at


# -- rendering -----------------------------------------------------------------------------


def as_json(rows: Iterable[Row]) -> str:
    """The rows as a JSON array of objects."""
    return json.dumps([_plain(row) for row in rows], indent=2)


def as_csv(rows: Iterable[Row]) -> str:
    """The rows as CSV (RFC 4180) with a heading; shares take three columns, reasons one."""
    out = io.StringIO()
    table = csv.DictWriter(out, COLUMNS, lineterminator="\r\n")
    table.writeheader()
    for row in rows:
        table.writerow(_flat(row))
    return out.getvalue()


SHARES = ("acceptance", "override")
COLUMNS = (
    *(name for name in Row.__dataclass_fields__ if name not in (*SHARES, "flagged")),
    *(column for s in SHARES for column in (f"{s}_rate", f"{s}_low", f"{s}_high")),
    "flagged",
)


def _plain(row: Row) -> dict[str, Any]:
    found = asdict(row)
    for name in SHARES:
        share: Share | None = getattr(row, name)
        found[name] = None if share is None else share._asdict()
    return found


def _flat(row: Row) -> dict[str, Any]:
    found = {n: v for n, v in asdict(row).items() if n not in SHARES}
    for name in SHARES:
        share: Share | None = getattr(row, name)
        for part, value in zip(("rate", "low", "high"), share or (None,) * 3, strict=True):
            found[f"{name}_{part}"] = None if value is None else round(value, 4)
    found["reasons"] = " ".join(f"{_cell(code)}={n}" for code, n in row.reasons.items())
    found["flagged"] = "yes" if row.flagged else "no"
    return found


def _cell(text: str) -> str:
    """A client's code, unable to act as a formula when a spreadsheet opens the file."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text
