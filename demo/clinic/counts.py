"""The service's report, with the cards and the reasons by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cds_service.content import Content
from cds_service.store.report import Row, Share
from cds_service.web.reports.cards import CardReport, card_reports
from cds_service.web.reports.plots import Plot


def counted(content: Content, report: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns one line for each card that was shown, most often first."""
    rows = [_row(line) for line in report if line["by"] == "card"]
    return [_line(card) for card in card_reports(content, rows, "", ())]


def _row(line: Mapping[str, Any]) -> Row:
    shares = {
        name: Share(**line[name]) if line[name] else None for name in ("acceptance", "override")
    }
    return Row(**{**line, **shares})


def _line(card: CardReport) -> dict[str, Any]:
    bars = {bar.label: {"count": bar.count, "value": bar.value} for bar in card.funnel.bars}
    return {
        "title": card.title,
        **bars,
        "time": card.time_to_action,
        "reason": _top(card.reasons) if card.reasons else "",
    }


def _top(reasons: Plot) -> str:
    bar = max(reasons.bars, key=lambda bar: bar.count)
    return f"{bar.label}: {bar.value}"
