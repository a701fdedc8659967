"""Expressions of the content as parts that tell their support (``support``), read once at load."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cds_service.content.justification import answer_path
from cds_service.content.model import Content, Contribution
from cds_service.decision.support import (
    All,
    AtLeast,
    Charted,
    Choice,
    Compared,
    Fact,
    Known,
    Named,
    Not,
    Option,
    Other,
    Part,
)
from cds_service.fhirpath import Expression, compile_expression, nodes, render

COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">="})


class SupportReader:
    """Reads expressions of one content; equal parts are read once."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self.sources = {s.rule: s for s in content.sources if s.rule}
        self._parts: dict[nodes.Node, Part] = {}
        self._named: dict[str, Part] = {}

    def of(self, contribution: Contribution) -> Part:
        """The conditions of a contribution, its source's own rule written out."""
        own = contribution.source.rule
        return All(
            tuple(
                self.named(own)
                if own and c.expression.text == f"%{own}"
                else self.part(c.expression.tree)
                for c in contribution.conditions
            )
        )

    def named(self, name: str) -> Part:
        """The expression behind a name."""
        if name not in self._named:
            self._named[name] = self.part(self.content.names[name].expression.tree)
        return self._named[name]

    def part(self, node: nodes.Node) -> Part:
        """One node, and what is below it."""
        if node not in self._parts:
            self._parts[node] = self._read(node)
        return self._parts[node]

    def _read(self, node: nodes.Node) -> Part:
        path = answer_path(node, self.content.prefixes)
        if path and path[1]:
            return Option(*path)
        match node:
            case nodes.Variable(name=name) if name in self.content.names:
                fact = self.content.names[name]
                return Named(name, self.named, fact.is_reason, fact.asks, self.sources.get(name))
            case nodes.Binary(operator="and"):
                return All(tuple(map(self.part, _flat(node, "and"))))
            case nodes.Binary(operator="or"):
                return AtLeast(1, tuple(map(self.part, _flat(node, "or"))))
            case nodes.Binary(operator=operator, left=left, right=right) if operator in COMPARISONS:
                return Compared(self._compile(node), tuple(self._numbers((left, right))))
            case nodes.Call() as call:
                return self._call(call)
            case _:
                return Other(self._compile(node))

    def _call(self, node: nodes.Call) -> Part:
        match node:
            case nodes.Call(name="not", base=base) if base is not None:
                return Not(self.part(base))
            case nodes.Call(name="exists", base=base, arguments=arguments) if base is not None:
                listed = nodes.Call(base, "where", arguments) if arguments else base
                names = tuple(dict.fromkeys(self._requirements(base, set())))
                if names:
                    return Charted(self._compile(node), self._compile(listed), names)
            case nodes.Call(name="atLeast", arguments=(nodes.Literal(value=int(least)), *criteria)):
                return AtLeast(least, tuple(map(self.part, criteria)))
            case nodes.Call(name="iif", base=None, arguments=(criterion, then, otherwise)):
                return self._iif(node, criterion, then, otherwise)
        return Other(self._compile(node))

    def _iif(
        self, node: nodes.Call, criterion: nodes.Node, then: nodes.Node, otherwise: nodes.Node
    ) -> Part:
        values = (_literal(then), _literal(otherwise))
        if values == (True, False):
            return Known(self.part(criterion), if_unknown=False)
        denied = criterion.base if isinstance(criterion, nodes.Call) else None
        if values == (False, True) and denied is not None and criterion == _not(denied):
            return Known(self.part(denied), if_unknown=True)
        return Choice(
            self._compile(node), self.part(criterion), self.part(then), self.part(otherwise)
        )

    def _numbers(self, operands: Iterable[nodes.Node]) -> Iterator[Fact]:
        for operand in operands:
            path = answer_path(operand, self.content.prefixes)
            if path:
                yield Fact("number", path[0])
            elif isinstance(operand, nodes.Variable) and operand.name == "age":
                yield Fact("age", "age")
            elif isinstance(operand, nodes.Variable) and operand.name in self.content.names:
                yield Fact("value", operand.name)

    def requirements_of(self, name: str) -> tuple[str, ...]:
        """The chart keys a named fact reads."""
        tree = self.content.names[name].expression.tree
        return tuple(dict.fromkeys(self._requirements(tree, {name})))

    def _requirements(self, node: nodes.Node, seen: set[str]) -> Iterator[str]:
        for below in nodes.walk(node):
            if isinstance(below, nodes.Variable):
                if below.name in self.content.requirements:
                    yield below.name
                elif below.name in self.content.names and below.name not in seen:
                    seen.add(below.name)
                    tree = self.content.names[below.name].expression.tree
                    yield from self._requirements(tree, seen)

    def _compile(self, node: nodes.Node) -> Expression:
        return compile_expression(render(node), value_sets=self.content.value_sets)


def _not(node: nodes.Node) -> nodes.Node:
    return nodes.Call(node, "not")


def _literal(node: nodes.Node) -> object:
    return node.value if isinstance(node, nodes.Literal) else None


def _flat(node: nodes.Node, operator: str) -> Iterator[nodes.Node]:
    if isinstance(node, nodes.Binary) and node.operator == operator:
        yield from _flat(node.left, operator)
        yield from _flat(node.right, operator)
    else:
        yield node
