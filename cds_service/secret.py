"""A value that must not print: tokens stay out of logs, errors and debuggers' one-line views."""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """Holds a string. It prints as stars, cannot be pickled, and is read by ``reveal`` only."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The string itself, for the one place that sends it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled")
