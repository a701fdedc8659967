"""The words of the form that are not in the Questionnaire: ``languages/<language>.json``.

A key that a language does not have is said in English.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import orjson

FOLDER = Path(__file__).parent / "languages"
ENGLISH = "en"


class Texts:
    """The words of one language: ``words("step", number=2, count=8)``."""

    def __init__(self, language: str, texts: Mapping[str, str], own: Mapping[str, str]) -> None:
        self.language, self._texts, self._own = language, texts, own

    def __call__(self, key: str, **values: object) -> str:
        """The words of a key with values put in; raises KeyError for a key that is not there."""
        text = self._texts[key]
        return text.format(**values) if values else text

    def own(self, key: str) -> str | None:
        """The same in this language only; None where it has no such words."""
        return self._own.get(key)


@cache
def texts_of(language: str) -> Texts:
    """The words of a language, of its main language (``es`` for ``es-MX``), or English.

    ``language`` must be a language the Questionnaire has: each is kept once it was asked for.
    """
    own: dict[str, str] = {}
    for code in dict.fromkeys((language.partition("-")[0], language)):
        own |= _read(code)
    return Texts(language, _read(ENGLISH) | own, own)


def _read(language: str) -> dict[str, str]:
    path = FOLDER / f"{language}.json"
    if not language.replace("-", "").isalnum() or not path.is_file():
        return {}
    found: dict[str, str] = orjson.loads(path.read_bytes())
    return found
