"""Primitive FHIR R4 data types as JSON: is a value of its type, and written as types are written?

Sources: R4 datatypes.html (their regular expressions) and json.html (no null, nothing empty).
Every check answers None, or what to send instead; never the value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from cds_service.fhirpath.dates import parse_date, parse_datetime, parse_time

MAX_INTEGER = 2**31 - 1
MAX_STRING = 1024 * 1024  # R4: strings shall not exceed 1 MB
MAX_BITS = 256  # of a whole number in a decimal: beyond any measurement, and cheap to print

_URI = re.compile(r"\S+")
_CODE = re.compile(r"[^\s]+(?:[ ][^\s]+)*")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_BASE64 = re.compile(r"[0-9A-Za-z+/=\s]+")
_CLOCK = r"\d\d:\d\d:\d\d(\.\d+)?"
_TIME = re.compile(_CLOCK, re.ASCII)
_ZONED = rf"(T{_CLOCK}(Z|[+-]\d\d:\d\d))?"
_DATETIME = re.compile(rf"\d{{4}}(-\d\d(-\d\d{_ZONED})?)?", re.ASCII)
_LEAP = re.compile(r"(T?\d\d:\d\d:)60")  # R4 allows a leap second, the date reader does not
_FRACTION = re.compile(r"\.\d+")  # any number of decimals is allowed; the date reader stops at 12


def _boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else "Send true or false, without quotes."


def _integer(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return "Send a whole number, without quotes and without decimals."
    fits = -MAX_INTEGER - 1 <= value <= MAX_INTEGER
    return None if fits else "The number is too large; a FHIR integer has 32 bits."


def _decimal(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "Send a number, without quotes."
    small = math.isfinite(value) if isinstance(value, float) else value.bit_length() <= MAX_BITS
    return None if small else "The number is too large."


def _string(value: Any) -> str | None:
    if not isinstance(value, str):
        return "Send a text."
    if not value:
        return "The text is empty. Leave the element out instead."
    if len(value) > MAX_STRING:
        return "The text is longer than FHIR allows (1 MB)."
    return "The text holds control characters. Remove them." if _CONTROL.search(value) else None


def _like(pattern: re.Pattern[str], words: str) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        return None if isinstance(value, str) and pattern.fullmatch(value) else words

    return check


def _date(value: Any) -> str | None:
    good = isinstance(value, str) and parse_date(value) is not None
    return None if good else "Send a real date as YYYY, YYYY-MM or YYYY-MM-DD."


def _datetime(value: Any) -> str | None:
    good = (
        isinstance(value, str)
        and _DATETIME.fullmatch(value)
        and parse_datetime(_plain_clock(value)) is not None
    )
    words = "Send a real date as YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with its offset."
    return None if good else words


def _time(value: Any) -> str | None:
    good = (
        isinstance(value, str)
        and _TIME.fullmatch(value)
        and parse_time(_plain_clock(value)) is not None
    )
    return None if good else "Send a time of day as hh:mm:ss, without an offset."


def _plain_clock(text: str) -> str:
    return _LEAP.sub(r"\g<1>59", _FRACTION.sub("", text))


def _object(value: Any) -> str | None:
    return None if isinstance(value, dict) and value else "Send an object that is not empty."


def _list(value: Any) -> str | None:
    return None if isinstance(value, list) and value else "Send a list that is not empty."


def _objects(value: Any) -> str | None:
    good = isinstance(value, list) and value and all(isinstance(v, dict) and v for v in value)
    return None if good else "Send a list of objects, none of them empty."


def _nothing(value: Any) -> str | None:
    return (
        "A modifierExtension can change the meaning of what it stands in, and none is understood "
        "here. Send the response without it."
    )


_uri = _like(_URI, "Send a URI: a text without spaces.")
PRIMITIVES: Mapping[str, Callable[[Any], str | None]] = {
    "boolean": _boolean,
    "integer": _integer,
    "decimal": _decimal,
    "string": _string,
    "uri": _uri,
    "code": _like(_CODE, "Send a code: a text without spaces around it."),
    "id": _like(_ID, "Send an id: 1 to 64 letters, digits, hyphens and dots."),
    "base64Binary": _like(_BASE64, "Send the content in base64."),
    "date": _date,
    "dateTime": _datetime,
    "time": _time,
    "object": _object,
    "list": _list,
    "objects": _objects,
    "modifiers": _nothing,
}
