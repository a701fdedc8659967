"""Which answers and chart entries made an expression true, and which could still make it true.

Read from the tree of an expression once at load, asked with the values of one call. Nothing is
quoted that did not help to make a rule true, and nothing that did is hidden:

| expression | its support when it is true |
| --- | --- |
| an answer, a number | itself |
| ``x.exists()`` of chart entries | the newest entry in ``x`` |
| ``a and b`` | that of both |
| ``a or b`` | that of each operand that is true |
| "known to be true", "possible" | that of x, if x is true |
| ``not`` | nothing |
| a named fact | that of its expression; nothing where it is marked ``not-a-reason`` |
| the rule of another source | that source |
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cds_service.content.model import Source
from cds_service.decision.chart import Entry
from cds_service.decision.facts import Facts
from cds_service.fhirpath import Bindings, Expression, FhirPathError

Truth = bool | None
Open = frozenset[str] | None  # questions that could make it true; None: nothing can
SETTLED: Open = frozenset()
VITAL_SIGNS = "%vitals"  # stands among the open questions for a vital sign not measured


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact that a card may quote. ``kind``: ``option`` (an item and its code), ``number`` (an
    item), ``age``, ``value`` (a named number of the chart), ``entry`` (a chart key) or
    ``source``."""

    kind: str
    name: str
    code: str = ""
    entry: Entry | None = None

    @property
    def key(self) -> tuple[str, str, object]:
        """Equal for the same answer or the same chart entry."""
        if self.entry is not None:
            return "entry", "", id(self.entry.resource)
        return self.kind, self.name, self.code


class Values:
    """The values of one call. Not for many threads."""

    def __init__(
        self, facts: Facts, bindings: Bindings, restricted: frozenset[str] = frozenset()
    ) -> None:
        self.facts = facts
        self.restricted = restricted  # items whose answers are kept from messages
        self.view: Mapping[str, Any] = facts.answers.view
        self.bindings = bindings
        self.known: dict[int, Truth] = {}

    def truth(self, part: Part) -> Truth:
        """Checks whether a part is true, asked once."""
        key = id(part)
        if key not in self.known:
            try:
                self.known[key] = part.truth(self)
            except FhirPathError:
                self.known[key] = None  # recorded where its condition was asked
        return self.known[key]

    def items(self, expression: Expression) -> list[Any]:
        """The items of an expression."""
        return self.bindings.answer(expression)


class Part(ABC):
    """One part of an expression."""

    __slots__ = ()

    @abstractmethod
    def truth(self, values: Values) -> Truth:
        """True, False or None for unknown."""

    def support(self, values: Values) -> Iterator[Fact]:
        """Returns what made it true; asked only when it is."""
        return iter(())

    def could(self, values: Values) -> Open:
        """The questions whose answers might make it true; asked only when it is not."""
        return None


def could(part: Part, values: Values) -> Open:
    """The same, for a part that may be true already."""
    return SETTLED if values.truth(part) else part.could(values)


@dataclass(frozen=True, slots=True, eq=False)
class Option(Part):
    """``%answers.item.code``."""

    item: str
    code: str

    def truth(self, values: Values) -> Truth:
        answer = values.view.get(self.item)
        return answer.get(self.code) if isinstance(answer, dict) else None

    def support(self, values: Values) -> Iterator[Fact]:
        yield Fact("option", self.item, self.code)

    def could(self, values: Values) -> Open:
        return frozenset({self.item}) if values.truth(self) is None else None


@dataclass(frozen=True, slots=True, eq=False)
class Compared(Part):
    """A comparison of a number with a constant."""

    expression: Expression
    facts: tuple[Fact, ...]

    def truth(self, values: Values) -> Truth:
        return _boolean(values.items(self.expression))

    def support(self, values: Values) -> Iterator[Fact]:
        return iter(self.facts)

    def could(self, values: Values) -> Open:
        if values.truth(self) is not None:
            return None
        asked = {f.name for f in self.facts if f.kind == "number"}
        return frozenset(asked | {VITAL_SIGNS for f in self.facts if f.kind == "value"})


@dataclass(frozen=True, slots=True, eq=False)
class Charted(Part):
    """``x.exists()`` where x lists chart entries of some requirements."""

    expression: Expression
    entries: Expression
    requirements: tuple[str, ...]

    def truth(self, values: Values) -> Truth:
        return _boolean(values.items(self.expression))

    def support(self, values: Values) -> Iterator[Fact]:
        listed = {id(item) for item in values.items(self.entries)}
        found = [
            (name, entry)
            for name in self.requirements
            for entry in values.facts.entries.get(name, ())
            if id(entry.resource) in listed
        ]
        if found:
            name, entry = max(found, key=_newest)
            yield Fact("entry", name, entry=entry)


@dataclass(frozen=True, slots=True, eq=False)
class All(Part):
    """``a and b``."""

    parts: tuple[Part, ...]

    def truth(self, values: Values) -> Truth:
        answers = [values.truth(part) for part in self.parts]
        return False if False in answers else None if None in answers else True

    def support(self, values: Values) -> Iterator[Fact]:
        for part in self.parts:
            yield from part.support(values)

    def could(self, values: Values) -> Open:
        asked: frozenset[str] = frozenset()
        for part in self.parts:
            more = could(part, values)
            if more is None:
                return None
            asked |= more
        return asked


@dataclass(frozen=True, slots=True, eq=False)
class AtLeast(Part):
    """So many of some parts; one of them is ``a or b``."""

    least: int
    parts: tuple[Part, ...]

    def truth(self, values: Values) -> Truth:
        answers = [values.truth(part) for part in self.parts]
        if answers.count(True) >= self.least:
            return True
        return False if len(answers) - answers.count(False) < self.least else None

    def support(self, values: Values) -> Iterator[Fact]:
        for part in self.parts:
            if values.truth(part):
                yield from part.support(values)

    def could(self, values: Values) -> Open:
        open_parts = [more for p in self.parts if (more := could(p, values)) is not None]
        return frozenset().union(*open_parts) if len(open_parts) >= self.least else None


@dataclass(frozen=True, slots=True, eq=False)
class Known(Part):
    """ "Known to be true" (``if_unknown`` False), or "possible" (True)."""

    part: Part
    if_unknown: bool

    def truth(self, values: Values) -> Truth:
        answer = values.truth(self.part)
        return self.if_unknown if answer is None else answer

    def support(self, values: Values) -> Iterator[Fact]:
        return self.part.support(values) if values.truth(self.part) else iter(())

    def could(self, values: Values) -> Open:
        return self.part.could(values)


@dataclass(frozen=True, slots=True, eq=False)
class Not(Part):
    """``x.not()``."""

    part: Part

    def truth(self, values: Values) -> Truth:
        answer = values.truth(self.part)
        return None if answer is None else not answer

    def could(self, values: Values) -> Open:
        return self.part.could(values) if values.truth(self) is None else None


@dataclass(slots=True, eq=False)
class Named(Part):
    """A named fact; ``source`` is set for the rule of a source."""

    name: str
    read: Callable[[str], Part]  # a name -> the expression behind it
    is_reason: bool
    asks: str | None
    source: Source | None

    def truth(self, values: Values) -> Truth:
        return _boolean(values.bindings[self.name])

    def support(self, values: Values) -> Iterator[Fact]:
        if self.source is not None:
            yield Fact("source", self.source.id)
        elif self.is_reason:
            yield from self.read(self.name).support(values)

    def could(self, values: Values) -> Open:
        if self.asks is not None:
            return frozenset({self.asks}) if values.truth(self) is None else None
        return self.read(self.name).could(values)


@dataclass(frozen=True, slots=True, eq=False)
class Choice(Part):
    """``iif(criterion, then, otherwise)`` of parts."""

    expression: Expression
    criterion: Part
    then: Part
    otherwise: Part | None

    def truth(self, values: Values) -> Truth:
        return _boolean(values.items(self.expression))

    def support(self, values: Values) -> Iterator[Fact]:
        if values.truth(self.criterion):
            yield from self.then.support(values)
        elif self.otherwise is not None:
            yield from self.otherwise.support(values)


@dataclass(frozen=True, slots=True, eq=False)
class Other(Part):
    """Anything else: it has an answer and nothing to quote."""

    expression: Expression

    def truth(self, values: Values) -> Truth:
        return _boolean(values.items(self.expression))


def _boolean(items: list[Any]) -> Truth:
    return items[0] if len(items) == 1 and isinstance(items[0], bool) else None


def _newest(found: tuple[str, Entry]) -> float:
    when = found[1].when
    return when.start.timestamp() if when else float("-inf")
