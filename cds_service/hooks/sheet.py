"""The self-care sheet: which lines it holds for one person, and the message they go into.

The lines are contributions of causes that only add to a card (``sheet-line``). Each meaning is said
once. A line that rests on a restricted answer is private: the message leaves it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cds_service.content.model import Contribution
from cds_service.decision.evaluate import WantedCard
from cds_service.decision.support import Part, Values

FOR_YOU = "for-you"
GENERAL = "general"
OPENING = "opening"
RELIEF = "relief"
BLOCKS = (OPENING, FOR_YOU, GENERAL, RELIEF, "visit", "same-day", "call", "closing")
MOST = {FOR_YOU: 5, GENERAL: 4, RELIEF: 1}
FIRST_TURNS = 2  # lines of one source before others had theirs
FEW_SOURCES = 2  # so few may have further turns


@dataclass(frozen=True, slots=True)
class Sheet:
    """The lines of each block, in the order of the sheet."""

    blocks: Mapping[str, tuple[Contribution, ...]]

    @property
    def topics(self) -> list[str]:
        """Returns what the lines for this person and in general are about, in order."""
        lines = (*self.blocks.get(FOR_YOU, ()), *self.blocks.get(GENERAL, ()))
        return [line.sheet.topic for line in lines if line.sheet and line.sheet.topic]

    @property
    def check_first(self) -> str:
        """Returns what to check before the sheet is given."""
        return next((c.sheet.topic for c in self.blocks.get(RELIEF, ()) if c.sheet), "")

    @property
    def has_relief(self) -> bool:
        """Checks whether it holds a line on pain relief."""
        return bool(self.blocks.get(RELIEF))


def compose(wanted: WantedCard) -> Sheet:
    """The sheet of one card."""
    lines: dict[str, list[Contribution]] = {block: [] for block in BLOCKS}
    for contribution in wanted.advice:
        if contribution.sheet is not None:
            lines[contribution.sheet.block].append(contribution)
    taken: set[str] = set()
    lines[FOR_YOU] = list(_first(_turns(lines[FOR_YOU]), MOST[FOR_YOU], taken))
    lines[GENERAL] = list(_first(lines[GENERAL], MOST[GENERAL], taken))
    lines[RELIEF] = lines[RELIEF][: MOST[RELIEF]]
    return Sheet({block: tuple(held) for block, held in lines.items() if held})


def _turns(lines: Iterable[Contribution]) -> Iterator[Contribution]:
    """The first line of each source, then the second; of few sources also the rest."""
    sources: dict[str, list[Contribution]] = {}
    for line in lines:
        if line.sheet is not None:
            sources.setdefault(line.sheet.of, []).append(line)
    turns = (
        FIRST_TURNS if len(sources) > FEW_SOURCES else max(map(len, sources.values()), default=0)
    )
    for turn in range(turns):
        for held in sources.values():
            if turn < len(held):
                yield held[turn]


def _first(lines: Iterable[Contribution], most: int, taken: set[str]) -> Iterator[Contribution]:
    """At most so many, each meaning once."""
    number = 0
    for line in lines:
        key = line.sheet.key if line.sheet else ""
        if number < most and key not in taken:
            taken.add(key)
            number += 1
            yield line


def message(
    sheet: Sheet, parts: Mapping[Contribution, Part], values: Values, say: Mapping[str, str]
) -> list[dict[str, str]]:
    """The payload of a message to the person: one text a block, its title first."""
    payload = []
    for block in BLOCKS:
        held = sheet.blocks.get(block, ())
        lines = [c.reason for c in held if not _is_private(parts[c], values)]
        if lines:
            title = say.get(f"sheet-{block}")
            payload.append({"contentString": "\n".join((title, *lines) if title else lines)})
    return payload


def told_lines(
    sheet: Sheet, parts: Mapping[Contribution, Part], values: Values
) -> Iterator[Contribution]:
    """The lines that go onto paper unasked: all but the private ones."""
    for held in sheet.blocks.values():
        yield from (c for c in held if not _is_private(parts[c], values))


def _is_private(part: Part, values: Values) -> bool:
    """Checks whether it rests on what was told in a restricted question, body parts apart."""
    items = values.restricted
    return any(fact.kind == "option" and fact.name in items for fact in part.support(values))
