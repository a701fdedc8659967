"""A step as its template shows it: every word chosen, every condition written out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from cds_service.content.drawings import BodyMap
from cds_service.fhir.questionnaire_response.form import Condition, key_of
from cds_service.web.form import model as m
from cds_service.web.form.error_texts import error_text, number_limits, plain
from cds_service.web.form.fields import FALSE, TRUE, Fields, is_unit
from cds_service.web.form.form_state import FormState
from cds_service.web.form.merging import digest
from cds_service.web.form.sessions import Session
from cds_service.web.form.texts import Texts


@dataclass(slots=True, eq=False)
class ItemView:
    """``notes`` maps a suffix of an id to words below the question, in reading order; ``when`` is
    what the script needs to show and hide it; ``digest`` stands for what the page
    shows of it."""

    part: m.FormItem
    text: str
    shown: bool
    fields: Fields
    digest: str
    error: str = ""
    origin: str = ""
    needed: str = ""
    when: str = ""
    calm: bool = False  # an emergency message about a private answer
    notes: dict[str, str] = field(default_factory=dict)
    options: list[tuple[m.Option, str, bool]] = field(default_factory=list)
    units: list[tuple[m.Unit, str]] = field(default_factory=list)
    ends: tuple[str, str] = ("", "")
    parts: list[ItemView] = field(default_factory=list)
    maps: list[BodyMap] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Its id in the page."""
        return self.part.id

    @property
    def described(self) -> str:
        """The ids of everything that explains it, the error first."""
        known = (["error"] if self.error else []) + (["origin"] if self.origin else [])
        return " ".join(f"{self.id}-{name}" for name in [*known, *self.notes])

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """Returns what is typed: value, unit, time; one row more where there may be more."""
        values = self.fields.get("v", [])
        most = len(values) + 1 if self.part.many or not values else len(values)
        return [tuple(_at(self.fields, name, n) for name in "vut") for n in range(most)]  # type: ignore[misc]

    @property
    def own(self) -> list[str]:
        """Words of one's own beside the options; one row more where there may be more."""
        typed = self.fields.get("o", [])
        return [*typed, ""] if self.part.item.repeats or not typed else typed


def _at(fields: Fields, name: str, place: int) -> str:
    texts = fields.get(name, [])
    return texts[place] if place < len(texts) else ""


class Viewer:
    """Makes the views of one step. ``origins`` are sources by linkId; with ``checked`` the page
    says what is wrong."""

    def __init__(
        self,
        state: FormState,
        texts: Texts,
        origins: Mapping[str, Mapping[str, str]],
        checked: bool,
    ) -> None:
        self._state, self._texts, self._checked = state, texts, checked
        self._origins = origins

    def views(self, step: m.Step) -> list[ItemView]:
        """The parts of a step that are shown, or may be by what is answered on the page."""
        here = {part.link_id for part in step.all_parts if part.answerable}
        parts, optional = step.parts, False
        if len(parts) == 1 and parts[0].control == m.GROUP:  # the step is the group: its title is
            optional = not parts[0].item.required
            parts = parts[0].parts  # the page's
        return list(self._views(parts, here, optional))

    def errors(self, step: m.Step) -> list[tuple[str, str, str]]:
        """Id, question and words of everything wrong on the step, in form order."""
        parts = {part.link_id: part for part in step.all_parts}
        return [
            (
                parts[k].id,
                self._text(parts[k].text),
                error_text(self._state, parts[k], c, self._texts),
            )
            for k, c in self._state.problems.items()
            if k in parts
        ]

    def _text(self, text: m.Text) -> str:
        return text.in_language(self._texts.language)

    def _views(
        self, parts: Iterable[m.FormItem], here: set[str], optional: bool
    ) -> Iterator[ItemView]:
        """``optional``: nothing in them is needed while nothing around them is answered."""
        for part in parts:
            may_appear = any(c.question in here for c in part.item.conditions)
            if part.hidden or not (self._state.shown(part) or may_appear):
                continue
            yield self._view(part, here, optional)

    def _view(self, part: m.FormItem, here: set[str], optional: bool) -> ItemView:
        fields = self._state.fields(part) if part.is_question else {}
        view = ItemView(
            part=part,
            text=self._text(part.text),
            shown=self._state.shown(part),
            fields=fields,
            digest=digest(fields) if part.is_question else "",
            when=self._when(part, here),
            calm=self._state.private(part),
            notes=dict(self._notes(part)),
            units=[(unit, self._text(unit.text)) for unit in part.units],
            maps=self._state.maps(part),
        )
        tokens = fields.get("v", [])
        view.options = [(o, self._text(o.text), o.token in tokens) for o in part.options]
        code = self._state.problems.get(part.link_id) if self._checked else None
        if code and view.shown:
            view.error = error_text(self._state, part, code, self._texts)
        origin = self._origins.get(part.link_id)
        if origin and fields:
            view.origin = self._texts("from_record", source=origin.get("source", ""))
        ends = (part.slider.lower, part.slider.upper) if part.slider else part.ends
        if ends:
            view.ends = (self._text(ends[0]), self._text(ends[1]))
        if part.item.required:
            view.needed = self._texts("required_in_part" if optional else "required")
        view.parts = list(self._views(part.parts, here, optional or not part.item.required))
        return view

    def _notes(self, part: m.FormItem) -> Iterator[tuple[str, str]]:
        """Returns what explains a question, by the suffix of its id."""
        texts = self._texts
        if part.control == m.CLOSED:
            yield "closed", texts("closed")
        elif part.is_question and part.read_only:
            yield "closed", texts("read_only")
        elif part.control == m.GROUP and part.item.repeats:
            yield "closed", texts("one_only")
        for number, hint in enumerate(part.hints):
            yield f"hint{number}", self._text(hint)
        if part.control == m.CHECKBOXES:
            yield "many", texts("choose_many")
        if part.control in (m.NUMBER, m.QUANTITY) and (
            limits := number_limits(part, texts, "number")
        ):
            yield "limits", limits
        if part.format:
            yield "format", texts("format", format=part.format)
        if part.control in m.TYPED and part.item.max_length:
            yield "length", texts("length_most", most=part.item.max_length)

    # -- for the script ------------------------------------------------------------------------

    def _when(self, part: m.FormItem, here: set[str]) -> str:
        """The conditions as JSON, where one of them is answered on the same page: a condition on
        another page is written as what it is now."""
        conditions = part.item.conditions
        if not any(c.question in here for c in conditions):
            return ""
        now = self._state.conditions(part)
        written = [
            self._condition(c) if c.question in here else truth
            for c, truth in zip(conditions, now, strict=True)
        ]
        known = [truth if one is None else one for one, truth in zip(written, now, strict=True)]
        return orjson.dumps({"all": part.item.enable_all, "of": known}).decode()

    def _condition(self, condition: Condition) -> list[Any] | None:
        """Id of the question, operator, value as the page's fields hold it; None where the script
        cannot decide it."""
        target = self._state.form.parts[condition.question]
        if condition.operator == "exists":
            return [target.id, "exists", condition.value is True]
        if condition.kind == "Boolean":
            return [target.id, condition.operator, TRUE if condition.value else FALSE]
        if condition.kind == "Coding":
            key = key_of("valueCoding", condition.value)
            tokens = (o.token for o in target.options if key_of(o.name, o.value) == key)
            return [target.id, condition.operator, next(tokens, "")]
        if condition.kind in ("Quantity", "Reference") or target.control == m.DATE_TIME:
            return None
        return [target.id, condition.operator, condition.value]


# -- above every page ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Message:
    """An emergency message above a page. ``id`` is of the same message further down, if it is
    there; ``new``: the person's last answers brought it; ``calm``: it tells of a private answer."""

    text: str
    id: str
    new: bool
    calm: bool


def messages(
    state: FormState, session: Session, texts: Texts, step: m.Step | None = None
) -> list[Message]:
    """Returns what must be read before anything else. What tells of a restricted answer is shown on
    the page of that answer only: on others somebody else may be looking."""
    here = set() if step is None else set(step.all_parts)
    new = {link_id for notice in session.notices for link_id in notice[2:]}
    return [
        Message(
            part.text.in_language(texts.language),
            part.id if part in here else "",
            part in here and part.link_id in new,
            state.private(part),
        )
        for part in state.emergencies
        if part in here or not state.private(part)
    ]


# -- reading back ----------------------------------------------------------------------------------


def answer_text(part: m.FormItem, answer: Mapping[str, Any], texts: Texts) -> str:
    """An answer in words."""
    option = part.option_of(answer)
    if option is not None:
        return option.text.in_language(texts.language)
    value = next((v for k, v in answer.items() if k.startswith("value")), "")
    if isinstance(value, bool):
        return texts("yes" if value else "no")
    if isinstance(value, dict):
        return _object_text(part, value, texts)
    return plain(value)


def _object_text(part: m.FormItem, value: Mapping[str, Any], texts: Texts) -> str:
    if "value" not in value:
        return str(value.get("display") or value.get("code") or value.get("reference") or "")
    unit = next((u for u in part.units if is_unit(u, value)), None)
    named = unit.text.in_language(texts.language) if unit else str(value.get("unit") or "")
    return f"{plain(value['value'])} {named}".strip()


def answer_texts(state: FormState, part: m.FormItem, texts: Texts) -> list[str]:
    """The answers of a question in words; a draft as it was typed."""
    draft = state.drafts.get(part.link_id)
    if draft is not None:
        return [text for texts in draft.values() for text in texts if text]
    return [answer_text(part, answer, texts) for answer in state.answers.get(part.link_id, ())]
