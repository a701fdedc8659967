"""The rows of the report, card by card, as plots. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cds_service.content import Content
from cds_service.store.report import NO_REASON, SHOWN, Row
from cds_service.web.reports.plots import Plot, plot_counts, plot_shares

OTHER_REASON = "another code"  # a client's own code is not printed: it may hold anything
BEFORE_AND_AFTER = 2  # content versions
MINUTE, HOUR, DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class CardReport:
    """One card: its row, its plots, and the median time to the first action in words."""

    id: str
    title: str
    row: Row
    funnel: Plot
    reasons: Plot | None
    versions: Plot | None
    time_to_action: str


def card_reports(
    content: Content, rows: Sequence[Row], version: str, versions: Sequence[str]
) -> list[CardReport]:
    """Returns the cards that were shown, most often first.

    ``version`` is one content version, or empty for all; ``versions`` are the two to compare, the
    older first.
    """
    titles = {card.id: card.title for card in content.cards.values()}
    displays = {code: reason["display"] for code, reason in content.override_reasons.items()}
    shown = [row for row in rows if (row.state, row.by) == (SHOWN, "card")]
    by_version = {(row.id, row.version): row for row in shown}
    return [
        CardReport(
            id=row.id,
            title=titles.get(row.id, row.id),
            row=row,
            funnel=_funnel(row),
            reasons=_reasons(row, displays),
            versions=_comparison(row.id, by_version, versions),
            time_to_action=in_words(row.median_seconds_to_action),
        )
        for row in sorted(shown, key=lambda row: (-row.fired, row.id))
        if row.version == version
    ]


def _funnel(row: Row) -> Plot:
    accepted, overridden = row.accepted or 0, row.overridden or 0
    counts = (
        ("shown", row.fired),
        ("acted on", accepted + overridden),
        ("accepted", accepted),
        ("overridden", overridden),
        ("ignored", row.ignored or 0),
    )
    return plot_shares("Of the times it was shown", [(*one, row.fired) for one in counts])


def _reasons(row: Row, displays: Mapping[str, str]) -> Plot | None:
    counts: dict[str, int] = {}
    for code, count in row.reasons.items():
        words = NO_REASON if code == NO_REASON else displays.get(code, OTHER_REASON)
        counts[words] = counts.get(words, 0) + count
    without = counts.pop(NO_REASON, 0)
    ordered = sorted(counts.items(), key=lambda one: -one[1])
    if without:
        ordered.append((NO_REASON, without))  # apart, as the last
    return plot_counts("Reasons to override it", ordered) if ordered else None


def _comparison(
    card: str, by_version: Mapping[tuple[str, str], Row], versions: Sequence[str]
) -> Plot | None:
    """Returns acceptance and override share in two content versions; None with fewer than two."""
    rows = [by_version[card, version] for version in versions if (card, version) in by_version]
    if len(rows) != BEFORE_AND_AFTER:
        return None
    return plot_shares("Before and after", list(_by_outcome(rows)))


def _by_outcome(rows: Sequence[Row]) -> Iterator[tuple[str, int, int]]:
    for outcome in ("accepted", "overridden"):
        for when, row in zip(("before", "after"), rows, strict=True):
            yield f"{outcome} {when}", getattr(row, outcome) or 0, row.fired


def in_words(seconds: float | None) -> str:
    """Returns a length of time in the unit that says most; "not known" for None."""
    if seconds is None:
        return "not known"
    for unit, length in (("days", DAY), ("hours", HOUR), ("minutes", MINUTE)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"
