"""Real JSON documents with something wrong somewhere: another type, nothing, too much, nested
wrongly, or taken from elsewhere in the same document."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

from tests.support.clinic import ABSENT, changed, walk

Path = tuple[Any, ...]
STOP = 4  # one in so many steps down ends there
SAID = 80  # characters of a value when it is told what was done

ODD: list[Any] = [
    ABSENT,
    *(None, True, False, 0, -1, 7, 1.5, 1e308, 10**25, "", " ", "x", [], {}),
    *("\u0000", "\ud800", "🩺" * 40, "<script>alert(1)</script>", "../../etc/passwd"),
    *("9999-12-31T23:59:60Z", "0001-01-01", "2026-02-30", "-4712", "2026-11-22T25:00:00+99:00"),
    *("Patient/somebody-else", "https://elsewhere.example/fhir/Patient/somebody-else"),
    *([None], [[]], [{}], {"": None}, {"reference": "Patient/somebody-else"}),
    *("x" * 100_000, ["x"] * 2_000, {str(n): n for n in range(500)}),
]


def nested(value: Any, depth: int) -> Any:
    """A value inside so many lists."""
    for _ in range(depth):
        value = [value]
    return value


@st.composite
def places(draw: st.DrawFn, document: Any) -> Path:
    """A place in a document, near the root as likely as deep in the chart."""
    path: Path = ()
    node = document
    while isinstance(node, dict | list) and node:
        steps = list(node) if isinstance(node, dict) else range(len(node))
        step = draw(st.sampled_from(steps))
        path, node = (*path, step), node[step]
        if draw(st.integers(1, STOP)) == 1:
            break
    return path


@st.composite
def replacements(draw: st.DrawFn, document: Any, value: Any) -> Any:
    """What comes in place of a value."""
    kind = draw(st.sampled_from(("odd", "odd", "odd", "wrapped", "elsewhere", "twice", "deep")))
    if kind == "odd":
        return draw(st.sampled_from(ODD))
    if kind == "wrapped":
        held = {"resourceType": "Bundle", "entry": [{"resource": value}]}
        return draw(st.sampled_from(([value], {"value": value}, held, json.dumps(value))))
    if kind == "twice":
        return [*value, *copy.deepcopy(value)] if isinstance(value, list) else [value, value]
    if kind == "deep":
        return nested(value, draw(st.sampled_from((20, 400))))
    taken = draw(places(document))
    return next(found for path, found in walk(document) if path == taken)


class Broken:
    """A document, and in short what was done to it."""

    def __init__(self, body: Any, changes: list[str]) -> None:
        self.body = body
        self.changes = changes

    def __repr__(self) -> str:
        return "; ".join(self.changes)


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> Broken:
    """The document with one to three things wrong."""
    changes: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        if not isinstance(document, dict | list) or not document:
            break
        path = draw(places(document))
        value: Any = document
        for step in path:
            value = value[step]
        new = draw(replacements(document, value))
        document = changed(document, path, new)
        said = "absent" if new is ABSENT else json.dumps(new)[:SAID]
        changes.append(f"{'.'.join(map(str, path))} = {said}")
    return Broken(document, changes)


def as_bytes(document: Any) -> bytes:
    """JSON as callers write it; half a surrogate pair goes as an escape."""
    return json.dumps(document).encode()
