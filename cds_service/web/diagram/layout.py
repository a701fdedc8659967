"""Places the boxes of a diagram: a group stands left of its children and spans them all, so that
what belongs together is seen at a glance. No two boxes overlap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cds_service.web.diagram.measure import wrap
from cds_service.web.diagram.steps import DENIED, Link, Step

SIZE, SMALL, LINE, PAD = 14, 12.5, 19, 10  # font sizes, line height, padding inside a box
GROUP, LEAF, END = 128, 300, 110  # widths of boxes
ACROSS, BETWEEN = 26, 10  # space to the children, and between them
EDGE = 2  # around the drawing, for the boxes' strokes


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text; ``y`` is its baseline, ``style`` a class of the style sheet."""

    x: float
    y: float
    text: str
    style: str


@dataclass(frozen=True, slots=True)
class Box:
    """One step: where it stands, how it looks, what it says and where it leads."""

    x: float
    y: float
    width: float
    height: float
    style: str
    texts: tuple[Text, ...]
    link: Link | None
    step: Step


@dataclass(frozen=True, slots=True)
class Line:
    """A level line from a group to one of its children."""

    x1: float
    x2: float
    y: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything in its place, in CSS pixels."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def draw(step: Step) -> Drawing:
    """The diagram of a step and all below it."""
    pen = _Pen()
    pen.place(step, EDGE, EDGE)
    return Drawing(
        width=max(b.x + b.width for b in pen.boxes) + EDGE,
        height=max(b.y + b.height for b in pen.boxes) + EDGE,
        boxes=tuple(pen.boxes),
        lines=tuple(pen.lines),
    )


class _Pen:
    def __init__(self) -> None:
        self.boxes: list[Box] = []
        self.lines: list[Line] = []

    def place(self, step: Step, x: float, y: float) -> float:
        """Puts a step and its children there; returns the height they take."""
        width = _width(step)
        words = list(_words(step, width - 2 * PAD))
        own = len(words) * LINE + 2 * PAD - (LINE - SIZE)
        number = len(self.boxes)
        self.boxes.append(_box(step, x, y, width, own, words))
        below = y
        for child in step.children:
            level = below + PAD + SIZE / 2
            self.lines.append(Line(x + width, x + width + ACROSS, level))
            below += self.place(child, x + width + ACROSS, below) + BETWEEN
        height = max(own, below - BETWEEN - y)
        self.boxes[number] = _box(step, x, y, width, height, words)
        return height


def _width(step: Step) -> float:
    if step.children:
        return GROUP
    return END if step.kind in ("yes", "no", "unknown") else LEAF


def _words(step: Step, room: float) -> Iterator[tuple[str, str]]:
    """The lines of a box with their styles, from top to bottom."""
    parts = (
        (step.role, "role", SMALL),
        (step.condition, "mode denied" if step.mode in DENIED else "mode", SMALL),
        (step.heading, "heading", SIZE),
        (step.leaf.label, "label", SMALL),
    )
    for text, style, size in parts:
        yield from ((line, style) for line in wrap(text, room, size))
    mono = step.leaf.code
    for text in step.leaf.lines:
        yield from ((line, "code" if mono else "said") for line in _leaf_lines(text, room, mono))


def _leaf_lines(text: str, room: float, mono: bool) -> Iterator[str]:
    return wrap(text, room, SMALL if mono else SIZE, mono=mono)


def _box(
    step: Step, x: float, y: float, width: float, height: float, words: list[tuple[str, str]]
) -> Box:
    texts = tuple(
        Text(x + PAD, y + PAD + SIZE * 0.8 + number * LINE, text, style)
        for number, (text, style) in enumerate(words)
    )
    style = f"{step.kind} {step.mode.name.lower().replace('_', '-')}"
    return Box(x, y, width, height, style, texts, step.leaf.link, step)
