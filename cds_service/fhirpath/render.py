"""From a syntax tree back to canonical text, with no more brackets than the tree needs."""

import re
from decimal import Decimal

from .dates import FhirDate, FhirDateTime, FhirTime
from .nodes import (
    Binary,
    Call,
    Empty,
    Index,
    Literal,
    Member,
    Node,
    Special,
    TypeTest,
    Unary,
    Variable,
)
from .parser import KEYWORDS, PRECEDENCE, UNARY
from .quantities import Quantity

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_PATH = UNARY + 1  # how tightly a literal, a path or a call holds together
_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f"}


def _escape(text: str, quote: str) -> str:
    return "".join(_ESCAPES.get(one, f"\\{one}" if one == quote else one) for one in text)


def render_name(name: str) -> str:
    """A name as it must be written: with backticks where the grammar asks for them."""
    if _PLAIN_NAME.fullmatch(name) and name not in KEYWORDS:
        return name
    return f"`{_escape(name, '`')}`"


def render_value(value: object) -> str:
    """A constant as a literal of the language."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f"'{_escape(value, chr(39))}'"
        case Decimal():
            text = format(value, "f")
            return text if "." in text else f"{text}.0"
        case FhirDateTime():
            text = str(value)
            return f"@{text}" if "T" in text else f"@{text}T"
        case FhirDate():
            return f"@{value}"
        case FhirTime():
            return f"@T{value}"
        case Quantity():
            number, _, unit = str(value).partition(" ")
            return f"{number} '{_escape(value.unit, chr(39))}'" if unit[0] == "'" else str(value)
    return str(value)


def _wrap(node: Node, needed: int) -> str:
    text = render(node)
    return text if _binding(node) >= needed else f"({text})"


def _binding(node: Node) -> int:
    match node:
        case Binary(operator=operator) | TypeTest(operator=operator):
            return PRECEDENCE[operator]
        case Unary():
            return UNARY
        case Literal(value=value) if render_value(value).startswith("-"):
            return UNARY  # only in a tree made by hand: the parser makes a sign an operator
        case _:
            return _PATH


def _chain(node: Binary) -> str:
    """Left-nested operators of one kind are written in a loop: `a or b or c` may be long."""
    operator, binding = node.operator, PRECEDENCE[node.operator]
    rights: list[str] = []
    left: Node = node
    while isinstance(left, Binary) and left.operator == operator:
        rights.append(_wrap(left.right, binding + 1))
        left = left.left
    return f" {operator} ".join([_wrap(left, binding), *reversed(rights)])


def _base(base: Node | None) -> str:
    return "" if base is None else f"{_wrap(base, _PATH)}."


def render(node: Node) -> str:  # noqa: PLR0911 (one for each kind of node)
    """Text that parses to an equal tree."""
    match node:
        case Literal(value=value):
            return render_value(value)
        case Empty():
            return "{}"
        case Variable(name=name):
            return f"%{render_name(name)}"
        case Special(name=name):
            return name
        case Member(base=base, name=name):
            return _base(base) + render_name(name)
        case Call(base=base, name=name, arguments=arguments):
            listed = ", ".join(render(argument) for argument in arguments)
            return f"{_base(base)}{render_name(name)}({listed})"
        case Index(base=base, index=index):
            return f"{_wrap(base, _PATH)}[{render(index)}]"
        case Unary(operator=operator, operand=operand):
            return operator + _wrap(operand, UNARY)
        case TypeTest(operator=operator, operand=operand, type_name=type_name):
            dotted = ".".join(render_name(part) for part in type_name.split("."))
            return f"{_wrap(operand, PRECEDENCE[operator])} {operator} {dotted}"
        case Binary():
            return _chain(node)
