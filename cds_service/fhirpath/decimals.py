"""Numbers of decimals, and equality to the lesser of two precisions."""

from decimal import ROUND_HALF_UP, Decimal


def decimals_of(value: Decimal) -> int:
    """Returns how many decimals are written, trailing zeros included."""
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def rounded(value: int | Decimal, places: int) -> Decimal:
    """The number to so many decimals, a half away from zero."""
    return Decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def agree(value: int | Decimal, other: int | Decimal) -> bool:
    """Equality to the precision of the less precise number (FHIRPath 2.0, 6.1.2).

    Trailing zeros are no precision there.
    """
    places = min(decimals_of(Decimal(one).normalize()) for one in (value, other))
    return rounded(value, places) == rounded(other, places)
