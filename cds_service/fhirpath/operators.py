"""Closures for operators (FHIRPath 2.0, 6)."""

from collections.abc import Callable, Hashable
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import Any

from .arithmetic import ARITHMETIC
from .building import Building
from .comparison import distinct, equal, equivalent, key, kind_of, order
from .elements import EMPTY, Element, Items, system_value, text_in
from .errors import FhirPathError
from .limits import check_items, check_text
from .nodes import Binary, Literal, Member, Node, Unary
from .quantities import Quantity
from .scope import Scope, Step, Truth, one
from .static import check_operands, kinds_of

_NUMBERS = (int, Decimal)  # by exact type, so that a boolean is not a number


def build_connective(operator: str, terms: list[Truth]) -> Truth:
    """`and` or `or` over all terms; the first term that decides ends it (FHIRPath 2.0, 6.5)."""
    decides = operator == "or"

    def truth(scope: Scope, focus: Items) -> bool | None:
        unknown = False
        for term in terms:
            answer = term(scope, focus)
            if answer is decides:
                return decides
            if answer is None:
                unknown = True
        return None if unknown else not decides

    return truth


def build_truth(compiler: Building, node: Binary) -> Truth:
    """A closure for an operator that answers a boolean."""
    operator = node.operator
    if operator in ("xor", "implies"):
        connective = _XOR_IMPLIES[operator]
        return connective(compiler.truth(node.left), compiler.truth(node.right))
    check_operands(operator, compiler.types(node.left), compiler.types(node.right))
    left, right = compiler.step(node.left), compiler.step(node.right)
    if operator == "in" and (listed := _literals(node.right)) is not None:
        return _among(left, frozenset(map(key, listed)), node.position)
    if operator in _ORDERS:
        constant = node.right.value if isinstance(node.right, Literal) else None
        if constant is not None and type(constant) in _NUMBERS:
            return _against_number(operator, left, right, constant, node.position)
        return _ordering(operator, left, right, node.position)
    if operator == "=" and isinstance(node.right, Literal) and type(node.right.value) is str:
        general = _equal_to_text(left, right, node.right.value, node.position)
        name = _own_element(node.left)
        return _element_is_text(name, node.right.value, general) if name else general
    compare = _COMPARISONS[operator]

    def truth(scope: Scope, focus: Items) -> bool | None:
        try:
            return compare(left(scope, focus), right(scope, focus))
        except FhirPathError as error:
            raise error.locate(node.position) from None

    return truth


def _own_element(node: Node) -> str | None:
    """The name in ``code`` alone, an element of the focus; None for any other node."""
    if isinstance(node, Member) and node.base is None and not node.name[:1].isupper():
        return node.name
    return None


def _element_is_text(name: str, text: str, general: Truth) -> Truth:
    """`code = 'active'` read from the JSON itself where that is a text without extensions."""

    def truth(scope: Scope, focus: Items) -> bool | None:
        raw = text_in(focus[0], name) if len(focus) == 1 else None
        return general(scope, focus) if raw is None else raw == text

    return truth


def _equal_to_text(left: Step, right: Step, text: str, position: int) -> Truth:
    """Equality with a text in the rule, as in `code = 'active'`: the usual case first."""

    def truth(scope: Scope, focus: Items) -> bool | None:
        try:
            items = left(scope, focus)
            if len(items) == 1:
                value = items[0].value if type(items[0]) is Element else items[0]
                if type(value) is str:
                    return value == text
            return equal(items, right(scope, focus))
        except FhirPathError as error:
            raise error.locate(position) from None

    return truth


def _literals(node: Node) -> Items | None:
    """The values of a literal or of a union of literals; None for any other node."""
    if isinstance(node, Literal):
        return [node.value]
    if isinstance(node, Binary) and node.operator == "|":
        left, right = _literals(node.left), _literals(node.right)
        return None if left is None or right is None else [*left, *right]
    return None


def _among(left: Step, keys: frozenset[Hashable], position: int) -> Truth:
    """Membership in a list that is written in the rule."""

    def truth(scope: Scope, focus: Items) -> bool | None:
        try:
            item = one(left(scope, focus), "to look for")
            if item is None:
                return None
            value = item.value if type(item) is Element else item
            return (("String", value) if type(value) is str else key(item)) in keys
        except FhirPathError as error:
            raise error.locate(position) from None

    return truth


def _xor(left: Truth, right: Truth) -> Truth:
    def truth(scope: Scope, focus: Items) -> bool | None:
        one, other = left(scope, focus), right(scope, focus)
        return None if one is None or other is None else one is not other

    return truth


def _implies(left: Truth, right: Truth) -> Truth:
    def truth(scope: Scope, focus: Items) -> bool | None:
        condition = left(scope, focus)
        if condition is False:
            return True
        conclusion = right(scope, focus)
        return conclusion if condition or conclusion else None

    return truth


_XOR_IMPLIES = {"xor": _xor, "implies": _implies}


def _not_equal(left: Items, right: Items) -> bool | None:
    answer = equal(left, right)
    return None if answer is None else not answer


def _not_equivalent(left: Items, right: Items) -> bool:
    return not equivalent(left, right)


def contains(items: Items, sought: Items) -> bool | None:
    """`items contains sought`: None without anything sought, false in an empty collection."""
    item = one(sought, "to look for")
    if item is None:
        return None
    value = item.value if type(item) is Element else item
    if type(value) is str:
        return any((i.value if type(i) is Element else i) == value for i in items)
    wanted = key(item)
    return any(key(each) == wanted for each in items)


def _in(sought: Items, items: Items) -> bool | None:
    return contains(items, sought)


_COMPARISONS: dict[str, Callable[[Items, Items], bool | None]] = {
    "=": equal,
    "!=": _not_equal,
    "~": equivalent,
    "!~": _not_equivalent,
    "in": _in,
    "contains": contains,
}
_ORDERS: dict[str, Callable[[int], bool]] = {
    "<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    ">": lambda order: order > 0,
    ">=": lambda order: order >= 0,
}

_NUMBER_ORDERS: dict[str, Callable[[Any, Any], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}


def _ordering(operator: str, left: Step, right: Step, position: int) -> Truth:
    holds = _ORDERS[operator]

    def truth(scope: Scope, focus: Items) -> bool | None:
        try:
            found = order(left(scope, focus), right(scope, focus))
        except FhirPathError as error:
            raise error.locate(position) from None
        return None if found is None else holds(found)

    return truth


def _against_number(
    operator: str, left: Step, right: Step, number: int | Decimal, position: int
) -> Truth:
    """Ordering against a number in the rule, as in `%age < 25`: the usual case first."""
    holds = _NUMBER_ORDERS[operator]
    general = _ordering(operator, left, right, position)

    def truth(scope: Scope, focus: Items) -> bool | None:
        items = left(scope, focus)
        if not items:
            return None
        if len(items) == 1 and type(items[0]) in _NUMBERS:
            return holds(items[0], number)
        return general(scope, focus)

    return truth


def build_unary(compiler: Building, node: Unary) -> Step:
    """A closure for a sign before a number or a quantity."""
    kinds = kinds_of(compiler.types(node.operand))
    if kinds is not None and not kinds & {"number", "Quantity"}:
        told = " or ".join(sorted(kinds))
        raise FhirPathError(f"'{node.operator}' can never work on {told}", None, node.position)
    operand, negative, position = compiler.step(node.operand), node.operator == "-", node.position
    if isinstance(node.operand, Literal):
        folded = [_signed(node.operand.value, negative)]
        return lambda scope, focus: folded

    def step(scope: Scope, focus: Items) -> Items:
        try:
            value = system_value(one(operand(scope, focus), "to sign"))
            return EMPTY if value is None else [_signed(value, negative)]
        except FhirPathError as error:
            raise error.locate(position) from None

    return step


def _signed(value: Any, negative: bool) -> Any:
    match kind_of(value):
        case "number":
            return -value if negative else value
        case "Quantity":
            return Quantity(-value.value, value.unit) if negative else value
    raise FhirPathError(f"cannot put a sign before {kind_of(value)}")


def build_binary(compiler: Building, node: Binary) -> Step:
    """A closure for `|`, `&` or arithmetic; two literals are folded into one constant."""
    operator = node.operator
    check_operands(operator, compiler.types(node.left), compiler.types(node.right))
    left, right = compiler.step(node.left), compiler.step(node.right)
    combine = _COMBINATIONS.get(operator) or _arithmetic(ARITHMETIC[operator])

    def step(scope: Scope, focus: Items) -> Items:
        try:
            return combine(left(scope, focus), right(scope, focus))
        except FhirPathError as error:
            raise error.locate(node.position) from None

    if isinstance(node.left, Literal) and isinstance(node.right, Literal):
        folded = combine([node.left.value], [node.right.value])
        return lambda scope, focus: folded
    return step


def _arithmetic(apply: Callable[[Any, Any], Any]) -> Callable[[Items, Items], Items]:
    def combine(left: Items, right: Items) -> Items:
        if not left or not right:
            return EMPTY
        one_value = system_value(one(left, "on the left"))
        other = system_value(one(right, "on the right"))
        if one_value is None or other is None:
            return EMPTY
        result = apply(one_value, other)
        return EMPTY if result is None else [result]

    return combine


def union(left: Items, right: Items) -> Items:
    """All items of both without repetition, in order of first appearance."""
    return check_items(distinct([*left, *right]))


def _concatenate(left: Items, right: Items) -> Items:
    texts = [system_value(one(items, "to join")) for items in (left, right)]
    for text in texts:
        if text is not None and not isinstance(text, str):
            raise FhirPathError(f"cannot apply & to {kind_of(text)}", hint="use toString()")
    return [check_text("".join(text or "" for text in texts))]


_COMBINATIONS: dict[str, Callable[[Items, Items], Items]] = {"|": union, "&": _concatenate}
