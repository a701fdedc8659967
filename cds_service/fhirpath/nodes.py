"""The syntax tree of an expression.

Nodes are immutable; two trees are equal when they say the same thing, wherever it was written
(`position` is the 0-based offset in the source and does not take part in comparison).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

CONNECTIVES = frozenset({"and", "or"})
# The other operators that answer a Boolean.
TRUTHS = frozenset({"xor", "implies", "=", "!=", "~", "!~", "<", "<=", ">", ">=", "in", "contains"})


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: bool, int, Decimal, str, FhirDate, FhirDateTime, FhirTime or Quantity."""

    value: Any
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Empty:
    """The empty collection, `{}`."""

    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Variable:
    """A named value from outside, `%name`."""

    name: str
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Special:
    """`$this`, `$index` or `$total` (the name keeps its dollar sign)."""

    name: str
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Member:
    """A step to an element, `base.name`; without a base, from the focus."""

    base: "Node | None"
    name: str
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function, `base.name(arguments)`; without a base, on the focus."""

    base: "Node | None"
    name: str
    arguments: "tuple[Node, ...]" = ()
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Index:
    """One item of a collection, `base[index]`."""

    base: "Node"
    index: "Node"
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """A sign, `-operand` or `+operand`."""

    operator: str
    operand: "Node"
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands and what stands between them; `position` is the operator's."""

    operator: str
    left: "Node"
    right: "Node"
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class TypeTest:
    """`operand is type_name` or `operand as type_name`; the name may be qualified (`FHIR.code`)."""

    operator: str
    operand: "Node"
    type_name: str
    position: int = field(default=0, compare=False)


Node = Literal | Empty | Variable | Special | Member | Call | Index | Unary | Binary | TypeTest


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below, in the order they are written."""
    match node:
        case Member(base=base):
            return () if base is None else (base,)
        case Call(base=base, arguments=arguments):
            return arguments if base is None else (base, *arguments)
        case Index(base=base, index=index):
            return (base, index)
        case Binary(left=left, right=right):
            return (left, right)
        case Unary(operand=operand) | TypeTest(operand=operand):
            return (operand,)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and all nodes below it, each before what it contains."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(children(node)))
