"""The model of a diagram: steps that hold other steps, and leaves in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal, NamedTuple

Kind = Literal["all", "any", "at-least", "together", "cases", "leaf", "yes", "no", "unknown"]
Truth = bool | None  # None: unknown


class Mode(Enum):
    """The answers that yes, unknown and no become, in this order, before a step counts."""

    PLAIN = (True, None, False)
    NOT = (False, None, True)
    KNOWN = (True, False, False)
    NOT_KNOWN = (False, True, True)
    POSSIBLE = (True, True, False)
    RULED_OUT = (False, False, True)

    def after(self, inner: Mode) -> Mode | None:
        """This mode over the result of another; None when every answer would give the same."""
        yes, unknown, no = self.value
        combined = tuple({True: yes, None: unknown, False: no}[one] for one in inner.value)
        return next((mode for mode in Mode if mode.value == combined), None)


DENIED = frozenset({Mode.NOT, Mode.NOT_KNOWN, Mode.RULED_OUT})
# How a mode is said of a step; NOT is said in the heading of a group instead.
MODE_WORDS = {
    Mode.PLAIN: "",
    Mode.NOT: "not",
    Mode.KNOWN: "known to be true",
    Mode.NOT_KNOWN: "not known to be true",
    Mode.POSSIBLE: "true or unknown",
    Mode.RULED_OUT: "known to be false",
}


class Link(NamedTuple):
    """A page of the content browser: its kind (``facts``) and what it is about (``deepPain``)."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """The words of one thing a rule looks at: ``label`` says where it comes from, ``lines`` what
    must be so; ``code`` when the lines are an expression no words were found for."""

    label: str
    lines: tuple[str, ...]
    link: Link | None = None
    code: bool = False


NO_LEAF = Leaf("", ())


@dataclass(frozen=True, slots=True)
class Step:
    """One box. ``expressions`` are the texts a leaf stands for; ``least`` belongs to ``at-least``;
    ``role`` is its part in ``cases``: if, then, otherwise."""

    kind: Kind
    mode: Mode = Mode.PLAIN
    leaf: Leaf = NO_LEAF
    children: tuple[Step, ...] = ()
    least: int = 0
    role: str = ""
    expressions: tuple[str, ...] = ()

    @property
    def heading(self) -> str:
        """The words of what a group asks of its children; empty for a leaf."""
        denied = self.mode is Mode.NOT
        match self.kind:
            case "all":
                return "not all of these" if denied else "all of these"
            case "any":
                return "none of these" if denied else "any of these"
            case "at-least":
                words = "fewer than" if denied else "at least"
                return f"{words} {self.least} of these {len(self.children)}"
            case "together":
                return "entries of any of these"
            case "cases":
                return "not the first that fits" if denied else "the first that fits"
            case "leaf":
                return ""
        return self.kind

    @property
    def style(self) -> str:
        """The classes of its box: the kind, and the mode in the style sheet's spelling."""
        return f"{self.kind} {self.mode.name.lower().replace('_', '-')}"

    @property
    def is_denied(self) -> bool:
        """True if a yes of what it asks does not count as yes."""
        return self.mode in DENIED

    @property
    def condition(self) -> str:
        """Returns how unknown counts, where it does not count as itself; ``not`` for a leaf."""
        said_already = self.mode is Mode.NOT and self.kind != "leaf"
        return "" if said_already else MODE_WORDS[self.mode]

    def walk(self) -> Iterator[Step]:
        """The step and all below, in reading order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def under(self, mode: Mode) -> Step | None:
        """The same step with a mode over its own; None when nothing would depend on it."""
        combined = mode.after(self.mode)
        return None if combined is None else replace(self, mode=combined)
