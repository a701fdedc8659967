"""A Questionnaire as a person goes through it: parts with their controls, in steps. Pure.

Everything is read from the resource (FHIR R4 Questionnaire and its rendering
extensions); no item is known by name. The validator's ``Form`` stands beneath: what
an item allows, and when it is asked, is decided there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cds_service.content import extensions as ext
from cds_service.content.age_labels import AgeLabel
from cds_service.content.drawings import BodyMap
from cds_service.content.model import AnsweredBy
from cds_service.fhir.questionnaire_response import Form
from cds_service.fhir.questionnaire_response.form import Item, key_of, value_name
from cds_service.fhir.questionnaire_response.limits import (
    MAX_QUANTITY,
    MAX_VALUE,
    MIN_QUANTITY,
    MIN_VALUE,
)

# How a part is shown and answered.
GROUP, DISPLAY, CLOSED = "group", "display", "closed"  # closed: cannot be answered here
RADIO, CHECKBOXES, SELECT = "radio", "checkboxes", "select"
BOOLEAN, NUMBER, QUANTITY = "boolean", "number", "quantity"
LINE, LINES, DATE, DATE_TIME, TIME = "line", "lines", "date", "datetime", "time"
SKIP_PAGE, SKIP_NEXT = "page", "next"  # itself; the page of questions that it introduces
LISTED = (RADIO, CHECKBOXES, SELECT)
TYPED = (LINE, LINES)


@dataclass(frozen=True, slots=True)
class Text:
    """Words for the person: as written, and by language code where translated."""

    written: str
    translated: Mapping[str, str]

    def in_language(self, language: str) -> str:
        """The words in a language, or as written."""
        return self.translated.get(language, self.written)

    def __bool__(self) -> bool:
        return bool(self.written)


NO_TEXT = Text("", {})


@dataclass(frozen=True, slots=True)
class Option:
    """One answer to choose. ``token`` stands for it in a page, ``name`` is its value[x]."""

    token: str
    name: str
    value: Any
    text: Text
    exclusive: bool = False
    initial: bool = False
    heading: Text = NO_TEXT  # of the options from here on
    regions: tuple[str, ...] = ()  # of the drawings of its question

    @property
    def answer(self) -> dict[str, Any]:
        """The answer of a response that it stands for."""
        return {self.name: self.value}


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of a quantity, as a Coding: ``token`` stands for it in a page."""

    token: str
    coding: Mapping[str, Any]
    text: Text


@dataclass(frozen=True, slots=True)
class Slider:
    """The scale of a number that may be set by sliding; its ends in words, if it has some."""

    least: float
    most: float
    step: float
    lower: Text = NO_TEXT
    upper: Text = NO_TEXT


@dataclass(frozen=True, slots=True, eq=False)
class FormItem:
    """One item. ``number`` names it in a page; ``hints`` are fixed texts that explain it."""

    item: Item
    number: int
    control: str
    prefix: str
    text: Text
    hints: tuple[Text, ...] = ()
    link: str | None = None  # more about it, elsewhere
    format: str = ""  # how it is written, as in YYYY
    emergency: bool = False
    topic: bool = False  # opens a page, and is its heading
    skip: str = ""  # what the page of this topic offers to skip: SKIP_PAGE or SKIP_NEXT
    hidden: bool = False
    read_only: bool = False
    options: tuple[Option, ...] = ()
    units: tuple[Unit, ...] = ()
    slider: Slider | None = None
    ends: tuple[Text, ...] = ()  # of options that are a scale: words below the first and the last
    initial: tuple[Mapping[str, Any], ...] = ()
    maps: tuple[BodyMap, ...] = ()
    parts: tuple[FormItem, ...] = ()

    @property
    def link_id(self) -> str:
        """The item's linkId."""
        return self.item.link_id

    @property
    def id(self) -> str:
        """Its id in a page."""
        return f"i{self.number}"

    @property
    def is_question(self) -> bool:
        """Checks whether it may have answers."""
        return self.control not in (GROUP, DISPLAY)

    @property
    def is_open(self) -> bool:
        """Checks whether words of one's own may stand beside the options."""
        return self.item.kind == "open-choice" and self.control in LISTED

    @property
    def answerable(self) -> bool:
        """Checks whether the person can answer it here."""
        return self.is_question and self.control != CLOSED and not (self.hidden or self.read_only)

    @property
    def numbers(self) -> Mapping[str, int]:
        """The numbers of the options that have regions in its drawings, by token."""
        mapped = (option.token for option in self.options if self.maps and option.regions)
        return {token: number for number, token in enumerate(mapped, 1)}

    @property
    def least(self) -> float | str | None:
        """The lowest value it allows: a number, of a quantity too, or a date."""
        return _limit(self.item.first(MIN_VALUE), self.item.first(MIN_QUANTITY))

    @property
    def most(self) -> float | str | None:
        """The highest value it allows."""
        return _limit(self.item.first(MAX_VALUE), self.item.first(MAX_QUANTITY))

    @property
    def many(self) -> bool:
        """Checks whether several answers are typed one below the other."""
        return self.item.repeats and self.control not in LISTED

    def with_nested(self) -> Iterator[FormItem]:
        """It and all parts inside it, in form order."""
        yield self
        for part in self.parts:
            yield from part.with_nested()

    def option_of(self, answer: Mapping[str, Any]) -> Option | None:
        """The option an answer chose, by system and code, or by value."""
        name = value_name(answer)
        key = key_of(name, answer[name]) if name else None
        return next((o for o in self.options if key_of(o.name, o.value) == key), None)


def filled(part: FormItem, chosen: Collection[str]) -> list[BodyMap]:
    """The drawings of a question that show what was chosen (tokens): those that are for everybody,
    and those with a region of it."""
    regions = {
        region for option in part.options if option.token in chosen for region in option.regions
    }
    return [
        one
        for one in part.maps
        if regions and (not one.options or any(r.id in regions for r in one.drawing.regions))
    ]


def _limit(*found: Any) -> float | str | None:
    """The first limit there is; 0 is one."""
    value = next((v for v in found if v is not None), None)
    return value.get("value") if isinstance(value, dict) else value


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """Some parts on one page; ``number`` counts from 1."""

    number: int
    title: Text
    parts: tuple[FormItem, ...]
    skip: str = ""

    @property
    def all_parts(self) -> Iterator[FormItem]:
        """Every part of the page, nested ones included, in form order."""
        return (inner for part in self.parts for inner in part.with_nested())


@dataclass(frozen=True, slots=True, eq=False)
class IntakeForm:
    """A Questionnaire to fill in. ``languages`` are codes, the one it is written in first;
    ``notices`` say in a language how its translation was made."""

    checker: Form
    title: Text
    languages: tuple[str, ...]
    notices: Mapping[str, str]
    steps: tuple[Step, ...]
    parts: Mapping[str, FormItem]  # by linkId, in form order
    age_labels: tuple[AgeLabel, ...] = ()  # of a whole response

    @property
    def resource(self) -> Mapping[str, Any]:
        """The Questionnaire."""
        return self.checker.resource

    @property
    def is_for_professionals(self) -> bool:
        """Checks whether a health professional answers it, and nobody else."""
        return bool(ext.value(self.resource, "answered-by") == AnsweredBy.PROFESSIONAL)

    @property
    def canonical(self) -> str:
        """url|version, as responses name it."""
        version = self.resource.get("version")
        return f"{self.resource.get('url')}|{version}" if version else str(self.resource.get("url"))

    @property
    def has_emergencies(self) -> bool:
        """Tells if it has messages for emergencies that are no private matter."""
        return any(p.emergency and not self._is_private(p) for p in self.parts.values())

    def _is_private(self, part: FormItem) -> bool:
        asked = (self.parts.get(c.question) for c in part.item.conditions)
        return any(question is not None and question.item.restricted for question in asked)

    @property
    def retired(self) -> bool:
        """Checks whether it is no longer to be answered."""
        return self.resource.get("status") == "retired"

    def step_of(self, link_id: str) -> Step | None:
        """The step a part stands on."""
        return next((s for s in self.steps if any(p.link_id == link_id for p in s.all_parts)), None)
