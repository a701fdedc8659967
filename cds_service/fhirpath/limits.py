"""Bounds that keep a hostile or mistaken expression from costing time or memory."""

from typing import Any

from .errors import FhirPathError

MAX_LENGTH = 20_000  # characters of one expression
MAX_DEPTH = 100  # nested operators, calls and steps of one expression
MAX_CHAIN = 400  # terms of one `a or b or c ...`, which is compiled flat
# Python frames that named expressions using one another may nest; the interpreter's limit is 1000.
MAX_FRAMES, FRAMES_A_LEVEL, FRAMES_A_NAME = 700, 3, 5
MAX_ITEMS = 100_000  # items of one collection
MAX_MATCH_STEPS = 10_000_000  # worst-case steps of one regular expression on one input
MAX_TEXT = 1_000_000  # characters of a string made by an expression


def check_length(text: str) -> None:
    """Raise FhirPathError when an expression's source is too long."""
    if len(text) > MAX_LENGTH:
        raise FhirPathError(f"expression is longer than {MAX_LENGTH} characters", None, 0)


def check_count(items: int) -> None:
    """Raise FhirPathError when a collection of so many items is too large."""
    if items > MAX_ITEMS:
        raise FhirPathError(f"a collection grew beyond {MAX_ITEMS} items")


def check_items(items: list[Any]) -> list[Any]:
    """The same collection; FhirPathError when it has grown too large."""
    check_count(len(items))
    return items


def check_size(characters: int) -> None:
    """Raise FhirPathError when a string of so many characters is too long."""
    if characters > MAX_TEXT:
        raise FhirPathError(f"a string grew beyond {MAX_TEXT} characters")


def check_text(text: str) -> str:
    """The same string; FhirPathError when it has grown too long."""
    check_size(len(text))
    return text
