"""The one error of this package: an expression that cannot be compiled, or must not be answered."""

from collections.abc import Iterable
from difflib import get_close_matches


class FhirPathError(ValueError):
    """An expression is refused, at compile or at evaluation.

    `position` is the 0-based offset into `text`, `hint` what to write instead; either may be None.
    """

    def __init__(
        self,
        message: str,
        text: str | None = None,
        position: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.position = position
        self.hint = hint

    def locate(self, position: int) -> "FhirPathError":
        """Itself, placed at `position` unless it already has a place (the innermost wins)."""
        if self.position is None:
            self.position = position
        return self

    def within(self, text: str) -> "FhirPathError":
        """Itself, told which expression it belongs to unless it already knows."""
        if self.text is None:
            self.text = text
        return self

    def copy(self) -> "FhirPathError":
        """An equal error without a traceback, to be raised once more."""
        return FhirPathError(self.message, self.text, self.position, self.hint)

    def __str__(self) -> str:
        parts = [self.message]
        if self.text is not None and self.position is not None:
            before = self.text[: self.position]
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
            parts.append(f"at {line}:{column}")
        if self.text is not None:
            parts.append(f"in: {self.text.strip()}")
        if self.hint is not None:
            parts.append(f"({self.hint})")
        return " ".join(parts)


def closest(name: str, known: Iterable[str]) -> str | None:
    """A hint naming the known name nearest to a mistyped one, or None when none is near."""
    near = get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else None
