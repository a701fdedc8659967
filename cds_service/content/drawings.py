"""Drawings of the body beside a Questionnaire, whose regions stand for answer options. Pure.

A drawing is an SVG file of ``path`` elements alone, each of absolute M, L, C, Q and Z commands. A
path with an ``id`` is a region, ``data-at`` is where its number stands; any other path is a line.
A Questionnaire's item names its drawings (``body-map``), an option its regions (``body-region``);
manual: ``questionnaires/README.md``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from cds_service.content import extensions as ext

FOLDER = "questionnaires/drawings"
_SVG = "{http://www.w3.org/2000/svg}"
_PATH = re.compile(r"[MLCQZ0-9 .-]+")
_SIZE, _AT = re.compile(r"0 0 (\d+) (\d+)"), re.compile(r"(\d+) (\d+)")
_NUMBER = re.compile(r"-?[0-9.]+")


class NotADrawing(ValueError):
    """The file holds something else than a drawing of this kind."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that stands for nothing: an outline, a fold."""

    path: str
    dashes: str


@dataclass(frozen=True, slots=True)
class Region:
    """An area to press. ``box`` holds all its points: left, top, width, height."""

    id: str
    path: str
    dashes: str
    at: tuple[float, float]
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Drawing:
    """Lines and regions, in units of which one is at least a pixel on the narrowest screen."""

    name: str
    width: float
    height: float
    lines: tuple[Line, ...]
    regions: tuple[Region, ...]


@dataclass(frozen=True, slots=True)
class BodyMap:
    """A drawing of an item, shown where ``question`` has one of the ``options`` (codes), or always
    where there are none."""

    drawing: Drawing
    question: str = ""
    options: frozenset[str] = frozenset()


def read_drawing(name: str, text: str) -> Drawing:
    """A drawing from its SVG; raises NotADrawing."""
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 -- content, as trusted as the rules
    except ElementTree.ParseError as error:
        raise NotADrawing(f"not well-formed XML: {error}") from None
    size = _SIZE.fullmatch(root.get("viewBox", ""))
    if root.tag != f"{_SVG}svg" or size is None:
        raise NotADrawing('must be an svg whose viewBox begins with "0 0"')
    lines: list[Line] = []
    regions: list[Region] = []
    for node in root:
        path, dashes = node.get("d", ""), node.get("stroke-dasharray", "")
        if node.tag != f"{_SVG}path" or not _PATH.fullmatch(path):
            raise NotADrawing("may hold paths alone, of absolute M, L, C, Q and Z commands")
        if not re.fullmatch(r"[0-9 ]*", dashes):
            raise NotADrawing("stroke-dasharray may hold numbers alone")
        if "id" in node.attrib:
            regions.append(_region(node.attrib, path, dashes))
        else:
            lines.append(Line(path, dashes))
    return Drawing(name, float(size[1]), float(size[2]), tuple(lines), tuple(regions))


def _region(attributes: Mapping[str, str], path: str, dashes: str) -> Region:
    numbers = [float(n) for n in _NUMBER.findall(path)]
    across, down = numbers[::2], numbers[1::2]
    at = _AT.fullmatch(attributes.get("data-at", ""))
    if not re.fullmatch(r"[a-z][a-z-]*", attributes["id"]) or at is None or not down:
        raise NotADrawing("a region needs an id of small letters, a path, and data-at: x and y")
    box = (min(across), min(down), max(across) - min(across), max(down) - min(down))
    return Region(attributes["id"], path, dashes, (float(at[1]), float(at[2])), box)


def body_maps(item: Mapping[str, Any], drawings: Mapping[str, Drawing]) -> Iterator[BodyMap]:
    """The drawings of an item that there are, in order."""
    for found in ext.values(item, "body-map"):
        parts = [
            (part["url"], next((v for k, v in part.items() if k != "url"), None))
            for part in found.get("extension", ())
        ]
        drawing = drawings.get(str(dict(parts).get("drawing")))
        if drawing is not None:
            options = frozenset(str(value) for url, value in parts if url == "option")
            yield BodyMap(drawing, str(dict(parts).get("question", "")), options)


def regions_of(option: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids of the regions that stand for an option."""
    return tuple(str(region) for region in ext.values(option, "body-region"))
