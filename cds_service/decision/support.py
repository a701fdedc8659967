"""Which answers and chart entries made an expression true, and which could still make it true.

Read from the tree of an expression once at load, asked with the values of one call. Nothing is
quoted that did not help to make a rule true, and nothing that did is hidden:

| expression | its support when it is true |
| --- | --- |
| an answer, a number | itself |
| ``x.exists()`` of chart entries | the newest entry in ``x`` |
| ``a and b`` | that of both |
| ``a or b`` | that of each operand that is true |
| "known to be true", "possible" | that of x, if x is true |
| ``not`` | nothing |
| a named fact | that of its expression; nothing where it is marked ``not-a-reason`` |
| the rule of another source | that source |
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cds_service.content.justification import answer_path
from cds_service.content.model import Content, Contribution, Source
from cds_service.decision.chart import Entry
from cds_service.decision.facts import Facts
from cds_service.fhirpath import (
    Bindings,
    Expression,
    FhirPathError,
    compile_expression,
    nodes,
    render,
)

Truth = bool | None
Open = frozenset[str] | None  # questions that could make it true; None: nothing can
SETTLED: Open = frozenset()
COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">="})
VITAL_SIGNS = "%vitals"  # stands among the open questions for a vital sign not measured


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact that a card may quote. ``kind``: ``option`` (an item and its code), ``number`` (an
    item), ``age``, ``value`` (a named number of the chart), ``entry`` (a chart key) or
    ``source``."""

    kind: str
    name: str
    code: str = ""
    entry: Entry | None = None

    @property
    def key(self) -> tuple[str, str, object]:
        """Equal for the same answer or the same chart entry."""
        if self.entry is not None:
            return "entry", "", id(self.entry.resource)
        return self.kind, self.name, self.code


class Values:
    """The values of one call. Not for many threads."""

    def __init__(
        self, facts: Facts, bindings: Bindings, restricted: frozenset[str] = frozenset()
    ) -> None:
        self.facts = facts
        self.restricted = restricted  # items whose answers are kept from messages
        self.view: Mapping[str, Any] = facts.answers.view
        self.bindings = bindings
        self.known: dict[int, Truth] = {}

    def truth(self, part: Part) -> Truth:
        """Checks whether a part is true, asked once."""
        key = id(part)
        if key not in self.known:
            try:
                self.known[key] = part.truth(self)
            except FhirPathError:
                self.known[key] = None  # recorded where its condition was asked
        return self.known[key]

    def items(self, expression: Expression) -> list[Any]:
        """The items of an expression."""
        return self.bindings.answer(expression)


class Part(ABC):
    """One part of an expression."""

    __slots__ = ()

    @abstractmethod
    def truth(self, values: Values) -> Truth:
        """True, False or None for unknown."""

    def support(self, values: Values) -> Iterator[Fact]:
        """Returns what made it true; asked only when it is."""
        return iter(())

    def could(self, values: Values) -> Open:
        """The questions whose answers might make it true; asked only when it is not."""
        return None


def could(part: Part, values: Values) -> Open:
    """The same, for a part that may be true already."""
    return SETTLED if values.truth(part) else part.could(values)


@dataclass(frozen=True, slots=True, eq=False)
class Option(Part):
    """``%answers.item.code``."""

    item: str
    code: str

    def truth(self, values: Values) -> Truth:
        answer = values.view.get(self.item)
        return answer.get(self.code) if isinstance(answer, dict) else None

    def support(self, values: Values) -> Iterator[Fact]:
        yield Fact("option", self.item, self.code)

    def could(self, values: Values) -> Open:
        return frozenset({self.item}) if values.truth(self) is None else None


@dataclass(frozen=True, slots=True, eq=False)
class Compared(Part):
    """A comparison of a number with a constant."""

    expression: Expression
    facts: tuple[Fact, ...]

    def truth(self, values: Values) -> Truth:
        return _boolean(values.items(self.expression))

    def support(self, values: Values) -> Iterator[Fact]:
        return iter(self.facts)

    def could(self, values: Values) -> Open:
        if values.truth(self) is not None:
            return None
        asked = {f.name for f in self.facts if f.kind == "number"}
        return frozenset(asked | {VITAL_SIGNS for f in self.facts if f.kind == "value"})


@dataclass(frozen=True, slots=True, eq=False)
class Charted(Part):
    """``x.exists()`` where x lists chart entries of some requirements."""

    expression: Expression
    entries: Expression
    requirements: tuple[str, ...]

    def truth(self, values: Values) -> Truth:
        return _boolean(values.items(self.expression))

    def support(self, values: Values) -> Iterator[Fact]:
        listed = {id(item) for item in values.items(self.entries)}
        found = [
            (name, entry)
            for name in self.requirements
            for entry in values.facts.entries.get(name, ())
            if id(entry.resource) in listed
        ]
        if found:
            name, entry = max(found, key=_newest)
            yield Fact("entry", name, entry=entry)


@dataclass(frozen=True, slots=True, eq=False)
class All(Part):
    """``a and b``."""

    parts: tuple[Part, ...]

    def truth(self, values: Values) -> Truth:
        answers = [values.truth(part) for part in self.parts]
        return False if False in answers else None if None in answers else True

    def support(self, values: Values) -> Iterator[Fact]:
        for part in self.parts:
            yield from part.support(values)

    def could(self, values: Values) -> Open:
        asked: frozenset[str] = frozenset()
        for part in self.parts:
            more = could(part, values)
            if more is None:
                return None
            asked |= more
        return asked


@dataclass(frozen=True, slots=True, eq=False)
class AtLeast(Part):
    """So many of some parts; one of them is ``a or b``."""

    least: int
    parts: tuple[Part, ...]

    def truth(self, values: Values) -> Truth:
        answers = [values.truth(part) for part in self.parts]
        if answers.count(True) >= self.least:
            return True
        return False if len(answers) - answers.count(False) < self.least else None

    def support(self, values: Values) -> Iterator[Fact]:
        for part in self.parts:
            if values.truth(part):
                yield from part.support(values)

    def could(self, values: Values) -> Open:
        open_parts = [more for p in self.parts if (more := could(p, values)) is not None]
        return frozenset().union(*open_parts) if len(open_parts) >= self.least else None


@dataclass(frozen=True, slots=True, eq=False)
class Known(Part):
    """ "Known to be true" (``if_unknown`` False), or "possible" (True)."""

    part: Part
    if_unknown: bool

    def truth(self, values: Values) -> Truth:
        answer = values.truth(self.part)
        return self.if_unknown if answer is None else answer

    def support(self, values: Values) -> Iterator[Fact]:
        return self.part.support(values) if values.truth(self.part) else iter(())

    def could(self, values: Values) -> Open:
        return self.part.could(values)


@dataclass(frozen=True, slots=True, eq=False)
class Not(Part):
    """``x.not()``."""

    part: Part

    def truth(self, values: Values) -> Truth:
        answer = values.truth(self.part)
        return None if answer is None else not answer

    def could(self, values: Values) -> Open:
        return self.part.could(values) if values.truth(self) is None else None


@dataclass(slots=True, eq=False)
class Named(Part):
    """A named fact; ``source`` is set for the rule of a source."""

    name: str
    reader: SupportReader
    is_reason: bool
    asks: str | None
    source: Source | None

    def truth(self, values: Values) -> Truth:
        return _boolean(values.bindings[self.name])

    def support(self, values: Values) -> Iterator[Fact]:
        if self.source is not None:
            yield Fact("source", self.source.id)
        elif self.is_reason:
            yield from self.reader.named(self.name).support(values)

    def could(self, values: Values) -> Open:
        if self.asks is not None:
            return frozenset({self.asks}) if values.truth(self) is None else None
        return self.reader.named(self.name).could(values)


@dataclass(frozen=True, slots=True, eq=False)
class Choice(Part):
    """``iif(criterion, then, otherwise)`` of parts."""

    expression: Expression
    criterion: Part
    then: Part
    otherwise: Part | None

    def truth(self, values: Values) -> Truth:
        return _boolean(values.items(self.expression))

    def support(self, values: Values) -> Iterator[Fact]:
        if values.truth(self.criterion):
            yield from self.then.support(values)
        elif self.otherwise is not None:
            yield from self.otherwise.support(values)


@dataclass(frozen=True, slots=True, eq=False)
class Other(Part):
    """Anything else: it has an answer and nothing to quote."""

    expression: Expression

    def truth(self, values: Values) -> Truth:
        return _boolean(values.items(self.expression))


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
                return Named(name, self, fact.is_reason, fact.asks, self.sources.get(name))
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


def _boolean(items: list[Any]) -> Truth:
    return items[0] if len(items) == 1 and isinstance(items[0], bool) else None


def _newest(found: tuple[str, Entry]) -> float:
    when = found[1].when
    return when.start.timestamp() if when else float("-inf")
