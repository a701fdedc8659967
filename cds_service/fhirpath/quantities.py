"""Quantities: a number with a unit, compared only where the units are known to allow it."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from .decimals import agree, decimals_of, rounded
from .errors import FhirPathError
from .units import CALENDAR, MONTHS, TIME, Unit, parse_unit


@dataclass(frozen=True, slots=True)
class Quantity:
    """`unit` is a UCUM code, `1`, or a calendar word in the singular (`day`)."""

    value: Decimal
    unit: str

    def __str__(self) -> str:
        number = format(self.value, "f")
        if self.unit in CALENDAR:
            return f"{number} {self.unit}{'' if abs(self.value) == 1 else 's'}"
        return f"{number} '{self.unit}'"


def units_of(left: Quantity, right: Quantity) -> tuple[Unit, Unit]:
    """Both units; FhirPathError when one of them is unknown."""
    unit, other = parse_unit(left.unit), parse_unit(right.unit)
    if unit is None or other is None:
        raise _refuse("compare", left, right, "use the same UCUM unit on both sides")
    return unit, other


def _refuse(verb: str, left: Quantity, right: Quantity, hint: str | None = None) -> FhirPathError:
    """The error for two units. It tells no value and no free text: they may be a patient's."""
    units = [one.unit if parse_unit(one.unit) else "?" for one in (left, right)]
    return FhirPathError(f"cannot {verb} quantities in '{units[0]}' and '{units[1]}'", hint=hint)


_CALENDAR_HINT = "months and years have no fixed length: use them on both sides"


def amount(quantity: Quantity, unit: Unit) -> Fraction:
    """The exact amount in base units."""
    return Fraction(quantity.value) * unit.factor + unit.offset


def order(left: Quantity, right: Quantity) -> int | None:
    """-1, 0 or 1; None for unlike dimensions (FHIRPath 2.0, 6.2).

    FhirPathError for unknown units that differ, and for calendar months against days.
    """
    if left.unit == right.unit:
        return (left.value > right.value) - (left.value < right.value)
    unit, other = units_of(left, right)
    if unit.dimensions != other.dimensions:
        if {unit.dimensions, other.dimensions} == {TIME, MONTHS}:
            raise _refuse("order", left, right, _CALENDAR_HINT)
        return None
    one, two = amount(left, unit), amount(right, other)
    return (one > two) - (one < two)


def equal(left: Quantity, right: Quantity) -> bool | None:
    """Equality after conversion; None for unlike dimensions, and for months against days."""
    if left.unit == right.unit:
        return left.value == right.value
    unit, other = units_of(left, right)
    if unit.dimensions != other.dimensions:
        return None
    return amount(left, unit) == amount(right, other)


def equivalent(left: Quantity, right: Quantity) -> bool:
    """Equality of the values in the coarser unit, to the precision of the value given in that."""
    if left.unit == right.unit:
        return agree(left.value, right.value)
    unit, other = units_of(left, right)
    if unit.dimensions != other.dimensions:
        if {unit.dimensions, other.dimensions} == {TIME, MONTHS}:
            raise _refuse("compare", left, right, _CALENDAR_HINT)
        return False
    if other.factor > unit.factor:
        left, right, unit, other = right, left, other, unit
    converted = decimal_of((amount(right, other) - unit.offset) / unit.factor)
    places = decimals_of(left.value.normalize())
    return rounded(left.value, places) == rounded(converted, places)


def decimal_of(value: Fraction) -> Decimal:
    """The fraction as a Decimal of at most 28 digits."""
    return Decimal(value.numerator) / Decimal(value.denominator)


def add(left: Quantity, right: Quantity, sign: int) -> Quantity:
    """left + sign * right in left's unit; FhirPathError when the units do not allow it."""
    if left.unit == right.unit:
        return Quantity(left.value + sign * right.value, left.unit)
    unit, other = units_of(left, right)
    if unit.dimensions != other.dimensions or unit.offset or other.offset:
        raise _refuse("add or subtract", left, right)
    return Quantity(
        left.value + sign * decimal_of(Fraction(right.value) * other.factor / unit.factor),
        left.unit,
    )


def _factor(unit: str) -> str:
    return f"({unit})" if "." in unit or "/" in unit else unit


def multiply(left: Quantity, right: Quantity, operator: str) -> Quantity | None:
    """The product (`.`) or quotient (`/`), its unit composed in UCUM; None when dividing by 0."""
    if operator == "/" and not right.value:
        return None
    value = left.value / right.value if operator == "/" else left.value * right.value
    if operator == "/" and left.unit == right.unit:
        return Quantity(value, "1")
    if right.unit == "1":
        return Quantity(value, left.unit)
    unit, other = units_of(left, right)
    if unit.offset or other.offset or MONTHS in (unit.dimensions, other.dimensions):
        raise _refuse("multiply or divide", left, right)
    if left.unit == "1" and operator == ".":
        return Quantity(value, right.unit)
    return Quantity(value, f"{_factor(left.unit)}{operator}{_factor(right.unit)}")
