"""JSON as EHRs send it: half a character in a text does not cost the rest of the document."""

from __future__ import annotations

import re
from typing import Any

import orjson

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_HIGH, _LOW = rb"\\u[dD][89abAB][0-9a-fA-F]{2}", rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
# Group 1: a whole pair, or any other escape (also of a backslash), which stay as they are.
_ESCAPES = re.compile(
    rb"(%b%b|\\u(?![dD][89a-fA-F])|\\[^u])|%b|%b" % (_HIGH, _LOW, _HIGH, _LOW), re.DOTALL
)


def read_json(data: bytes) -> Any:
    """Parses JSON in UTF-8; raises orjson.JSONDecodeError.

    A byte order mark is dropped, and an unpaired surrogate escape is read as U+FFFD: RFC 8259 8.2
    allows it, and a text that was cut at a number of UTF-16 units holds one.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        whole = _ESCAPES.sub(_replaced, data.removeprefix(BYTE_ORDER_MARK))
        if whole == data:
            raise error from None
        return orjson.loads(whole)


def _replaced(match: re.Match[bytes]) -> bytes:
    return match[1] or rb"\ufffd"
