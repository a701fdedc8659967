"""The few units of measure rules need, read from UCUM's grammar; every other unit is unknown.

A unit is an exact factor to base units, an offset (temperatures) and its dimensions. Two units
compare when their dimensions agree. Arbitrary units (`[iU]`, `U`) are dimensions of their own.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

CALENDAR = ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
# FHIRPath 2.0, 6.1: calendar durations of a week and below equal the definite ones of UCUM.
DEFINITE = {
    "week": "wk",
    "day": "d",
    "hour": "h",
    "minute": "min",
    "second": "s",
    "millisecond": "ms",
}
CALENDAR_WORDS = {word: word for word in CALENDAR} | {f"{word}s": word for word in CALENDAR}
TIME, MONTHS = (("s", 1),), (("month", 1),)

_PREFIXES = {
    "G": 9, "M": 6, "k": 3, "h": 2, "da": 1, "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12,
    "f": -15,
}  # fmt: skip
_METRIC = {
    "m": "1 m", "g": "1 g", "s": "1 s", "mol": "1 mol", "K": "1 K", "L": "1/1000 m3",
    "l": "1/1000 m3", "Pa": "1000 g m-1 s-2", "Hz": "1 s-1", "J": "1000 g m2 s-2",
    "W": "1000 g m2 s-3", "m[Hg]": "133322387415/1000 g m-1 s-2", "[iU]": "1 iU", "[IU]": "1 iU",
    "U": "1/60000000 mol s-1", "eq": "1 mol",
}  # fmt: skip
_PLAIN = {
    "min": "60 s", "h": "3600 s", "d": "86400 s", "wk": "604800 s", "mo": "2629800 s",
    "a": "31557600 s", "[in_i]": "254/10000 m", "[ft_i]": "3048/10000 m",
    "[lb_av]": "45359237/100000 g", "[oz_av]": "45359237/1600000 g", "%": "1/100", "1": "1",
    "[pH]": "1 pH", "year": "12 month", "month": "1 month",
}  # fmt: skip
_AFFINE = {
    "Cel": (Fraction(1), Fraction(27315, 100)),
    "[degF]": (Fraction(5, 9), Fraction(45967, 180)),
}
_TERM = re.compile(r"10\*([+-]?\d{1,2})|(\d{1,9})|((?:\[[^\[\]{}]*\]|[A-Za-z%])+)([+-]?\d)?")
_MAX_UNIT = 60  # characters; units come from charts, and brackets are read recursively
# A note such as {beats} says nothing about size; {1.73_m2} does, so such a unit stays unknown.
_NOTE = re.compile(r"\{[^{}0-9]*\}$")


@dataclass(frozen=True, slots=True)
class Unit:
    """`value * factor + offset` is the amount in base units of these (name, exponent) pairs."""

    factor: Fraction
    dimensions: tuple[tuple[str, int], ...]
    offset: Fraction = Fraction(0)


def _combine(left: Unit, right: Unit, power: int) -> Unit | None:
    """left * right ** power; None for temperatures, whose zero is not nothing."""
    if left.offset or right.offset:
        return None
    totals = dict(left.dimensions)
    for name, exponent in right.dimensions:
        totals[name] = totals.get(name, 0) + exponent * power
    kept = tuple(sorted((name, total) for name, total in totals.items() if total))
    return Unit(left.factor * right.factor**power, kept)


def _define(text: str) -> Unit:
    number, *bases = text.split()
    pairs = (re.fullmatch(r"([A-Za-z]+)(-?\d)?", base) for base in bases)
    found = sorted((pair[1], int(pair[2] or 1)) for pair in pairs if pair)
    return Unit(Fraction(number), tuple(found))


_ATOMS = {name: _define(text) for name, text in (_METRIC | _PLAIN).items()} | {
    name: Unit(factor, (("K", 1),), offset) for name, (factor, offset) in _AFFINE.items()
}


def _atom(name: str) -> Unit | None:
    if name in _ATOMS:
        return _ATOMS[name]
    for length in (2, 1):
        prefix, rest = name[:length], name[length:]
        if prefix in _PREFIXES and rest in _METRIC:
            unit = _ATOMS[rest]
            return Unit(unit.factor * Fraction(10) ** _PREFIXES[prefix], unit.dimensions)
    return None


def _term(text: str) -> Unit | None:
    if text.startswith("(") and text.endswith(")"):
        return parse_unit(text[1:-1])
    found = _TERM.fullmatch(_NOTE.sub("", text) or "1")
    if found is None:
        return None
    power, number, name, exponent = found.groups()
    if name is None:
        return Unit(Fraction(10) ** int(power) if power else Fraction(number), ())
    atom = _atom(name)
    if atom is None or exponent is None:
        return atom
    return _combine(Unit(Fraction(1), ()), atom, int(exponent))


def _split(text: str) -> list[str]:
    """Terms and the `.` and `/` between them, brackets kept whole."""
    return [part for part in re.split(r"([./])(?![^({\[]*[)}\]])", text) if part]


@lru_cache(maxsize=1024)
def parse_unit(text: str) -> Unit | None:
    """The unit written in UCUM (or a calendar word), or None when it is not one we know."""
    if len(text) > _MAX_UNIT:
        return None
    if text in DEFINITE:
        return parse_unit(DEFINITE[text])
    parts = _split(text)
    result = Unit(Fraction(1), ()) if parts[:1] == ["/"] else _term(parts.pop(0)) if parts else None
    if len(parts) % 2:
        return None
    for operator, term in zip(parts[::2], parts[1::2], strict=True):
        unit = _term(term)
        if result is None or unit is None or operator not in "./":
            return None
        result = _combine(result, unit, -1 if operator == "/" else 1)
    return result
