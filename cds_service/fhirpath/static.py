"""Types of an expression, as far as known before it runs, so that mistakes show at load.

Types are names: `System.Integer`, or a FHIR type. None means that nothing is known, which is
usual: the focus and the variables have their types only when they come.
"""

from collections.abc import Mapping

from .dates import FhirDate, FhirDateTime, FhirTime
from .errors import FhirPathError, closest
from .nodes import (
    CONNECTIVES,
    TRUTHS,
    Binary,
    Call,
    Index,
    Literal,
    Member,
    Node,
    TypeTest,
    Unary,
)
from .quantities import Quantity
from .types import FhirType, fhir_type, resolve

Types = frozenset[str] | None

_BOOLEAN = frozenset({"System.Boolean"})
# Functions that answer items of the collection they are called on.
_SAME = frozenset(
    {"where", "first", "last", "tail", "skip", "take", "single", "trace", "distinct", "exclude"}
)
_LITERALS: dict[type, str] = {
    bool: "Boolean",
    int: "Integer",
    str: "String",
    FhirDate: "Date",
    FhirDateTime: "DateTime",
    FhirTime: "Time",
    Quantity: "Quantity",
}
_ORDERED = {"Integer": "number", "Decimal": "number", "DateTime": "date", "Date": "date"}
_ADDED = {("date", "Quantity"), ("Time", "Quantity")}
_SUMS = {"+": {"number", "String", "Quantity"}, "-": {"number", "Quantity"}}
_PRODUCTS = {"number", "Quantity"}


def kinds_of(types: Types) -> frozenset[str] | None:
    """Returns what the types are to an operator: Boolean, number, String, date, Time, Quantity,
    complex."""
    if types is None:
        return None
    names = map(_kind, types)
    return frozenset(_ORDERED.get(name, name) for name in names)


def _kind(name: str) -> str:
    if name.startswith("System."):
        return name.removeprefix("System.")
    found = fhir_type(name)
    return (found.kind if found else None) or "complex"


def check_operands(operator: str, left: Types, right: Types) -> None:
    """Raise FhirPathError when no values of these types can ever go together."""
    kinds, others = kinds_of(left), kinds_of(right)
    if kinds is None or others is None:
        return
    if not any(_fits(operator, kind, other) for kind in kinds for other in others):
        told = f"{_told(kinds)} and {_told(others)}"
        raise FhirPathError(f"'{operator}' can never work on {told}", hint=_hint(kinds, others))


def _told(kinds: frozenset[str]) -> str:
    return " or ".join(sorted(kinds))


def _hint(kinds: frozenset[str], others: frozenset[str]) -> str | None:
    both = kinds | others
    if both == {"date", "number"}:
        return "write a unit, as in 7 days"
    return "write a date as @2024-12-31" if both == {"date", "String"} else None


def _fits(operator: str, kind: str, other: str) -> bool:
    both = {kind, other}
    match operator:
        case "<" | "<=" | ">" | ">=":
            ordered = kind == other and kind not in ("Boolean", "complex")
            return ordered or both == {"number", "Quantity"}
        case "=" | "!=":
            return kind == other or both in ({"date", "Time"}, {"number", "Quantity"})
        case "+" | "-":
            return (kind == other and kind in _SUMS[operator]) or (kind, other) in _ADDED
        case "*" | "/":
            return both <= _PRODUCTS
        case "div" | "mod":
            return both == {"number"}
        case "&":
            return both == {"String"}
    return True


def types_of(node: Node, results: Mapping[str, str | None]) -> Types:  # noqa: PLR0911 (one for each kind of node)
    """The types a node's items may have; `results` are the result types of functions, by name."""
    match node:
        case Literal(value=value):
            return frozenset({f"System.{_LITERALS.get(type(value), 'Decimal')}"})
        case Member(base=None, name=name):
            return frozenset({name}) if name[:1].isupper() and fhir_type(name) else None
        case Member(base=base, name=name) if base is not None:
            return member_types(types_of(base, results), name)
        case Index(base=base):
            return types_of(base, results)
        case TypeTest(operator="as", type_name=name):
            return _named(name)
        case TypeTest() | Binary(operator=("and" | "or")):
            return _BOOLEAN
        case Binary(operator=operator):
            return _binary(operator, node, results)
        case Unary(operand=operand):
            return types_of(operand, results)
        case Call():
            return _call(node, results)
    return None


def _named(name: str) -> Types:
    found = resolve(name)
    if found.fhir is None:
        return frozenset({f"System.{found.system}"})
    return frozenset({found.fhir.name}) if found.system is None else None


def _binary(operator: str, node: Binary, results: Mapping[str, str | None]) -> Types:
    if operator in TRUTHS or operator in CONNECTIVES:
        return _BOOLEAN
    if operator == "&":
        return frozenset({"System.String"})
    left, right = types_of(node.left, results), types_of(node.right, results)
    kinds, others = kinds_of(left), kinds_of(right)
    if operator in ("+", "-") and kinds is not None and kinds <= {"date", "Time"}:
        return left
    if kinds != others or kinds is None or len(kinds) != 1:
        return None
    (kind,) = kinds
    return {"number": frozenset({"System.Decimal"}), "String": left}.get(kind)


def _call(node: Call, results: Mapping[str, str | None]) -> Types:
    if node.name in ("as", "ofType") and len(node.arguments) == 1:
        name = type_argument(node.arguments[0])
        return _named(name) if name else None
    if node.name in _SAME and node.base is not None:
        return types_of(node.base, results)
    result = results.get(node.name)
    return frozenset({f"System.{result}"}) if result else None


def type_argument(node: Node) -> str | None:
    """The type name written as an argument, `Quantity` or `FHIR.Quantity`; None if it is none."""
    match node:
        case Member(base=None, name=name):
            return name
        case Member(base=Member(base=None, name=namespace), name=name):
            return f"{namespace}.{name}"
    return None


def member_types(base: Types, name: str) -> Types:
    """The types of an element; FhirPathError when no type of the base has such an element."""
    if base is None or any(one.startswith("System.") for one in base):
        return None
    found = [kind for kind in map(fhir_type, sorted(base)) if kind is not None]
    elements = [kind.elements[name] for kind in found if name in kind.elements]
    if not elements:
        raise unknown_element(found, name)
    names = frozenset(one for element in elements for one in element.keys.values())
    return None if len(names) > 20 or "Resource" in names else names  # noqa: PLR2004 (open choice)


def unknown_element(kinds: list[FhirType], name: str) -> FhirPathError:
    """The error for a name that none of the types has as an element."""
    known = {one for kind in kinds for one in kind.elements}
    told = " or ".join(sorted({kind.name for kind in kinds}))
    for kind in kinds:
        for choice, element in kind.elements.items():
            if element.single is None and name in element.keys:
                hint = f"write {choice}.ofType({element.keys[name]})"
                return FhirPathError(f"{told} has no element '{name}'", hint=hint)
    return FhirPathError(f"{told} has no element '{name}'", hint=closest(name, known))
