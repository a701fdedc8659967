"""Reads a Questionnaire into the form model. Pure; never raises on content that has loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from cds_service.content import extensions as ext
from cds_service.content.age_labels import age_labels
from cds_service.content.drawings import Drawing, body_maps, regions_of
from cds_service.content.model import AnsweredBy
from cds_service.content.translations import CONTENT, languages, translations, worded
from cds_service.fhir.questionnaire_response import compile_form
from cds_service.fhir.questionnaire_response.form import (
    CORE,
    ITEM_CONTROL,
    Form,
    Item,
    as_dict,
    dicts,
    extensions_of,
    key_of,
    value_name,
)
from cds_service.fhir.questionnaire_response.limits import MAX_VALUE, MIN_VALUE, UNIT, UNIT_OPTION
from cds_service.fhir.questionnaire_response.run import contained_types
from cds_service.web.form import model as m
from cds_service.web.form.paging import divide

SLIDER_STEP = CORE + "questionnaire-sliderStepValue"
HIDDEN = CORE + "questionnaire-hidden"
SUPPORT_LINK = CORE + "questionnaire-supportLink"
ENTRY_FORMAT = CORE + "entryFormat"
HINTS = frozenset({"help", "prompt", "flyover", "legal"})  # fixed texts about their question
ENDS = {"lower": 0, "upper": 1}  # of a slider
LONG_LIST = 15  # options; more are a drop-down where nothing else is said

_BY_KIND = {
    "group": m.GROUP,
    "display": m.DISPLAY,
    "boolean": m.BOOLEAN,
    "integer": m.NUMBER,
    "decimal": m.NUMBER,
    "date": m.DATE,
    "dateTime": m.DATE_TIME,
    "time": m.TIME,
    "string": m.LINE,
    "url": m.LINE,
    "text": m.LINES,
    "quantity": m.QUANTITY,
    "open-choice": m.LINE,  # where it has no options that are known here
}
Resource = Mapping[str, Any]


def read_form(
    questionnaire: Resource | Form,
    value_sets: Mapping[str, Resource] | None = None,
    drawings: Mapping[str, Drawing] | None = None,
) -> m.IntakeForm:
    """The form of a Questionnaire; ``value_sets`` are ValueSet resources by url, ``drawings`` those
    it may name."""
    checker = questionnaire if isinstance(questionnaire, Form) else compile_form(questionnaire)
    resource = checker.resource
    reader = _Reader(checker, value_sets or {}, drawings or {})
    top = tuple(reader.parts(resource.get("item")))
    claimed = languages(resource)
    is_one_page = ext.value(resource, "answered-by") == AnsweredBy.PROFESSIONAL
    written = str(resource.get("language") or "en")
    return m.IntakeForm(
        checker=checker,
        title=text_of(resource, "title"),
        languages=(written, *(language.code for language in claimed)),
        notices={language.code: language.notice for language in claimed},
        steps=(m.Step(1, m.NO_TEXT, top),) if is_one_page else divide(top),
        parts={part.link_id: part for one in top for part in one.with_nested()},
        age_labels=age_labels(resource),
    )


def text_of(element: Mapping[str, Any], name: str) -> m.Text:
    """The words of a string element, with their translations."""
    return m.Text(str(element.get(name) or ""), translations(element, name))


class _Reader:
    def __init__(
        self,
        checker: Form,
        value_sets: Mapping[str, Resource],
        drawings: Mapping[str, Drawing],
    ) -> None:
        self._drawings = drawings
        self._items = checker.items
        self._contained = contained_types(checker.resource)
        self._value_sets = value_sets
        self._numbers = count(1)

    def parts(self, nodes: Any) -> Iterator[m.FormItem]:
        """The parts of a list of items; fixed texts about a question are left to the question."""
        for node in dicts(nodes):
            item = self._items.get(str(node.get("linkId")))
            if item is not None and control_code(node) not in HINTS | ENDS.keys() | {"unit"}:
                yield self._part(item, node)

    def _part(self, item: Item, node: dict[str, Any]) -> m.FormItem:
        number = next(self._numbers)
        options = tuple(self._options(item, node))
        about = {c: n for n in dicts(node.get("item")) if (c := control_code(n))}
        return m.FormItem(
            item=item,
            number=number,
            control=_control(item, node, options),
            prefix=str(node.get("prefix") or ""),
            text=text_of(node, "text"),
            hints=tuple(text_of(n, "text") for c, n in about.items() if c in HINTS),
            link=_link(ext.value(node, SUPPORT_LINK)),
            format=str(ext.value(node, ENTRY_FORMAT) or ""),
            emergency=ext.value(node, "emergency-message") is True,
            topic=ext.value(node, "topic") is True,
            skip=str(ext.value(node, "skip") or ""),
            hidden=ext.value(node, HIDDEN) is True,
            read_only=node.get("readOnly") is True,
            options=options,
            units=tuple(_units(node, about.get("unit"))),
            slider=_slider(node, about),
            ends=tuple(_ends(about)) if options and ENDS.keys() & about.keys() else (),
            initial=tuple(_initial(node, options)),
            maps=tuple(body_maps(node, self._drawings)),
            parts=tuple(self.parts(node.get("item"))),
        )

    # -- options -----------------------------------------------------------------------------------

    def _options(self, item: Item, node: dict[str, Any]) -> Iterator[m.Option]:
        listed = dicts(node.get("answerOption"))
        found = listed or [{"valueCoding": c} for c in self._concepts(item.value_set)]
        tokens: set[str] = set()
        for option in found:
            name = value_name(option)
            if name is None:
                continue
            value = option[name]
            token = _token(value)
            token = token if token not in tokens else f"{token} {len(tokens)}"
            tokens.add(token)
            yield m.Option(
                token=token,
                name=name,
                value=value,
                text=_option_text(option, name),
                exclusive=(item.options or {}).get(key_of(name, value), False),
                initial=option.get("initialSelected") is True,
                heading=_heading(option),
                regions=regions_of(option),
            )

    def _concepts(self, url: str | None) -> Iterator[dict[str, Any]]:
        """The codings of a value set: its expansion, or what it lists."""
        if url is None:
            return
        found = self._contained.get(url[1:]) if url.startswith("#") else None
        value_set = as_dict(found) or self._value_sets.get(url.partition("|")[0], {})
        waiting = dicts(as_dict(value_set.get("expansion")).get("contains"))
        while waiting:
            node = waiting.pop(0)
            if node.get("abstract") is not True:
                yield _coding(node, node.get("system"))
            waiting = dicts(node.get("contains")) + waiting
        if "expansion" not in value_set:
            for include in dicts(as_dict(value_set.get("compose")).get("include")):
                for concept in dicts(include.get("concept")):
                    yield _coding(concept, include.get("system"))


def _coding(concept: dict[str, Any], system: Any) -> dict[str, Any]:
    """A concept of a value set as a Coding; its designations become translations."""
    said = [d for d in dicts(concept.get("designation")) if d.get("language") and d.get("value")]
    parts = [
        {
            "url": CORE + "translation",
            "extension": [
                {"url": "lang", "valueCode": d["language"]},
                {"url": "content", "valueString": d["value"]},
            ],
        }
        for d in said
    ]
    coding = {"system": system, "code": concept.get("code"), "display": concept.get("display")}
    found = {k: v for k, v in coding.items() if v}
    return {**found, "_display": {"extension": parts}} if parts else found


def _token(value: Any) -> str:
    """Returns what stands for an option in a page."""
    if isinstance(value, dict):
        return str(value.get("code") or value.get("reference") or value.get("display") or "-")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _option_text(option: dict[str, Any], name: str) -> m.Text:
    value = option[name]
    if not isinstance(value, dict):
        return m.Text(str(value), translations(option, name))
    if value.get("display"):
        return text_of(value, "display")
    return m.Text(_token(value), {})


def _heading(option: dict[str, Any]) -> m.Text:
    """The words above an option and those after it (``option-part``)."""
    return next(
        (text_of(worded(words), CONTENT) for words in ext.values(option, "option-part")), m.NO_TEXT
    )


def _initial(node: dict[str, Any], options: tuple[m.Option, ...]) -> Iterator[Mapping[str, Any]]:
    yield from (option.answer for option in options if option.initial)
    for initial in dicts(node.get("initial")):
        name = value_name(initial)
        if name:
            yield {name: initial[name]}


# -- controls --------------------------------------------------------------------------------------


def control_code(node: Mapping[str, Any]) -> str | None:
    """The code of the item's control (questionnaire-itemControl)."""
    concept = as_dict(next(iter(extensions_of(node).get(ITEM_CONTROL, ())), None))
    return next((c["code"] for c in dicts(concept.get("coding")) if c.get("code")), None)


def _control(item: Item, node: dict[str, Any], options: tuple[m.Option, ...]) -> str:
    if not options:
        return _BY_KIND.get(item.kind, m.CLOSED)
    if item.repeats:
        return m.CHECKBOXES
    wished = control_code(node)
    if wished in ("drop-down", "autocomplete"):
        return m.SELECT
    return m.SELECT if wished is None and len(options) > LONG_LIST else m.RADIO


def _ends(about: Mapping[str, dict[str, Any]]) -> list[m.Text]:
    """The words at the two ends of a scale."""
    return [text_of(about.get(end, {}), "text") for end in ENDS]


def _slider(node: dict[str, Any], about: Mapping[str, dict[str, Any]]) -> m.Slider | None:
    least, most = ext.value(node, MIN_VALUE), ext.value(node, MAX_VALUE)
    if control_code(node) != "slider" or least is None or most is None:
        return None
    return m.Slider(least, most, ext.value(node, SLIDER_STEP) or 1, *_ends(about))


def _units(node: dict[str, Any], display: dict[str, Any] | None) -> Iterator[m.Unit]:
    found = list(ext.values(node, UNIT_OPTION)) or list(ext.values(node, UNIT))
    if display is not None and not found:
        found = [{"display": display.get("text")}]
    for coding in found:
        shown = text_of(coding, "display")
        yield m.Unit(_token(coding), coding, shown or m.Text(_token(coding), {}))


def _link(url: Any) -> str | None:
    """An address to read more at, if it is one a page may link to."""
    return url if isinstance(url, str) and url.startswith("https://") else None
