"""A form with answers in it: what is shown, what is wrong, what is still to ask. Pure.

Whether an item is asked and an answer allowed is decided by the validator of responses alone; this
module asks it, so that a form that can be sent is one the validator accepts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from cds_service.content.drawings import BodyMap
from cds_service.fhir.questionnaire_response import Problem, Showing, validate
from cds_service.fhir.questionnaire_response.form import Condition
from cds_service.fhirpath import ValueSets
from cds_service.web.form import model as m
from cds_service.web.form.fields import Fields, Unreadable, fill, read
from cds_service.web.form.response import Answers, answered, in_progress

REQUIRED = "required"
UNREADABLE = "unreadable"


@dataclass(frozen=True)
class FormState:
    """``drafts`` are fields that could not be read as answers, by linkId."""

    form: m.IntakeForm
    answers: Answers
    drafts: Mapping[str, Fields]
    value_sets: ValueSets
    now: datetime

    # -- what is shown -----------------------------------------------------------------------------

    @cached_property
    def _showing(self) -> Showing:
        return Showing.of_response(self.form.checker, in_progress(self.form, self.answers))

    def enabled(self, part: m.FormItem) -> bool:
        """Checks whether it is part of the form as answered: what cannot be decided is."""
        return self._showing.shown(part.item) is not False

    def shown(self, part: m.FormItem) -> bool:
        """Checks whether the person sees it."""
        return not part.hidden and self.enabled(part)

    def conditions(self, part: m.FormItem) -> tuple[bool, ...]:
        """Checks whether each condition of the part holds."""
        return tuple(truth is not False for truth in self._showing.conditions(part.item))

    def questions(self, step: m.Step) -> Iterator[m.FormItem]:
        """The questions of a step that the person sees."""
        return (part for part in step.all_parts if part.is_question and self.shown(part))

    def maps(self, part: m.FormItem) -> list[BodyMap]:
        """The drawings of a question that fit what is answered; all where that is not known."""
        ticked = {
            str(answer["valueCoding"].get("code"))
            for body_map in part.maps
            for answer in self.answers.get(body_map.question, ())
            if "valueCoding" in answer
        }
        known = any(body_map.options & ticked for body_map in part.maps)
        return [one for one in part.maps if not one.options or one.options & ticked or not known]

    @cached_property
    def steps(self) -> tuple[m.Step, ...]:
        """The steps with something to see on them."""
        return tuple(step for step in self.form.steps if self._has_something(step))

    def _has_something(self, step: m.Step) -> bool:
        parts = list(step.all_parts)
        asks = any(part.is_question for part in parts)
        return any(self.shown(p) for p in parts if p.is_question or not asks)

    def may_be_named(self, step: m.Step) -> bool:
        """Tells if a list of tabs may show what a page is about: it asks nothing restricted, and
        introduces nothing."""
        asks_restricted = any(part.item.restricted for part in step.all_parts)
        return not (asks_restricted or step.skip == m.SKIP_NEXT)

    def step_at(self, number: int) -> m.Step:
        """The step of that number, or the next there is, or the last."""
        return next((s for s in self.steps if s.number >= number), self.steps[-1])

    def after(self, number: int) -> m.Step | None:
        """The step after a number; None after the last."""
        return next((s for s in self.steps if s.number > number), None)

    def before(self, number: int) -> m.Step | None:
        """The step before a number; None before the first."""
        return next((s for s in reversed(self.steps) if s.number < number), None)

    @cached_property
    def emergencies(self) -> tuple[m.FormItem, ...]:
        """The emergency messages that the answers call for, each text once."""
        found = (p for p in self.form.parts.values() if p.emergency and self.shown(p))
        return tuple({(p.text.written, self.private(p)): p for p in found}.values())

    @property
    def emergency_options(self) -> list[tuple[m.FormItem, m.Option]]:
        """Returns what was ticked that calls for an emergency message; not what is private."""
        calling = [p for p in self.form.parts.values() if p.emergency and self.shown(p)]
        wanted = [c for p in calling if not self.private(p) for c in p.item.conditions]
        return [
            (question, option)
            for question in self.form.parts.values()
            for answer in self.answers.get(question.link_id, ())
            if (option := question.option_of(answer))
            and any(_names(condition, question, option) for condition in wanted)
        ]

    def private(self, part: m.FormItem) -> bool:
        """Checks whether that a message is shown tells of a restricted answer."""
        questions = (self.form.parts.get(c.question) for c in part.item.conditions)
        return any(question is not None and question.item.restricted for question in questions)

    @property
    def answered(self) -> list[m.FormItem]:
        """The questions with an answer that is sent."""
        parts = self.form.parts.values()
        return [p for p in parts if self.answers.get(p.link_id) and self.enabled(p)]

    # -- what was answered -------------------------------------------------------------------------

    def fields(self, part: m.FormItem) -> Fields:
        """Returns what the page shows for a question."""
        draft = self.drafts.get(part.link_id)
        return fill(part, self.answers.get(part.link_id, [])) if draft is None else draft

    @cached_property
    def unasked(self) -> tuple[m.FormItem, ...]:
        """Questions with an answer that will not be sent, because others say they are not asked."""
        parts = self.form.parts.values()
        return tuple(p for p in parts if self.fields(p) and p.is_question and not self.enabled(p))

    # -- what is wrong -----------------------------------------------------------------------------

    @cached_property
    def problems(self) -> Mapping[str, str]:
        """linkId -> the code of the first problem (an issue type, ``unreadable``), in form order;
        the empty linkId is the whole form."""
        found: dict[str, str] = {}
        for link_id in self.drafts:
            if link_id in self.form.parts and self.enabled(self.form.parts[link_id]):
                found[link_id] = UNREADABLE
        for problem in self._validated():
            found.setdefault(problem.link_id or "", problem.code)
        order = list(self.form.parts)
        return dict(sorted(found.items(), key=lambda entry: order.index(entry[0] or order[-1])))

    def _validated(self) -> list[Problem]:
        """The errors of the response as it would be sent."""
        response = answered(self.form, self.answers, self.enabled, "completed")
        found = validate(self.form.checker, response, value_sets=self.value_sets, now=self.now)
        return [problem for problem in found if problem.severity == "error"]


def _names(condition: Condition, question: m.FormItem, option: m.Option) -> bool:
    """Checks whether a condition is that this option is chosen."""
    if condition.question != question.link_id or condition.operator != "=":
        return False
    return question.option_of({f"value{condition.kind}": condition.value}) is option


def fitted(
    form: m.IntakeForm, answers: Answers, value_sets: ValueSets, now: datetime
) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """The answers that fit a form, and the linkIds of those that do not: after a new version of the
    form, or from a chart. Whether they are asked does not matter here."""
    known = {k: v for k, v in answers.items() if k in form.parts and form.parts[k].is_question}
    response = answered(form, known, lambda _: True, "in-progress")
    found = validate(form.checker, response, value_sets=value_sets, now=now)
    bad = {p.link_id for p in found if p.severity == "error"}
    bad |= {k for k in known if not _shows(form.parts[k], known[k])}
    return (
        {k: v for k, v in known.items() if k not in bad},
        [k for k in answers if k not in known or k in bad],
    )


def _shows(part: m.FormItem, answers: list[dict[str, Any]]) -> bool:
    """Checks whether the page can show the answers, all of them."""
    if part.control == m.CLOSED or part.read_only or part.hidden:
        return True
    try:
        return len(read(part, fill(part, answers))) == len(answers)
    except Unreadable:
        return False
