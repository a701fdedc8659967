"""Text (FHIRPath 2.0, 5.6); every function answers nothing where an operand is empty."""

import base64
import binascii
import html
import json
import re
from collections.abc import Callable

from ..building import Building
from ..elements import EMPTY, Items, system_value
from ..errors import FhirPathError
from ..limits import check_items, check_size, check_text
from ..nodes import Call, Empty, Literal
from ..regexes import Pattern, compile_pattern
from ..scope import Scope, Step, Truth
from .arguments import integer_of, text_of
from .registry import plain, special, value


def _declare_test(name: str, test: Callable[[str, str], bool]) -> None:
    def answer(items: Items, part: Items) -> bool | None:
        text, sought = text_of(items), text_of(part)
        return None if text is None or sought is None else test(text, sought)

    plain(name, 1, result="Boolean")(answer)


def _declare_change(name: str, change: Callable[[str], str]) -> None:
    def answer(items: Items) -> str | None:
        text = text_of(items)
        return None if text is None else change(text)

    value(name, result="String")(answer)


for _name, _test in (
    ("startsWith", str.startswith),
    ("endsWith", str.endswith),
    ("contains", str.__contains__),
):
    _declare_test(_name, _test)
for _name, _change in (("upper", str.upper), ("lower", str.lower), ("trim", str.strip)):
    _declare_change(_name, _change)


@value("length", result="Integer")
def _length(items: Items) -> int | None:
    text = text_of(items)
    return None if text is None else len(text)


@value("indexOf", 1, result="Integer")
def _index_of(items: Items, part: Items) -> int | None:
    text, sought = text_of(items), text_of(part)
    return None if text is None or sought is None else text.find(sought)


@value("substring", 1, 2, result="String")
def _substring(items: Items, start: Items, length: Items | None = None) -> str | None:
    text, first = text_of(items), integer_of(start)
    if text is None or first is None or not 0 <= first < len(text):
        return None
    size = None if length is None else integer_of(length)
    return text[first:] if size is None else text[first : first + max(0, size)]


@value("replace", 2, result="String")
def _replace(items: Items, part: Items, substitute: Items) -> str | None:
    text, old, new = text_of(items), text_of(part), text_of(substitute)
    if text is None or old is None or new is None:
        return None
    count = text.count(old)
    check_size(len(text) + count * (len(new) - len(old)))
    return text.replace(old, new)


@plain("toChars", result="String")
def _to_chars(items: Items) -> Items:
    return check_items(list(text_of(items) or ""))


@plain("split", 1, result="String")
def _split(items: Items, separator: Items) -> Items:
    text, between = text_of(items), text_of(separator)
    if text is None or between is None:
        return EMPTY
    return check_items(text.split(between) if between else list(text))


@value("join", 0, 1, result="String")
def _join(items: Items, separator: Items | None = None) -> str | None:
    between = "" if separator is None else text_of(separator)
    texts = [system_value(item) for item in items]
    if not texts or between is None:
        return None
    if not all(isinstance(text, str) for text in texts):
        raise FhirPathError("join() takes strings")
    return check_text(between.join(texts))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _url_base64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


_ENCODERS: dict[str, Callable[[str], str]] = {
    "base64": _base64,
    "urlbase64": _url_base64,
    "hex": lambda text: text.encode().hex(),
}
_DECODERS: dict[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64decode(text, validate=True).decode(),
    "urlbase64": lambda text: base64.b64decode(text, b"-_", validate=True).decode(),
    "hex": lambda text: bytes.fromhex(text).decode(),
}
_ESCAPERS: dict[str, Callable[[str], str]] = {
    "html": html.escape,
    "json": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
}
_JSON_ESCAPE = re.compile(r"(?:\\u[0-9a-fA-F]{4})+|\\.?")
_UNESCAPERS: dict[str, Callable[[str], str]] = {
    "html": html.unescape,
    "json": lambda text: _JSON_ESCAPE.sub(lambda m: str(json.loads(f'"{m[0]}"')), text),
}


def _declare_coding(name: str, codings: dict[str, Callable[[str], str]]) -> None:
    def answer(items: Items, coding: Items) -> str | None:
        text, target = text_of(items), text_of(coding)
        if text is None or target is None:
            return None
        if target not in codings:
            raise FhirPathError(f"{name}() knows only {', '.join(codings)}")
        try:
            return codings[target](text)
        except (binascii.Error, ValueError):
            raise FhirPathError(f"{name}() cannot read its text as {target}") from None

    value(name, 1, result="String")(answer)


for _name, _codings in (
    ("encode", _ENCODERS),
    ("decode", _DECODERS),
    ("escape", _ESCAPERS),
    ("unescape", _UNESCAPERS),
):
    _declare_coding(_name, _codings)


def _pattern(call: Call) -> Pattern | None:
    """The checked pattern of a call; None for `{}`. Only a literal can be checked at load."""
    node = call.arguments[0]
    if isinstance(node, Empty):
        return None
    if not isinstance(node, Literal) or not isinstance(node.value, str):
        raise FhirPathError(f"{call.name}() takes its pattern as a literal", None, node.position)
    try:
        return compile_pattern(node.value)
    except FhirPathError as error:
        raise error.locate(node.position) from None


def _build_match(compiler: Building, call: Call) -> Truth:
    base, pattern, whole = compiler.base(call), _pattern(call), call.name == "matchesFull"

    def truth(scope: Scope, focus: Items) -> bool | None:
        try:
            text = text_of(base(scope, focus))
            return None if text is None or pattern is None else pattern.matches(text, whole=whole)
        except FhirPathError as error:
            raise error.locate(call.position) from None

    return truth


special("matches", 1, result="Boolean")(_build_match)
special("matchesFull", 1, result="Boolean")(_build_match)


@special("replaceMatches", 2)
def _replace_matches(compiler: Building, call: Call) -> Step:
    base, pattern = compiler.base(call), _pattern(call)
    substitute = compiler.step(call.arguments[1])

    def step(scope: Scope, focus: Items) -> Items:
        try:
            text, new = text_of(base(scope, focus)), text_of(substitute(scope, focus))
            if text is None or new is None or pattern is None:
                return EMPTY
            return [check_text(pattern.replace(text, new))]
        except FhirPathError as error:
            raise error.locate(call.position) from None

    return step
