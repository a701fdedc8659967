"""`is`, `as` and `ofType` (FHIRPath 2.0, 6.3)."""

from typing import Any

from .dates import FhirDate, FhirDateTime, FhirTime
from .elements import EMPTY, Element, Items
from .errors import FhirPathError
from .quantities import Quantity
from .scope import FALSE, TRUE, Scope, Step, one
from .types import TypeName, resolve

_SYSTEM_NAMES: dict[type, str] = {
    bool: "Boolean",
    int: "Integer",
    str: "String",
    FhirDate: "Date",
    FhirDateTime: "DateTime",
    FhirTime: "Time",
    Quantity: "Quantity",
}


def system_name(item: Any) -> str | None:
    """The System type of an item; None for a part of a resource and for a plain dict."""
    if type(item) is Element or isinstance(item, dict):
        return None
    return _SYSTEM_NAMES.get(type(item), "Decimal")


def is_type(item: Any, kind: TypeName) -> bool:
    """Checks whether an item is of the type, or of one derived from it."""
    if type(item) is Element:
        return kind.fhir is not None and item.type.is_a(kind.fhir.name)
    return kind.system is not None and system_name(item) == kind.system


def is_cast(item: Any, kind: TypeName) -> bool:
    """The same for `as` and `ofType`, which take a primitive by its own type only.

    So a code is not taken `as(string)`; the official tests for R4 ask for that.
    """
    if type(item) is Element and item.type.primitive:
        return kind.fhir is not None and item.type.name == kind.fhir.name
    return is_type(item, kind)


def build_type_test(operator: str, base: Step, name: str, position: int) -> Step:
    """A closure for `is` or `as` on at most one item; the type must exist."""
    kind = resolve(name)

    def step(scope: Scope, focus: Items) -> Items:
        items = base(scope, focus)
        if len(items) > 1:
            message = f"expected at most one item for '{operator}' but found {len(items)}"
            raise FhirPathError(message, None, position, "use ofType() to filter several")
        item = one(items)
        if item is None:
            return EMPTY
        if operator == "is":
            return TRUE if is_type(item, kind) else FALSE
        return items if is_cast(item, kind) else EMPTY

    return step


def build_of_type(base: Step, name: str) -> Step:
    """A closure that keeps the items of the type."""
    kind = resolve(name)

    def step(scope: Scope, focus: Items) -> Items:
        return [item for item in base(scope, focus) if is_cast(item, kind)]

    return step
