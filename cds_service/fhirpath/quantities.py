"""Quantities: a number with a unit, compared only where the units are known to allow it."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

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


def _known(unit: str, other: str) -> Unit:
    found = parse_unit(unit)
    if found is None:
        raise FhirPathError(
            f"cannot compare the units '{unit}' and '{other}'",
            hint="use the same UCUM unit on both sides",
        )
    return found


def units_of(left: Quantity, right: Quantity) -> tuple[Unit, Unit]:
    """Both units; FhirPathError when they differ and one of them is unknown."""
    return _known(left.unit, right.unit), _known(right.unit, left.unit)


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
            raise FhirPathError(
                f"months and years have no fixed length: {left} and {right}",
                hint="use calendar months or years on both sides",
            )
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


def decimals_of(value: Decimal) -> int:
    """How many decimals are written, trailing zeros included."""
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def equivalent(left: Quantity, right: Quantity) -> bool:
    """Equality to the precision of the less precise value, after conversion to its unit."""
    if decimals_of(right.value) < decimals_of(left.value):
        left, right = right, left
    if left.unit == right.unit:
        places = decimals_of(left.value)
        return round(left.value, places) == round(right.value, places)
    unit, other = units_of(left, right)
    if unit.dimensions != other.dimensions:
        if {unit.dimensions, other.dimensions} == {TIME, MONTHS}:
            raise FhirPathError(f"months and years have no fixed length: {left} and {right}")
        return False
    # The coarser unit decides: 4 'g' ~ 4040 'mg' at the precision of the 4.
    if other.factor > unit.factor:
        left, right, unit, other = right, left, other, unit
    converted = (amount(right, other) - unit.offset) / unit.factor
    places = decimals_of(left.value)
    return round(Fraction(left.value), places) == round(converted, places)


def decimal_of(value: Fraction) -> Decimal:
    """The fraction as a Decimal of at most 28 digits."""
    return Decimal(value.numerator) / Decimal(value.denominator)


def add(left: Quantity, right: Quantity, sign: int) -> Quantity:
    """left + sign * right in left's unit; FhirPathError when the units do not allow it."""
    if left.unit == right.unit:
        return Quantity(left.value + sign * right.value, left.unit)
    unit, other = units_of(left, right)
    if unit.dimensions != other.dimensions or unit.offset or other.offset:
        raise FhirPathError(f"cannot add or subtract {left} and {right}")
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
        raise FhirPathError(f"cannot multiply or divide {left} and {right}")
    if left.unit == "1" and operator == ".":
        return Quantity(value, right.unit)
    return Quantity(value, f"{_factor(left.unit)}{operator}{_factor(right.unit)}")
