"""What to say about a setting that cannot be: one sentence each, with what to write instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

# Bounds of a number (annotated_types) in words.
BOUNDS = (("ge", "at least {}"), ("gt", "more than {}"), ("le", "at most {}"))


@contextmanager
def blamed(variable: str) -> Iterator[None]:
    """What goes wrong inside is told as this variable's fault: RuntimeError in one sentence."""
    try:
        yield
    except OSError as error:
        words = f"{variable}={error.filename} cannot be used: {error.strerror}"
        raise RuntimeError(f"{words}; name one that can be read and written") from None
    except ValueError as error:
        raise RuntimeError(f"{variable} cannot be used: {error}") from None


def sentences(error: ValidationError, fields: Mapping[str, FieldInfo]) -> Iterator[str]:
    """One sentence for each setting that is wrong; none repeats the value, which may be secret."""
    for problem in error.errors(include_input=False, include_url=False):
        name = str(problem["loc"][0])
        ours = problem.get("ctx", {}).get("error")  # a ValueError of a validator
        yield f"CDS_{name.upper()} {ours or f'must be {expected(fields[name])}'}."


def expected(field: FieldInfo) -> str:
    """What a setting takes, from its type and its bounds."""
    kind = _without_none(field.annotation)
    if get_origin(kind) is Literal:
        *others, last = get_args(kind)
        return f"{', '.join(others)} or {last}"
    if kind in (int, float):
        whole = "a whole number" if kind is int else "a number"
        return ", ".join([whole, *_bounds(field)])
    return {bool: "true or false", Path: "a path", str: "a text"}.get(
        kind, "a JSON object of texts"
    )


def _without_none(annotation: Any) -> Any:
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
    optional = type(None) in get_args(annotation)
    return kinds[0] if optional else annotation


def _bounds(field: FieldInfo) -> Iterator[str]:
    for constraint in field.metadata:
        for attribute, words in BOUNDS:
            if hasattr(constraint, attribute):
                yield words.format(getattr(constraint, attribute))
