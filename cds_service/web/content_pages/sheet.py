"""``/content/sheet``: every line of the self-care sheet, to tick and to print.

Made from the content alone. Which lines fit a person stands in the fragment of the link, which
never reaches a server; a script of the page ticks them.
"""

from __future__ import annotations

from dataclasses import dataclass

from cds_service.content.model import Content, Contribution
from cds_service.hooks.sheet import BLOCKS


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the sheet with its title, which may be empty."""

    title: str
    lines: tuple[Contribution, ...]


def sheet_blocks(content: Content) -> list[Block]:
    """The lines of the sheet by block, each block in the order of the sheet."""
    lines = [c for of_card in content.contributions.values() for c in of_card]
    blocks = {b: tuple(c for c in lines if c.sheet and c.sheet.block == b) for b in BLOCKS}
    say = content.strategy.wording
    return [Block(say.get(f"sheet-{b}", ""), held) for b, held in blocks.items() if held]
