"""Equality, equivalence and order of items (FHIRPath 2.0, 6.1 and 6.2).

`=` answers None where the items' precision or units leave it open, and refuses values of unlike
types. Sets (`|`, `in`, `distinct()`) compare by `key`, which refuses nothing.
"""

from collections.abc import Hashable
from decimal import Decimal
from typing import Any

from . import quantities
from .dates import FhirDate, FhirDateTime, FhirTime, Temporal, compare, instant
from .decimals import agree
from .elements import Element, Items, children_of, system_value
from .errors import FhirPathError
from .quantities import Quantity, amount
from .scope import one
from .units import parse_unit

_MAX_PAIRS = 1_000_000  # comparisons of one equivalence between collections
_SEVERAL = 2
_KINDS: dict[type, str] = {
    bool: "Boolean",
    int: "number",
    Decimal: "number",
    str: "String",
    FhirDate: "date",
    FhirDateTime: "date",
    FhirTime: "Time",
    Quantity: "Quantity",
}
_HINTS = {
    frozenset({"String", "date"}): "write a date as @2024-12-31",
    frozenset({"number", "Quantity"}): "write a unit, as in 5 'mg'",
}


def kind_of(value: Any) -> str:
    """Boolean, number, String, date, Time, Quantity or complex."""
    return _KINDS.get(type(value), "complex")


def _unlike(left: Any, right: Any, verb: str) -> FhirPathError:
    kinds = kind_of(left), kind_of(right)
    hint = _HINTS.get(frozenset(kinds))
    return FhirPathError(f"cannot {verb} {kinds[0]} and {kinds[1]}", hint=hint)


def _alike(left: Any, right: Any) -> tuple[str, Any, Any]:
    """The common kind and both values, a number beside a quantity without unit made one."""
    kind, other = kind_of(left), kind_of(right)
    if kind == "number" and other == "Quantity" and right.unit == "1":
        return other, Quantity(Decimal(left), "1"), right
    if other == "number" and kind == "Quantity" and left.unit == "1":
        return kind, left, Quantity(Decimal(right), "1")
    return kind if kind == other else "", left, right


def equal_items(left: Any, right: Any) -> bool | None:
    """Checks whether two items are equal; None when that is not known or one has no value."""
    left, right = system_value(left), system_value(right)
    if left is None or right is None:
        return None
    match _alike(left, right):
        case ("number" | "String" | "Boolean", one, other):
            return bool(one == other)
        case ("Quantity", one, other):
            return quantities.equal(one, other)
        case ("date" | "Time", one, other):
            order = compare(one, other)
            return None if order is None else order == 0
        case ("complex", one, other):
            return key(one) == key(other)
    if {kind_of(left), kind_of(right)} == {"date", "Time"}:
        return False
    raise _unlike(left, right, "compare")


def equal(left: Items, right: Items) -> bool | None:
    """`left = right`: same items in the same order; None when either is empty."""
    if not left or not right:
        return None
    if len(left) != len(right):
        return False
    answers = [equal_items(*pair) for pair in zip(left, right, strict=True)]
    return False if False in answers else None if None in answers else True


def _normal(text: str) -> str:
    return " ".join(text.lower().split())


def equivalent_items(left: Any, right: Any) -> bool:
    """`~` for two items: text without case and spacing, numbers to the lesser precision."""
    left, right = system_value(left), system_value(right)
    match _alike(left, right):
        case ("String", one, other):
            return _normal(one) == _normal(other)
        case ("number", one, other):
            return agree(one, other)
        case ("Quantity", one, other):
            return quantities.equivalent(one, other)
        case ("date" | "Time", one, other):
            return compare(one, other) == 0
        case ("complex", one, other):
            return _equivalent_parts(one, other)
        case (kind, one, other):
            return kind != "" and bool(one == other)


def _equivalent_parts(left: Any, right: Any) -> bool:
    parts, others = dict(children_of(left)), dict(children_of(right))
    return parts.keys() == others.keys() and all(
        equivalent(items, others[name]) for name, items in parts.items()
    )


def equivalent(left: Items, right: Items) -> bool:
    """`left ~ right`: the same items in any order; two empty collections are equivalent."""
    if len(left) != len(right):
        return False
    if len(left) * len(right) > _MAX_PAIRS:
        raise FhirPathError("too many items for ~")
    rest = list(right)
    for item in left:
        place = next((at for at, other in enumerate(rest) if equivalent_items(item, other)), None)
        if place is None:
            return False
        del rest[place]
    return True


def order_items(left: Any, right: Any) -> int | None:
    """-1, 0 or 1; None when not known. FhirPathError for what has no common order."""
    left, right = system_value(left), system_value(right)
    if left is None or right is None:
        return None
    match _alike(left, right):
        case ("number" | "String", one, other):
            return int(one > other) - int(one < other)
        case ("Quantity", one, other):
            return quantities.order(one, other)
        case ("date" | "Time", one, other):
            return compare(one, other)
    raise _unlike(left, right, "order")


def order(left: Items, right: Items) -> int | None:
    """The order of two collections of at most one item; None when either is empty."""
    if not left or not right:
        return None
    return order_items(one(left, "to compare"), one(right, "to compare"))


def key(item: Any) -> Hashable:
    """Equal for items that `=` holds equal, unlike for all others; never refuses."""
    value: Any = item if _has_no_exact_value(item) else system_value(item)
    if value is None:
        value = item
    match kind_of(value):
        case "date" | "Time":
            return _moment_key(value)
        case "Quantity":
            return _quantity_key(value)
        case "complex":
            return _complex_key(value)
        case kind:
            return kind, value


def _has_no_exact_value(item: Any) -> bool:
    raw = item.value if type(item) is Element else item
    return isinstance(raw, dict) and raw.get("comparator") is not None


def distinct(items: Items) -> Items:
    """The items without repetition, in order of first appearance."""
    if len(items) < _SEVERAL:
        return items
    known = KnownItems()
    return [item for item in items if known.add(item)]


class KnownItems:
    """A set of items under `=`. The deep key of a complex item is made only when another one has
    the same mark (its identifying texts), which is rare: a key costs as much as the item is large.
    """

    def __init__(self) -> None:
        self._keys: set[Hashable] = set()
        self._first: dict[Hashable, Any] = {}  # mark -> its first item, None once that has a key

    def add(self, item: Any) -> bool:
        """Adds an item; False if an equal one is there already."""
        mark = _mark(item)
        if mark is not None:
            if mark not in self._first:
                self._first[mark] = item
                return True
            first = self._first[mark]
            if first is not None:
                self._keys.add(key(first))
                self._first[mark] = None
        size = len(self._keys)
        self._keys.add(key(item))
        return len(self._keys) > size


_MARKS = ("linkId", "id", "url", "fullUrl")  # texts that equal items have in common


def _mark(item: Any) -> Hashable:
    """Returns what two equal complex items have in common; None for one that has no such text."""
    value = item.value if type(item) is Element else item
    if not isinstance(value, dict) or "value" in value:  # two quantities may be equal but for ids
        return None
    for name in _MARKS:
        text = value.get(name)
        if type(text) is str:
            return name, text
    return None


def _moment_key(value: Temporal) -> Hashable:
    if isinstance(value, FhirDateTime) and value.offset is not None:
        return "instant", len(value.parts), instant(value)
    return kind_of(value), value.parts


def _quantity_key(value: Quantity) -> Hashable:
    unit = parse_unit(value.unit)
    if unit is None:
        return "Quantity", value.value, value.unit
    return "Quantity", amount(value, unit), unit.dimensions


def _complex_key(value: Any) -> Hashable:
    if not isinstance(value, dict | Element):
        return "other", repr(value)
    parts = [(name, tuple(map(key, items))) for name, items in children_of(value)]
    resource = value.type.name if isinstance(value, Element) and value.type.is_resource else None
    return "complex", resource, tuple(sorted(parts, key=lambda part: part[0]))
