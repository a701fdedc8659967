"""Reads the syntax tree of a rule as steps: groups, the idioms of the dialect, and leaves.

The idioms (``plan_definitions/README.md``): ``iif(x, true, false)`` asks whether x is known to be
true, ``iif(x.not(), false, true)`` whether it may be, and ``atLeast(n, ...)`` whether at least so
many of several hold. They are one box here, as they are one thought.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import Protocol

from cds_service.content.model import InputRef
from cds_service.fhirpath import nodes, render
from cds_service.web.diagram.steps import Kind, Leaf, Mode, Step

GROUPS: dict[str, Kind] = {"and": "all", "or": "any"}
ENDS: dict[object, Kind] = {True: "yes", False: "no"}


class LeafWords(Protocol):
    """LeafWords for leaves."""

    def leaf(self, node: nodes.Node) -> Leaf:
        """The words of a node that is no group."""

    def path(self, node: nodes.Node) -> InputRef | None:
        """The answer that a node reads; None for any other node."""

    def answers(self, item: str, codes: list[str]) -> Leaf:
        """The words of one question with any of several answers."""


def outline(node: nodes.Node, words: LeafWords) -> Step:
    """The steps of an expression."""
    return _Reader(words).step(node)


class _Reader:
    def __init__(self, words: LeafWords) -> None:
        self.words = words

    def step(self, node: nodes.Node) -> Step:
        mode, inner = _unwrapped(node)
        step = self._bare(inner).under(mode)
        return step or self._bare(node)

    def _bare(self, node: nodes.Node) -> Step:
        match node:
            case nodes.Binary(operator="and" | "or" as operator):
                return self._group(GROUPS[operator], _terms(node))
            case nodes.Call(name="combine", base=base) if base is not None:
                return self._together(node)
            case nodes.Call(name="atLeast", arguments=(nodes.Literal(value=int(least)), *criteria)):
                return Step("at-least", children=tuple(map(self.step, criteria)), least=least)
            case nodes.Call(name="iif", arguments=(_, _, _)):
                return self._cases(node)
            case nodes.Literal(value=bool(value)):
                return Step(ENDS[value])
            case nodes.Empty():
                return Step("unknown")
        return self._leaf(node)

    def _leaf(self, node: nodes.Node) -> Step:
        path = self.words.path(node)
        leaf = self.words.answers(path[0], [path[1]]) if path else self.words.leaf(node)
        return Step("leaf", leaf=leaf, expressions=(render(node),))

    def _group(self, kind: Kind, terms: Iterable[nodes.Node]) -> Step:
        """Groups of the same kind become one, and answers to one question one leaf."""
        if kind == "any":
            steps = list(self._answers_together(terms))
        else:
            steps = [self.step(term) for term in terms]
        flat: list[Step] = []
        for step in steps:
            same = step.kind == kind and step.mode is Mode.PLAIN
            flat.extend(step.children if same else (step,))
        return flat[0] if len(flat) == 1 else Step(kind, children=tuple(flat))

    def _answers_together(self, terms: Iterable[nodes.Node]) -> Iterator[Step]:
        for item, group in groupby(terms, self._question):
            listed = list(group)
            if item is None or len(listed) == 1:
                yield from (self.step(term) for term in listed)
            else:
                paths = map(self.words.path, listed)
                codes = [path[1] for path in paths if path]
                texts = tuple(render(term) for term in listed)
                yield Step("leaf", leaf=self.words.answers(item, codes), expressions=texts)

    def _question(self, node: nodes.Node) -> str | None:
        path = self.words.path(node)
        return path[0] if path and path[1] else None

    def _together(self, node: nodes.Call) -> Step:
        steps = [self.step(part) for part in _combined(node)]
        return Step("together", children=tuple(steps))

    def _cases(self, node: nodes.Node) -> Step:
        """``iif`` inside the last branch of another is the next case."""
        cases: list[Step] = []
        role = "if"
        while choice := _choice(node):
            criterion, then, otherwise = choice
            cases.append(replace(self.step(criterion), role=role))
            cases.append(replace(self.step(then), role="then"))
            node, role = otherwise, "else, if"
        cases.append(replace(self.step(node), role="otherwise"))
        return Step("cases", children=tuple(cases))


def _terms(node: nodes.Binary) -> list[nodes.Node]:
    """The operands of a chain of one operator, in order."""
    terms: list[nodes.Node] = []
    left: nodes.Node = node
    while isinstance(left, nodes.Binary) and left.operator == node.operator:
        terms.append(left.right)
        left = left.left
    return [left, *reversed(terms)]


def _combined(node: nodes.Node) -> Iterator[nodes.Node]:
    if isinstance(node, nodes.Call) and node.name == "combine" and node.base is not None:
        yield from _combined(node.base)
        yield from node.arguments
    else:
        yield node


def _unwrapped(node: nodes.Node) -> tuple[Mode, nodes.Node]:
    """Takes ``not()`` and ``iif(x, constant, constant)`` off; returns what they make of x."""
    mode = Mode.PLAIN
    while True:
        outer, inner = _wrapper(node)
        combined = mode.after(outer) if outer else None
        if combined is None or inner is None:
            return mode, node
        mode, node = combined, inner


def _wrapper(node: nodes.Node) -> tuple[Mode | None, nodes.Node | None]:
    match node:
        case nodes.Call(name="not", base=base, arguments=()) if base is not None:
            return Mode.NOT, base
        case nodes.Call(
            name="iif",
            arguments=(
                criterion,
                nodes.Literal(value=bool(then)),
                nodes.Literal(value=bool(otherwise)),
            ),
        ):
            answers = (then, otherwise, otherwise)
            return next((mode for mode in Mode if mode.value == answers), None), criterion
    return None, None


def _choice(node: nodes.Node) -> tuple[nodes.Node, nodes.Node, nodes.Node] | None:
    """Criterion and branches of an ``iif`` that is none of the idioms."""
    match node:
        case nodes.Call(name="iif", arguments=(criterion, then, otherwise)):
            return None if _wrapper(node)[0] else (criterion, then, otherwise)
    return None
