"""The years of school that an English text asks for. Pure.

Flesch and Kincaid's grade (Kincaid et al. 1975, Naval Technical Training, Research Branch Report
8-75), with syllables counted by groups of vowels.
"""

from __future__ import annotations

import re

_SENTENCE = re.compile(r"[.!?:](?=\s|$)")
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
_VOWELS = re.compile(r"[aeiouy]+")


def grade(text: str) -> float:
    """The grade of a text: 0.39 words a sentence and 11.8 syllables a word, less 15.59; 0 for a
    text without words. A sentence ends at ``. ! ? :`` before white space, or with the text."""
    words = _WORD.findall(text.lower())
    if not words:
        return 0.0
    sentences = max(1, len(_SENTENCE.findall(text.strip().rstrip(".!?:") + ".")))
    spoken = sum(map(syllables, words))
    return 0.39 * len(words) / sentences + 11.8 * spoken / len(words) - 15.59


def syllables(word: str) -> int:
    """The groups of vowels of a word in small letters; not a silent ``e`` at its end, nor ``ed``
    unless after t or d. At least 1."""
    count = len(_VOWELS.findall(word))
    silent_e = word.endswith("e") and not word.endswith(("le", "ee"))
    silent_ed = word.endswith("ed") and not word.endswith(("ted", "ded"))
    return max(1, count - (silent_e or silent_ed))
