"""Inputs that an expression needs before it can be true, read from its tree once at load.

A cause that nothing in a call touches need not be asked: the cost of a call then does not grow with
such causes. The reading is cautious: what it does not understand may be true with nothing there,
and is always asked. ``tests/content/test_prerequisites.py`` holds it to thousands of people.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from cds_service.content.justification import answer_path
from cds_service.content.model import (
    Applicability,
    Contribution,
    InputRef,
    NamedFact,
    view_inputs,
)
from cds_service.fhirpath import Expression, nodes

Touched = frozenset[InputRef] | None  # one of these has to be there; None: nothing has to
NEVER: Touched = frozenset()  # it cannot be true at all

# Without either side they give nothing, or false (FHIRPath 2.0, 6.1 to 6.4).
COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">="})
# They give nothing when they are asked of nothing.
PASSING = frozenset(
    {"where", "select", "first", "last", "single", "ofType", "tail", "skip", "take", "distinct"}
)


def with_prerequisites(
    contributions: Mapping[str, tuple[Contribution, ...]],
    names: Mapping[str, NamedFact],
    requirements: Iterable[str],
    prefixes: Mapping[str, str],
) -> dict[str, tuple[Contribution, ...]]:
    """The contributions, their conditions knowing what touches them; what was one stays one.
    ``prefixes`` are those of the views, by name."""
    reader = PrerequisiteReader(names, requirements, prefixes)
    known: dict[Applicability, Applicability] = {}

    def touched(condition: Applicability) -> Applicability:
        if condition not in known:
            known[condition] = replace(condition, prerequisites=reader.of(condition.expression))
        return known[condition]

    return {
        card: tuple(replace(c, conditions=tuple(map(touched, c.conditions))) for c in asking)
        for card, asking in contributions.items()
    }


class PrerequisiteReader:
    """Reads expressions over named ones; each name is read once in each way."""

    def __init__(
        self,
        names: Mapping[str, NamedFact],
        requirements: Iterable[str],
        prefixes: Mapping[str, str],
    ) -> None:
        self.names = names
        self.prefixes = prefixes
        self.requirements = frozenset((*requirements, *of_responses(prefixes)))
        self._known: dict[tuple[str, bool], Touched] = {}

    def of(self, expression: Expression) -> Touched:
        """Returns what must be there for an expression to be true."""
        return self._true(expression.tree)

    def _true(self, node: nodes.Node) -> Touched:
        """Returns what must be there for a node to be true."""
        path = answer_path(node, self.prefixes)
        if path:
            return frozenset({path})
        match node:
            case nodes.Literal(value=False):
                return NEVER
            case nodes.Binary():
                return self._true_operator(node)
            case nodes.Call(base=None, name="iif", arguments=(criterion, then, *otherwise)):
                chosen = _all_of((self._true(criterion), self._true(then)))
                return _one_of((chosen, *map(self._true, otherwise)))
            case nodes.Call(name="atLeast", arguments=(_, *criteria)):
                return _one_of(map(self._true, criteria))
            case nodes.Call(base=base, name="exists") if base is not None:
                return self._some(base)
            case nodes.Variable(name=name) if name in self.names:
                return self._named(name, True)
            case _:
                return self._some(node)

    def _true_operator(self, node: nodes.Binary) -> Touched:
        if node.operator in ("and", "or"):
            join = _all_of if node.operator == "and" else _one_of
            return join((self._true(node.left), self._true(node.right)))
        match node:
            case nodes.Binary(operator=">=", left=left, right=nodes.Literal(value=int(least))) if (
                least >= 1 and (counted := _counted(left))
            ):
                return _one_of(map(self._true, counted))
            case _:
                return self._some(node)

    def _some(self, node: nodes.Node) -> Touched:
        """Returns what must be there for a node to give anything."""
        path = answer_path(node, self.prefixes)
        if path:
            return frozenset({(path[0], "")})  # "not chosen" is something, too
        match node:
            case nodes.Binary(operator=operator, left=left, right=right) if operator in COMPARISONS:
                return _all_of((self._some(left), self._some(right)))
            case nodes.Variable(name=name) if name in self.requirements:
                return frozenset({("%", name)})
            case nodes.Variable(name=name) if name in self.names:
                return self._named(name, False)
            case nodes.Member(base=base) | nodes.Index(base=base) if base is not None:
                return self._some(base)
            case nodes.Call(base=base, name=name) if base is not None and name in PASSING:
                return self._some(base)
            case nodes.Empty():
                return NEVER
            case _:
                return None

    def _named(self, name: str, true: bool) -> Touched:
        if (name, true) not in self._known:
            tree = self.names[name].expression.tree
            self._known[name, true] = self._true(tree) if true else self._some(tree)
        return self._known[name, true]


def of_responses(views: Iterable[str]) -> Iterator[str]:
    """The inputs that are there only while a view has a response in use."""
    for view in views:
        yield from view_inputs(view, is_derived=True)[1:]


def _all_of(found: Iterable[Touched]) -> Touched:
    """All have to be met: the smallest set is enough to wait for."""
    known = [touched for touched in found if touched is not None]
    return min(known, key=len) if known else None


def _one_of(found: Iterable[Touched]) -> Touched:
    """Any may be met: all sets together."""
    united: frozenset[InputRef] = frozenset()
    for touched in found:
        if touched is None:
            return None
        united |= touched
    return united


def _counted(node: nodes.Node) -> list[nodes.Node]:
    """The criteria of ``iif(a,1,0)+iif(b,1,0)``; none of them when it is anything else."""
    match node:
        case nodes.Binary(operator="+", left=left, right=right):
            first, second = _counted(left), _counted(right)
            return [*first, *second] if first and second else []
        case nodes.Call(
            base=None,
            name="iif",
            arguments=(criterion, nodes.Literal(value=int()), nodes.Literal(value=0)),
        ):
            return [criterion]
        case _:
            return []
