"""The picture of three cards, drawn from what the service answers for a made-up person.

``python -m tests.support.cards_picture`` writes it to the README's place and to the start page's;
``tests/hooks/test_cards_picture.py`` fails when either is not what the service answers now.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from textwrap import wrap
from typing import Any

from cds_service.content import load_content
from tests.support.clinic import NOW, QUIET, ROOT, Clinic

PLACES = (ROOT / "docs/images/cards.svg", ROOT / "cds_service/web/static/cards.svg")
SHOWN = ("urine-testing", "sti-testing", "self-care")
OFFERED = 3  # suggestions drawn on a card; the rest are counted
AGE = 40
ANSWERS = QUIET | {
    "sextype": ["vagrec"],
    "when": ["during"],
    "where": ["bladder"],
    "dur": "lt6w",
    "sev": 4,
    "genital": ["vagdisch"],
    "urine": ["burn"],
    "stirisk": ["newpartner"],
}
GIVEN = (
    "Answers of today: pain during sex, burning when passing urine, unusual fluid, a new partner"
)
DRAFT = (
    "Draft clinical content, not approved by clinicians. The cards suggest; the clinician decides."
)
CARD, APART, LEFT, TOP = 300, 30, 30, 84
INNER = CARD - 36
EM = {"code": 0.62, "heading": 0.72}  # mean width of a character, in em
PROSE_EM = 0.56
STYLE = """
    text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
      font-size: 13px; fill: #1f2933; }
    .panel { fill: #eef1f5; stroke: #cfd6df; }
    .card { fill: #ffffff; stroke: #cfd6df; }
    .rule { stroke: #dde3ea; }
    .warning { fill: #a34207; } .info { fill: #1d5fb4; } .critical { fill: #a3122a; }
    .badge { fill: #ffffff; font-size: 12px; font-weight: 600; text-anchor: middle; }
    .strong { font-size: 15px; font-weight: 600; }
    .heading { font-size: 11px; font-weight: 600; letter-spacing: .05em; }
    .heading, .quiet { fill: #4a5563; }
    .code { font: 12px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
    .first { fill: #1d5fb4; } .offer { fill: none; stroke: #1d5fb4; }
    .firstword { font-weight: 600; fill: #ffffff; } .offerword { fill: #174a8c; }
    .small { font-size: 11.5px; fill: #4a5563; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .panel { fill: #0f141a; stroke: #333c47; }
      .card { fill: #1a212a; stroke: #38424e; }
      .rule { stroke: #333c47; }
      .heading, .quiet, .small { fill: #b6c2cf; }
      .badge, .firstword { fill: #ffffff; }
      .offer { stroke: #6ea8f0; } .offerword { fill: #9cc6ff; }
    }
"""


def cards() -> list[dict[str, Any]]:
    """The cards the service shows for the person, those of the picture."""
    clinic = Clinic(load_content(ROOT), client=None)  # type: ignore[arg-type] # no HTTP needed
    born = {"birthDate": f"{NOW.year - AGE}-03-01"}
    answered = clinic.found(ANSWERS, patient=born).cards
    return [c for c in answered if c["source"]["topic"]["code"] in SHOWN]


class _Card:
    """Draws one card downwards from its top."""

    def __init__(self, card: dict[str, Any], x: float) -> None:
        self.card, self.x, self.y = card, x, TOP + 40.0
        self.parts: list[str] = []

    def text(self, text: str, style: str, size: float = 13, room: float = INNER) -> None:
        for line in _lines(text, room, size, EM.get(style, PROSE_EM)):
            self.parts.append(_text(self.x + 18, self.y, line, style))
            self.y += size * 1.4
        self.y += 2

    def heading(self, text: str) -> None:
        self.y += 12
        self.text(text.upper(), "heading", 11)

    def offer(self, text: str, style: str) -> None:
        lines = _lines(text, INNER - 24, 13.5)
        height = len(lines) * 18 + 12
        box = f'<rect x="{self.x + 18}" y="{self.y - 12:.0f}" width="{INNER}" height="{height}"'
        self.parts.append(f'{box} rx="6" class="{style}"/>')
        for number, line in enumerate(lines):
            self.parts.append(_text(self.x + 30, self.y + 6 + number * 18, line, f"{style}word"))
        self.y += height + 8

    def draw(self) -> None:
        indicator, topic = self.card["indicator"], self.card["source"]["topic"]["display"]
        wide = 30 + len(indicator) * 7
        badge = f'<rect x="{self.x + 18}" y="{TOP + 16}" width="{wide}" height="20" rx="10"'
        self.parts += [
            f'{badge} class="{indicator}"/>',
            _text(self.x + 18 + wide / 2, TOP + 30, indicator, "badge"),
        ]
        self.y = TOP + 31
        for line in _lines(topic, INNER - wide - 10, 13):
            self.parts.append(_text(self.x + 28 + wide, self.y, line, "quiet"))
            self.y += 16
        self.y = TOP + 72
        self.text(self.card["summary"], "strong", 15)
        for heading in ("Why", "Do now"):
            self.heading(heading)
            self.text(_section(self.card, heading)[0], "body")
        self._offers()

    def _offers(self) -> None:
        self.heading("Drafts to accept")
        labels = [s["label"] for s in self.card["suggestions"]]
        recommended = [s["label"] for s in self.card["suggestions"] if s.get("isRecommended")]
        for label in labels[:OFFERED]:
            self.offer(label, "first" if label in recommended else "offer")
        if len(labels) > OFFERED:
            self.text(f"and {len(labels) - OFFERED} more", "quiet")

    def foot(self, bottom: float) -> None:
        self.y = bottom - 46
        line = f'<path d="M{self.x + 18} {self.y - 18:.0f}h{INNER}" class="rule"/>'
        self.parts.append(line)
        self.text(self.card["source"]["label"], "small", 11.5)


def _lines(text: str, room: float, size: float, em: float = PROSE_EM) -> list[str]:
    """The text in lines that fit into ``room`` in common fonts."""
    return wrap(text, int(room / (size * em)))


def _text(x: float, y: float, text: str, style: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" class="{style}">{escape(text)}</text>'


def _section(card: dict[str, Any], heading: str) -> list[str]:
    """The lines of one part of a card's detail."""
    part = card["detail"].partition(f"**{heading}**\n\n")[2].partition("\n\n")[0]
    return [line.removeprefix("- ") for line in part.splitlines()]


def picture() -> str:
    """The whole SVG."""
    drawn = [_Card(c, LEFT + i * (CARD + APART)) for i, c in enumerate(cards())]
    for card in drawn:
        card.draw()
    bottom = max(card.y for card in drawn) + 72
    for card in drawn:
        card.foot(bottom)
    return "\n".join(_document(drawn, bottom)) + "\n"


def _document(drawn: list[_Card], bottom: float) -> Iterator[str]:
    width, height = LEFT * 2 + len(drawn) * (CARD + APART) - APART, bottom + 58
    summaries = ". ".join(escape(card.card["summary"]) for card in drawn)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:.0f}" '
        f'width="{width}" height="{height:.0f}" role="img" aria-labelledby="title desc">'
    )
    yield '<title id="title">Three cards in a patient\'s chart</title>'
    yield f'<desc id="desc">{summaries}.</desc>'
    yield f"<style>{STYLE}</style>"
    size = f'width="{width - 1}" height="{height - 1:.0f}"'
    yield f'<rect x=".5" y=".5" {size} rx="12" class="panel"/>'
    yield _text(LEFT, 40, f"Chart opened: a made-up person, aged {AGE}", "strong")
    yield _text(LEFT, 62, GIVEN, "quiet")
    for card in drawn:
        place = f'x="{card.x}" y="{TOP}" width="{CARD}" height="{bottom - TOP:.0f}"'
        yield f'<rect {place} rx="10" class="card"/>'
        yield from card.parts
    yield _text(LEFT, bottom + 32, DRAFT, "quiet")
    yield "</svg>"


if __name__ == "__main__":
    for place in PLACES:
        place.write_text(picture(), encoding="utf-8")
        print(f"written: {place.relative_to(ROOT)}")  # noqa: T201 - a script
