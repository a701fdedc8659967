"""Limits of an item on a value beyond its type: length, pattern, range, unit, size, target (4.5).

The limits are R4 extensions on the item, and ``maxLength``. A limit that cannot be applied is a
warning, never silence.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from cds_service.fhirpath import FhirPathError
from cds_service.fhirpath.decimals import decimals_of
from cds_service.fhirpath.regexes import Pattern, compile_pattern
from cds_service.fhirpath.units import parse_unit

from .codes import CodeSets
from .form import CORE, SDC, Item, as_dict
from .ordering import sign
from .run import Run, contained_types
from .tree import Answer

MIN_LENGTH, REGEX = CORE + "minLength", CORE + "regex"
MIN_VALUE, MAX_VALUE = CORE + "minValue", CORE + "maxValue"
MIN_QUANTITY, MAX_QUANTITY = SDC + "minQuantity", SDC + "maxQuantity"
DECIMAL_PLACES = CORE + "maxDecimalPlaces"
UNIT, UNIT_OPTION = CORE + "questionnaire-unit", CORE + "questionnaire-unitOption"
UNIT_VALUE_SET = CORE + "questionnaire-unitValueSet"
TARGET = CORE + "questionnaire-referenceResource"
MIME_TYPE, MAX_SIZE = CORE + "mimeType", CORE + "maxSize"

MEGABYTE = 1024 * 1024  # the extension says MB; the larger reading refuses nobody wrongly
NO_UNIT = (None, None)


class LimitChecker:
    """Checks one answer after the other; what is wrong goes to the run's report."""

    def __init__(self, run: Run, sets: CodeSets) -> None:
        self._run, self._report, self._sets = run, run.report, sets
        self._contained = contained_types(run.response)
        self._patterns: dict[str, Pattern | None] = {}

    def check(self, item: Item, answer: Answer) -> None:
        """Applies every limit that the item sets on such a value."""
        if not item.extensions and item.max_length is None:
            return
        if isinstance(answer.value, str):
            self._text(item, answer, answer.value)
        if not item.extensions:
            return
        self._range(item, answer)
        check = self._by_kind().get(answer.kind)
        if check is not None:
            check(item, answer)

    def _by_kind(self) -> dict[str, Callable[[Item, Answer], None]]:
        return {
            "Decimal": self._places,
            "Quantity": self._quantity,
            "Reference": self._reference,
            "Attachment": self._attachment,
        }

    # -- texts -----------------------------------------------------------------------------------

    def _text(self, item: Item, answer: Answer, value: str) -> None:
        if item.max_length is not None and len(value) > item.max_length:
            text = f"It is too long; {item.max_length} characters are allowed. Shorten it."
            self._wrong(item, answer, text, "too-long")
        least = item.count(MIN_LENGTH)
        if least is not None and len(value) < least:
            self._wrong(item, answer, f"It is too short; at least {least} characters are needed.")
        for pattern in item.extensions.get(REGEX, ()):
            self._pattern(item, answer, value, pattern)

    def _pattern(self, item: Item, answer: Answer, value: str, text: Any) -> None:
        pattern = self._compiled(text) if isinstance(text, str) else None
        if pattern is None:
            self._unchecked(item, answer, "its pattern is not one that is safe to run")
        elif not self._affords(pattern, value):
            self._unchecked(item, answer, "matching its pattern would take too long")
        elif not pattern.matches(value, whole=True):
            self._wrong(item, answer, "It is not written in the way that is asked for.")

    def _compiled(self, text: str) -> Pattern | None:
        if text not in self._patterns:
            try:
                self._patterns[text] = compile_pattern(text)
            except FhirPathError:
                self._patterns[text] = None
        return self._patterns[text]

    def _affords(self, pattern: Pattern, value: str) -> bool:
        """Checks whether matching fits what is left for this response: the worst case is paid
        for."""
        steps = (len(value) + 1) ** (pattern.open_ended + 1) * pattern.factor
        fits = bool(steps <= self._run.match_steps)
        self._run.match_steps -= steps if fits else 0
        return fits

    # -- numbers, dates, quantities --------------------------------------------------------------

    def _range(self, item: Item, answer: Answer) -> None:
        for url, least in _RANGES:
            for limit in item.extensions.get(url, ()):
                order = sign(answer.kind, answer.value, limit)
                if order is None:
                    self._unchecked(item, answer, "it cannot be compared with its limit")
                elif order == (-1 if least else 1):
                    text = "too low; see the lowest" if least else "too high; see the highest"
                    self._wrong(item, answer, f"It is {text} value the Questionnaire allows.")

    def _places(self, item: Item, answer: Answer) -> None:
        self._decimals(item, answer, answer.value)

    def _decimals(self, item: Item, answer: Answer, number: float) -> None:
        most = item.count(DECIMAL_PLACES)
        if most is not None and decimals_of(Decimal(str(number)).normalize()) > most:
            self._wrong(item, answer, f"It has too many decimals; {most} are allowed.")

    def _quantity(self, item: Item, answer: Answer) -> None:
        self._decimals(item, answer, answer.value["value"])
        options = item.extensions.get(UNIT_OPTION, ())
        if options and not any(_same_unit(answer.value, as_dict(one)) for one in options):
            text = "Its unit is not one of those offered. Send system and code of one of them."
            self._wrong(item, answer, text, "code-invalid")
        for url in item.extensions.get(UNIT_VALUE_SET, ()):
            self._unit_in(item, answer, str(url))
        unit = item.first(UNIT)
        if isinstance(unit, dict) and not options:
            self._convertible(item, answer, unit)

    def _unit_in(self, item: Item, answer: Answer, url: str) -> None:
        found = self._sets.has(url, answer.value)
        if found is None:
            self._unchecked(item, answer, "the value set of its units is not known here")
        elif not found:
            text = "Its unit is not in the value set of units. Send system and code of one."
            self._wrong(item, answer, text, "code-invalid")

    def _convertible(self, item: Item, answer: Answer, unit: dict[str, Any]) -> None:
        if _same_unit(answer.value, unit):
            return
        sent, wanted = (parse_unit(str(one.get("code", ""))) for one in (answer.value, unit))
        if sent is None or wanted is None:
            self._unchecked(item, answer, "its unit cannot be converted to the one asked for")
        elif sent.dimensions != wanted.dimensions:
            self._wrong(item, answer, "Its unit measures something else than the one asked for.")

    # -- references and attachments --------------------------------------------------------------

    def _reference(self, item: Item, answer: Answer) -> None:
        targets = item.extensions.get(TARGET, ())
        if not targets:
            return
        kinds = self._target_types(answer.value)
        if not kinds:
            self._unchecked(item, answer, "the reference does not tell its type")
        elif not kinds <= set(map(str, targets)):
            self._wrong(item, answer, f"It may refer to {' or '.join(map(str, targets))} only.")

    def _target_types(self, reference: dict[str, Any]) -> set[str]:
        """The types a reference names: by its type, its address, or what it contains."""
        found = {reference["type"].rpartition("/")[2]} if "type" in reference else set()
        address = str(reference.get("reference", "")).partition("/_history/")[0]
        if address.startswith("#"):
            kind = as_dict(self._contained.get(address[1:])).get("resourceType")
            return found | ({kind} if isinstance(kind, str) else set())
        kind, slash, _ = address.rpartition("/")
        return found | {kind.rpartition("/")[2]} if slash else found

    def _attachment(self, item: Item, answer: Answer) -> None:
        types = [str(one).lower() for one in item.extensions.get(MIME_TYPE, ())]
        sent = str(answer.value.get("contentType", "")).partition(";")[0].strip().lower()
        if types and sent not in types:
            self._wrong(item, answer, f"Its contentType has to be {' or '.join(types)}.")
        most = item.first(MAX_SIZE)
        if isinstance(most, int | float) and not isinstance(most, bool):
            self._size(item, answer, most)

    def _size(self, item: Item, answer: Answer, most: float) -> None:
        size = answer.value.get("size")
        if "data" in answer.value:  # what is there counts, whatever is said about it
            size = len(answer.value["data"].rstrip("=")) * 3 // 4
        if size is None:
            self._unchecked(item, answer, "its size is not told")
        elif size > most * MEGABYTE:
            self._wrong(item, answer, f"It is too large; {most} MB are allowed.", "too-long")

    # -- words -----------------------------------------------------------------------------------

    def _wrong(self, item: Item, answer: Answer, text: str, code: str = "value") -> None:
        self._report.error(code, text, answer.path, item.link_id)

    def _unchecked(self, item: Item, answer: Answer, why: str) -> None:
        self._report.warn("not-supported", f"Not checked: {why}.", answer.path, item.link_id)


_RANGES = ((MIN_VALUE, True), (MIN_QUANTITY, True), (MAX_VALUE, False), (MAX_QUANTITY, False))


def _same_unit(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """By system and code; where neither side has a code, by the words."""
    codes = [(unit.get("system"), unit.get("code")) for unit in (one, other)]
    if NO_UNIT in codes:
        return codes[0] == codes[1] and one.get("unit") == other.get("display")
    return codes[0] == codes[1]
