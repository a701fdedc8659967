"""Regular expressions that cannot run away (`matches()` and its kin, FHIRPath 2.0, 5.6).

Python's matcher backtracks. A pattern is accepted only where the worst case is known: at most one
repetition around any character, no references, no looking around, no choice that is repeated. With
k open-ended repetitions the worst case on n characters is about n ** (k + 1) steps, and an input
for which that is too many is refused.
"""

import re
from dataclasses import dataclass

from .errors import FhirPathError
from .limits import MAX_MATCH_STEPS

_QUANTIFIER = re.compile(r"[*+?]|\{(\d{1,3})(?:(,)(\d{0,3}))?\}")
_CLASS = re.compile(r"\[\^?\]?(?:\\[\\\]\[^\-dDsSwW.nrt/]|[^\\\]\[])*\]")
_ESCAPE = re.compile(r"\\[\\dDsSwWbBnrtf.*+?()\[\]{}|^$/\-]")
_MAX_PATTERN = 1000


@dataclass(slots=True)
class _Group:
    """The content of a bracket so far: a choice, or something repeated."""

    choice: bool = False
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Pattern:
    """A checked pattern; `open_ended` and `factor` count the repetitions it may try."""

    expression: "re.Pattern[str]"
    open_ended: int
    factor: int

    def _check(self, text: str) -> None:
        if (len(text) + 1) ** (self.open_ended + 1) * self.factor > MAX_MATCH_STEPS:
            raise FhirPathError("the text is too long for this regular expression")

    def matches(self, text: str, *, whole: bool) -> bool:
        """Checks whether the pattern occurs in the text, or is the whole text."""
        self._check(text)
        found = self.expression.fullmatch(text) if whole else self.expression.search(text)
        return found is not None

    def replace(self, text: str, new: str) -> str:
        """The text with every occurrence replaced; an empty pattern replaces nothing."""
        self._check(text)
        if "$" in new or "\\" in new:
            raise FhirPathError("replaceMatches() puts in plain text, without $ and \\")
        return self.expression.sub(lambda _: new, text) if self.expression.pattern else text


class _Checker:
    """Reads a pattern once and adds up what it may cost."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0
        self.groups = [_Group()]
        self.open_ended = 0
        self.factor = 1

    def run(self) -> None:
        while self.place < len(self.text):
            closed = self._piece()
            self._quantifier(closed)
        if len(self.groups) > 1:
            raise _refused("a bracket is not closed")

    def _piece(self) -> _Group | None:
        """Read one piece; the group it closed, if any."""
        rest = self.text[self.place :]
        found = _CLASS.match(rest) or _ESCAPE.match(rest)
        if found:
            self.place += found.end()
            return None
        if rest.startswith("(?:"):
            self.place += 2  # the third character is counted below, as for any other
        elif rest.startswith("(?") or rest[0] in "\\[*+?{":
            raise _refused(f"'{rest[:3]}' is not supported")
        self.place += 1
        return self._bracket(rest[0])

    def _bracket(self, character: str) -> _Group | None:
        if character == "(":
            self.groups.append(_Group())
        elif character == "|":
            self.groups[-1].choice = True
        elif character == ")":
            if len(self.groups) == 1:
                raise _refused("a bracket is not opened")
            closed = self.groups.pop()
            self.groups[-1].choice |= closed.choice
            self.groups[-1].repeats |= closed.repeats
            return closed
        return None

    def _quantifier(self, closed: _Group | None) -> None:
        found = _QUANTIFIER.match(self.text, self.place)
        if found is None:
            return
        if closed and (closed.choice or closed.repeats):
            raise _refused("a repetition of a repetition or of a choice")
        self.place = found.end()
        if _QUANTIFIER.match(self.text, self.place):
            raise _refused("a repetition of a repetition")
        self.groups[-1].repeats = True
        self._cost(found)

    def _cost(self, found: "re.Match[str]") -> None:
        least, comma, most = found.groups()
        if found[0] in ("*", "+") or (comma and not most):
            self.open_ended += 1
        elif found[0] == "?":
            self.factor *= 2
        elif comma:
            self.factor *= max(1, int(most) - int(least) + 1)


def _refused(reason: str) -> FhirPathError:
    return FhirPathError(f"regular expression refused: {reason}", hint="use a simpler pattern")


def compile_pattern(text: str) -> Pattern:
    """A checked pattern, `.` matching any character; FhirPathError when its cost is not known."""
    if len(text) > _MAX_PATTERN:
        raise _refused(f"longer than {_MAX_PATTERN} characters")
    checker = _Checker(text)
    checker.run()
    try:
        return Pattern(re.compile(text, re.DOTALL | re.ASCII), checker.open_ended, checker.factor)
    except re.error as error:
        raise _refused(str(error)) from None
