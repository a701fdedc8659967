"""How wide text is, without a font: generous widths, so that wrapped lines fit whatever font the
reader's system has (a browser test measures it)."""

from __future__ import annotations

from collections.abc import Iterator

# Widths in em, a little more than those of the widest common system font (DejaVu Sans, Verdana).
NARROW, WIDE, CAPITAL, OTHER, MONO = 0.36, 1.0, 0.74, 0.63, 0.62
_NARROW = frozenset("iljtfI.,:;'|!()[] -")
_WIDE = frozenset("mwMWQO@%&—")


def width_of(text: str, size: float, *, mono: bool = False) -> float:
    """The width of a line in the units of ``size``."""
    return sum(MONO if mono else _em(character) for character in text) * size


def _em(character: str) -> float:
    if character in _NARROW:
        return NARROW
    if character in _WIDE:
        return WIDE
    return CAPITAL if character.isupper() else OTHER


def wrap(text: str, room: float, size: float, *, mono: bool = False) -> Iterator[str]:
    """The text in lines no wider than ``room``; a longer word is broken."""
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if width_of(longer, size, mono=mono) <= room:
            line = longer
            continue
        if line:
            yield line
        *broken, line = _broken(word, room, size, mono)
        yield from broken
    if line:
        yield line


def _broken(word: str, room: float, size: float, mono: bool) -> Iterator[str]:
    """Pieces of one long word; of an expression, broken before a step where one is near."""
    piece = ""
    for character in word:
        if piece and width_of(piece + character, size, mono=mono) > room:
            step = piece.rfind(".") if mono else -1
            end = step if step > len(piece) // 2 else len(piece)
            yield piece[:end]
            piece = piece[end:]
        piece += character
    yield piece
