"""Closures for constants, variables and steps along a path."""

from typing import Any

from .elements import Element, Items, element_of, key_of
from .errors import FhirPathError
from .scope import Scope, Step, Truth
from .static import unknown_element
from .types import fhir_type


def constant(items: Items) -> Step:
    """A closure that always answers the same collection."""
    return lambda scope, focus: items


def focus_step(scope: Scope, focus: Items) -> Items:
    """`$this`."""
    return focus


def resource_step(scope: Scope, focus: Items) -> Items:
    return scope.resource


def _index_step(scope: Scope, focus: Items) -> Items:
    if scope.index is None:
        raise FhirPathError("$index has a meaning only inside a function over items")
    return [scope.index]


def _total_step(scope: Scope, focus: Items) -> Items:
    return scope.total


SPECIALS: dict[str, Step] = {"$this": focus_step, "$index": _index_step, "$total": _total_step}


def variable_step(name: str, position: int) -> Step:
    def step(scope: Scope, focus: Items) -> Items:
        items = scope.memo.get(name)
        if items is not None:
            return items
        try:
            return scope.load(name)
        except FhirPathError as error:
            raise error.locate(position) from None

    return step


def singleton(base: Step, position: int, strict: bool) -> Truth:
    """A collection as a boolean: empty is None, several items are refused.

    One item that is not a boolean is true, or refused if strict.
    """

    def truth(scope: Scope, focus: Items) -> bool | None:
        items = base(scope, focus)
        if not items:
            return None
        if len(items) > 1:
            raise FhirPathError(
                f"expected one boolean but found {len(items)} items", None, position
            )
        item = items[0].value if type(items[0]) is Element else items[0]
        if item is None or type(item) is bool:
            return item
        if strict:
            raise FhirPathError("expected a boolean", None, position, "compare it or use exists()")
        return True

    return truth


def member_step(base: Step, name: str, position: int) -> Step:
    """The step from each item of the base to its element."""

    def step(scope: Scope, focus: Items) -> Items:
        return members(base(scope, focus), name, position)

    return step


def first_member_step(name: str, position: int) -> Step:
    """The first name of a path: an element of the focus, or the type of the focus itself."""
    kind = fhir_type(name) if name[:1].isupper() else None

    def step(scope: Scope, focus: Items) -> Items:
        if kind is not None and focus and all(_is_of(item, name) for item in focus):
            return focus
        return members(focus, name, position)

    return step


def _is_of(item: Any, name: str) -> bool:
    return type(item) is Element and item.type.is_a(name)


def members(items: Items, name: str, position: int) -> Items:
    """The named elements of all items, in order.

    FhirPathError when no item's type has such an element: that is a mistake, not an absence.
    """
    found: Items = []
    unknown = []
    known = False
    for item in items:
        if type(item) is Element:
            element = item.type.elements.get(name)
            if element is not None:
                found += element_of(item, element)
                known = True
            elif not item.loose:
                unknown.append(item.type)
        elif type(item) is dict:
            found += key_of(item, name)
            known = True
        else:
            raise FhirPathError(f"{type(item).__name__} has no element '{name}'", None, position)
    if unknown and not known:
        raise unknown_element(unknown, name).locate(position)
    return found
