"""The detail of a card: its parts, in order, within a budget of words.

Why this card, what to do now, what to think of, what is still open, on what it rests. A part of
one line is ``**Basis:** text``, a part of several a heading over a list; an empty part is left
out. GitHub-flavoured Markdown that also reads well raw.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

WORD = re.compile(r"[^\W_]\S*")  # from the first letter or digit of a token to its end


def words_in(text: str) -> int:
    """Tokens that hold a letter or a digit; list marks and emphasis are none."""
    return len(WORD.findall(text))


@dataclass(slots=True)
class Detail:
    """The lines of each part; ``say`` are the fixed phrases of the strategy."""

    say: Mapping[str, str]
    why: list[str] = field(default_factory=list)
    not_reported: str = ""
    answered: str = ""
    do_now: list[str] = field(default_factory=list)  # the speaker's own, then added lines
    also: list[str] = field(default_factory=list)
    also_more: int = 0
    exam: str = ""
    think_of: str = ""
    sheet: list[str] = field(default_factory=list)
    sheet_more: int = 0
    sheet_end: list[str] = field(default_factory=list)
    check_first: str = ""
    still_open: list[str] = field(default_factory=list)
    deferred: list[str] = field(default_factory=list)
    deferred_titles: list[str] = field(default_factory=list)
    deferred_more: int = 0
    own_words: str = ""
    privacy: list[str] = field(default_factory=list)
    basis: str = ""
    shortened: int = 0  # the last step that was taken

    def render(self, *, counted: bool = False) -> str:
        """The Markdown; ``counted`` leaves out what the budget does not count."""
        own_words = [] if counted or not self.own_words else [self.own_words]
        blocks = (
            ("why", [*self.why, self.not_reported, self.answered], True),
            ("do-now", self._to_do(), True),
            ("think-of", [self.think_of], True),
            ("sheet", [self._topics()], False),
            ("check-first", [self.check_first], False),
            ("still-open", self.still_open, True),
            ("also-consider", [self._deferred()], False),
            ("own-words", own_words, False),
            ("privacy", [" ".join(self.privacy)], False),
            ("basis", [self.basis], False),
        )
        return "\n\n".join(
            block
            for heading, lines, listed in blocks
            if (block := self._block(heading, [line for line in lines if line], listed))
        )

    def _block(self, heading: str, lines: list[str], listed: bool) -> str:
        if not lines:
            return ""
        if not listed:
            return f"**{self.say[heading]}:** {lines[0]}"
        return f"**{self.say[heading]}**\n\n" + "\n".join(f"- {capital(line)}" for line in lines)

    def _to_do(self) -> list[str]:
        more = []
        if self.also_more:
            phrase = "and-more" if self.also else "and-more-see"
            more = [self.say[phrase].format(count=self.also_more)]
        return [*self.do_now[:1], *self.also, *more, *self.do_now[1:], self.exam]

    def _topics(self) -> str:
        if not self.sheet_end:
            return ""
        more = [self.say["and-more"].format(count=self.sheet_more)] if self.sheet_more else []
        return "; ".join((*self.sheet, *more, *self.sheet_end)) + "."

    def _deferred(self) -> str:
        if not self.deferred and not self.deferred_more:
            return ""
        words = list(self.deferred)
        if self.deferred_more:
            phrase = "and-more" if words else "more-findings"
            words.append(self.say[phrase].format(count=self.deferred_more))
        return "; ".join(words) + "."

    # -- the budget --------------------------------------------------------------------

    def shorten(self, budget: int, order: Iterable[int]) -> None:
        """Takes one step of ``order`` after another until the words fit."""
        for step in order:
            while words_in(self.render(counted=True)) > budget:
                if not self._steps()[step]():
                    break
                self.shortened = step

    def _steps(self) -> dict[int, Callable[[], bool]]:
        return {
            1: self._drop_not_reported,
            2: self._fewer_deferred,
            3: lambda: self._drop_also(1),
            4: lambda: self._drop_why(2),
            5: lambda: self._drop_also(0),
            6: self._drop_think_of,
            7: lambda: self._drop_why(1),
            8: self._fewer_topics,
            9: self._drop_sheet,
        }

    def _drop_not_reported(self) -> bool:
        held, self.not_reported = bool(self.not_reported), ""
        return held

    def _fewer_deferred(self) -> bool:
        if self.deferred and self.deferred != self.deferred_titles[: len(self.deferred)]:
            self.deferred = self.deferred_titles[: len(self.deferred)]
            return True
        if self.deferred:
            self.deferred_more += len(self.deferred)
            self.deferred = []
            return True
        return False

    def _drop_also(self, keep: int) -> bool:
        if len(self.also) <= keep:
            return False
        self.also_more += len(self.also) - keep
        self.also = self.also[:keep]
        return True

    def _drop_why(self, keep: int) -> bool:
        if len(self.why) <= keep:
            return False
        self.why = self.why[:keep]
        return True

    def _drop_think_of(self) -> bool:
        held, self.think_of = bool(self.think_of), ""
        return held

    def _fewer_topics(self) -> bool:
        left_out = len(self.sheet) - FEWEST_TOPICS
        if left_out <= 0:
            return False
        self.sheet, self.sheet_more = self.sheet[:FEWEST_TOPICS], self.sheet_more + left_out
        return True

    def _drop_sheet(self) -> bool:
        held, self.sheet_end = bool(self.sheet_end), []
        return held


FEWEST_TOPICS = 3
# Which step comes when, by the card's style; the numbers are those of the conformance checklist.
# 9 leaves the sheet's topics out: only doubts about what was sent make it necessary.
ORDERS = {
    "ordinary": (1, 2, 3, 4, 5, 6, 7),
    "emergency": (1, 2, 4, 7, 6, 3, 5),
    "self-care": (2, 8, 9),
}


def capital(line: str) -> str:
    """The line with a capital first letter."""
    return line[:1].upper() + line[1:]
