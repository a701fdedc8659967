"""The plots of the report, as SVG that takes its colours from the page, for light and dark."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from markupsafe import Markup

from cds_service.authoring.replay.extras import load_extra

# Colours to draw with, each replaced by a variable of the page's style.
INK, SOFT, FIRST, SECOND = "#010101", "#020202", "#030303", "#040404"
VARIABLES = {INK: "var(--ink)", SOFT: "var(--rule)", FIRST: "var(--first)", SECOND: "var(--second)"}
# Inches: a plot, a bar, the axis below, the legend above, a character of a label.
WIDTH, ROW, FOOT, LEGEND, CHARACTER = 7.6, 0.24, 0.5, 0.35, 0.073
MAX_LABEL = 44  # characters beside a bar
STYLE = {
    "svg.fonttype": "none",  # text stays text
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
SIZED = re.compile(r'width="[\d.]+pt" height="[\d.]+pt"')


class Plotter:
    """Draws plots; the ids of each are its own, so that many fit on one page."""

    def __init__(self) -> None:
        self._matplotlib = load_extra("matplotlib")
        self._figure = load_extra("matplotlib.figure").Figure
        self._rectangle = load_extra("matplotlib.patches").Rectangle
        self._number = 0

    def bars(
        self, title: str, labels: Sequence[str], series: Mapping[str, Sequence[float]], unit: str
    ) -> Markup:
        """Horizontal bars, the first on top; several series are stacked, with a legend."""

        def draw(axes: Any) -> None:
            left = [0.0] * len(labels)
            for (name, values), colour in zip(series.items(), (FIRST, SECOND), strict=False):
                axes.barh(range(len(labels)), values, left=left, color=colour, label=name)
                left = [a + b for a, b in zip(left, values, strict=True)]
            axes.xaxis.get_major_locator().set_params(
                integer=True
            )  # of people there are whole ones
            if len(series) > 1:
                axes.legend(
                    frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(series)
                )

        return self._horizontal(title, labels, unit, draw, LEGEND if len(series) > 1 else 0.1)

    def intervals(
        self, title: str, labels: Sequence[str], rows: Sequence[tuple[float, float, float]]
    ) -> Markup:
        """Shares in per cent with their 95 % intervals: (share, low, high) of each label."""

        def draw(axes: Any) -> None:
            places = range(len(labels))
            axes.hlines(places, [r[1] * 100 for r in rows], [r[2] * 100 for r in rows], color=FIRST)
            axes.plot([r[0] * 100 for r in rows], places, "o", color=FIRST, markersize=3.5)
            axes.set_xlim(left=0)

        return self._horizontal(title, labels, "per cent of people", draw)

    def grid(
        self,
        title: str,
        rows: Sequence[str],
        columns: Sequence[str],
        cells: Mapping[tuple[str, str], tuple[float, str]],
    ) -> Markup:
        """A matrix: (row, column) -> (0 to 1, the words in the cell). Fuller cells are darker."""

        def draw(axes: Any) -> None:
            axes.set_xlim(0, len(columns))
            axes.set_ylim(len(rows), 0)
            for (row, column), (share, words) in cells.items():
                x, y = columns.index(column), rows.index(row)
                if share:
                    self._cell(axes, x, y, share)
                    axes.text(x + 0.5, y + 0.5, words, ha="center", va="center", fontsize=7)
            axes.set_xticks([x + 0.5 for x in range(len(columns))], columns, rotation=60, ha="left")
            axes.set_yticks([y + 0.5 for y in range(len(rows))], [_short(r) for r in rows])
            axes.xaxis.tick_top()
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)

        margins = (_width(rows), _width(columns), 0.1)
        return self._svg(title, len(rows) * ROW, margins, draw)

    def _cell(self, axes: Any, x: int, y: int, share: float) -> None:
        square = self._rectangle((x, y), 1, 1, color=FIRST, alpha=share, linewidth=0)
        square.set_transform(axes.transData)
        axes.add_artist(square)

    def _horizontal(
        self,
        title: str,
        labels: Sequence[str],
        unit: str,
        draw: Callable[[Any], None],
        above: float = 0.1,
    ) -> Markup:
        def drawn(axes: Any) -> None:
            draw(axes)
            axes.set_yticks(range(len(labels)), [_short(label) for label in labels])
            axes.set_ylim(len(labels) - 0.4, -0.6)
            axes.set_xlabel(unit)
            axes.grid(axis="x", color=SOFT, linewidth=0.5)
            axes.set_axisbelow(True)

        return self._svg(title, len(labels) * ROW, (_width(labels), above, FOOT), drawn)

    def _svg(
        self,
        title: str,
        height: float,
        margins: tuple[float, float, float],
        draw: Callable[[Any], None],
    ) -> Markup:
        """A figure whose plot is so high; ``margins`` are left, above and below, in inches."""
        left, above, below = margins
        whole = height + above + below
        place = (left / WIDTH, below / whole, (WIDTH - left - 0.2) / WIDTH, height / whole)
        self._number += 1
        buffer = io.StringIO()
        style = {**STYLE, "svg.hashsalt": str(self._number)}
        with self._matplotlib.rc_context(style):
            figure = self._figure(figsize=(WIDTH, whole))
            draw(figure.add_axes(place))
            figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
        drawn = _inline(buffer.getvalue(), title, f"plot{self._number}")
        return Markup(drawn)  # noqa: S704 - matplotlib escapes the texts


def _short(label: str) -> str:
    return label if len(label) <= MAX_LABEL else f"{label[: MAX_LABEL - 1]}\u2026"


def _width(labels: Sequence[str]) -> float:
    """The room that the longest label takes, in inches."""
    return 0.3 + CHARACTER * max(len(_short(label)) for label in labels)


def _inline(svg: str, title: str, prefix: str) -> str:
    """The element alone, with colours of the page and ids of its own, scaled to the page."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.S)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', svg)
    svg = re.sub(r'(url\(|href=")#', rf"\1#{prefix}-", svg)
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, variable)
    label = f'role="img" aria-label="{escape(title, quote=True)}"'
    return SIZED.sub(label, svg, count=1)
