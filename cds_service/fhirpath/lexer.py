"""From text to tokens (FHIRPath 2.0, grammar: lexical rules)."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .dates import Temporal, parse_date, parse_datetime, parse_time
from .errors import FhirPathError

MAX_INTEGER = 2_147_483_648  # one above the largest literal

_TOKEN = re.compile(
    r"""
    (?P<space>\s+ | //[^\n]* | /\*.*?\*/)
  | (?P<unclosed>/\*)
  | (?P<moment>@T?\d{2,4}(?:[-:]\d\d)*(?:\.\d+)?
        (?:T(?:\d\d(?::\d\d)*(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?)?)?)
  | (?P<decimal>\d+\.\d+)
  | (?P<integer>\d+)
  | (?P<string>'(?:[^'\\]|\\.)*')
  | (?P<delimited>`(?:[^`\\]|\\.)*`)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<special>\$[a-z]*)
  | (?P<symbol><=|>=|!=|!~|[-+*/&|=~<>.,()\[\]{}%])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"} | {one: one for one in "'\"`\\/"}


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is literal, name, delimited, special, symbol or end; `value` what it stands for."""

    kind: str
    value: Any
    position: int
    end: int


def unescape(text: str, position: int) -> str:
    """The characters a quoted text stands for; FhirPathError for an unknown escape."""

    def replace(found: "re.Match[str]") -> str:
        if found[1]:
            return chr(int(found[1], 16))
        if found[2] not in _ESCAPES:
            raise FhirPathError(f"unknown escape \\{found[2]}", None, position)
        return _ESCAPES[found[2]]

    return _ESCAPE.sub(replace, text) if "\\" in text else text


def _moment(text: str, position: int) -> Temporal:
    parse = parse_time if text[1] == "T" else parse_datetime if "T" in text else parse_date
    value = parse(text[2:] if text[1] == "T" else text[1:])
    if value is None:
        raise FhirPathError(f"not a date or time: {text}", None, position, "write @2024-12-31")
    return value


def _integer(text: str, position: int) -> int:
    if len(text) > len(str(MAX_INTEGER)) or int(text) >= MAX_INTEGER:
        raise FhirPathError("integer is too large", None, position, "write it with decimals")
    return int(text)


def _token(kind: str, text: str, start: int) -> Token:
    value: Any = text
    match kind:
        case "moment":
            kind, value = "literal", _moment(text, start)
        case "decimal":
            kind, value = "literal", Decimal(text)
        case "integer":
            kind, value = "literal", _integer(text, start)
        case "string":
            kind, value = "literal", unescape(text[1:-1], start)
        case "delimited":
            value = unescape(text[1:-1], start)
        case "unclosed":
            raise FhirPathError("a comment is not closed", None, start, "end it with */")
    return Token(kind, value, start, start + len(text))


def tokens_of(text: str) -> list[Token]:
    """All tokens, the last of kind `end`; FhirPathError where no token can be read."""
    found: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise _unreadable(text, position)
        if match.lastgroup != "space":
            found.append(_token(match.lastgroup, match[0], position))
        position = match.end()
    return [*found, Token("end", "", position, position)]


def _unreadable(text: str, position: int) -> FhirPathError:
    hints = {"'": "the string is not closed", "`": "the name is not closed", "!": "write .not()"}
    character = text[position]
    return FhirPathError(f"unexpected {character!r}", None, position, hints.get(character))
