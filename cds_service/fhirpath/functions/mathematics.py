"""Numbers (FHIRPath 2.0, 5.7); results that are no real number are the empty collection."""

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Context, Decimal
from typing import Any

from ..arithmetic import bounded
from ..comparison import kind_of
from ..decimals import rounded
from ..elements import Items
from ..errors import FhirPathError
from ..quantities import Quantity
from .arguments import integer_of, number_of, value_of
from .registry import value

_PRECISE = Context(prec=40)
_ROUNDED = Context(prec=28)  # so that 100.log(10) is 2, not 1.999...
_MAX_EXPONENT = 1000
_MAX_PLACES = 28


@value("abs")
def _abs(items: Items) -> Any:
    number = value_of(items)
    if isinstance(number, Quantity):
        return Quantity(abs(number.value), number.unit)
    if number is not None and kind_of(number) != "number":
        raise FhirPathError(f"expected a number but found {kind_of(number)}")
    return None if number is None else bounded(abs(number))


def _declare_whole(name: str, rounding: str) -> None:
    def whole(items: Items) -> int | None:
        number = number_of(items)
        found = None if number is None else int(number.to_integral_value(rounding))
        return None if found is None or bounded(found) is None else found

    value(name, result="Integer")(whole)


for _name, _rounding in (
    ("ceiling", ROUND_CEILING),
    ("floor", ROUND_FLOOR),
    ("truncate", ROUND_DOWN),
):
    _declare_whole(_name, _rounding)


@value("round", 0, 1, result="Decimal")
def _round(items: Items, places: Items | None = None) -> Decimal | None:
    number = number_of(items)
    digits = 0 if places is None else integer_of(places)
    if number is None or digits is None:
        return None
    if not 0 <= digits <= _MAX_PLACES:
        raise FhirPathError(f"round() takes 0 to {_MAX_PLACES} decimal places")
    return rounded(number, digits)


def _declare_real(name: str, apply: Callable[[Decimal], Decimal], above: Decimal | None) -> None:
    """A function of numbers greater than `above`, of all numbers if that is None."""

    def real(items: Items) -> Decimal | None:
        number = number_of(items)
        if number is None or (above is not None and number <= above):
            return None
        if abs(number) > _MAX_EXPONENT and name == "exp":
            raise FhirPathError("exp() of so large a number")
        return _ROUNDED.plus(apply(number))

    value(name, result="Decimal")(real)


_declare_real("exp", _PRECISE.exp, None)
_declare_real("ln", _PRECISE.ln, Decimal(0))


@value("sqrt", result="Decimal")
def _sqrt(items: Items) -> Decimal | None:
    number = number_of(items)
    return None if number is None or number < 0 else _ROUNDED.sqrt(number)


@value("log", 1, result="Decimal")
def _log(items: Items, base: Items) -> Decimal | None:
    number, to = number_of(items), number_of(base)
    if number is None or to is None or number <= 0 or to <= 0 or to == 1:
        return None
    return _ROUNDED.plus(_PRECISE.divide(_PRECISE.ln(number), _PRECISE.ln(to)))


@value("power", 1)
def _power(items: Items, exponent: Items) -> int | Decimal | None:
    number, to = number_of(items), number_of(exponent)
    if number is None or to is None or (number < 0 and to != to.to_integral_value()):
        return None
    if abs(to) > _MAX_EXPONENT or (not number and to < 0):
        raise FhirPathError("power() of so large an exponent, or of zero")
    result = _ROUNDED.plus(_PRECISE.power(number, to)) if number or to else Decimal(1)
    whole = type(value_of(items)) is int and type(value_of(exponent)) is int and to >= 0
    return result if not whole else None if bounded(int(result)) is None else int(result)
