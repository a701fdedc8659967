"""Reading one value of a wanted type out of a collection."""

from decimal import Decimal
from typing import Any

from ..comparison import kind_of
from ..elements import Items, system_value
from ..errors import FhirPathError
from ..scope import one


def _wrong(value: Any, wanted: str) -> FhirPathError:
    found = "a complex element" if kind_of(value) == "complex" else kind_of(value)
    return FhirPathError(f"expected {wanted} but found {found}")


def value_of(items: Items) -> Any:
    """The one System value, None when there is none; FhirPathError for several."""
    return system_value(one(items)) if items else None


def text_of(items: Items) -> str | None:
    """The one string, None when there is none; FhirPathError for several or another type."""
    value = value_of(items)
    if value is None or isinstance(value, str):
        return value
    raise _wrong(value, "a string")


def integer_of(items: Items) -> int | None:
    """The one integer, None when there is none; FhirPathError for several or another type."""
    value = value_of(items)
    if value is None or type(value) is int:
        return value
    raise _wrong(value, "an integer")


def number_of(items: Items) -> Decimal | None:
    """The one number as a Decimal, None when there is none."""
    value = value_of(items)
    if value is None:
        return None
    if type(value) in (int, Decimal):
        return Decimal(value)
    raise _wrong(value, "a number")


def boolean_of(item: Any) -> bool | None:
    """An item that must be a boolean; None for a primitive without a value."""
    value = system_value(item)
    if value is None or type(value) is bool:
        return value
    raise _wrong(value, "a boolean")
