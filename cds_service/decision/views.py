"""The views of one call as inputs of rules: the answers in use, their age, why others are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from cds_service.content.model import Content, InputRef, View, view_inputs
from cds_service.decision.answers import AnswerSheet
from cds_service.decision.form_of_response import FormMatch
from cds_service.decision.responses import Candidate, ReadResponses
from cds_service.decision.unread import Unread
from cds_service.decision.view_responses import (
    Unusable,
    ViewResponse,
    Visit,
    earlier_response,
    newest_response,
)

SECONDS_PER_HOUR = 3600


class ViewReader:
    """The views of one call but that of the needed form: which response each has, and what it
    says."""

    def __init__(
        self,
        content: Content,
        matches: Mapping[str, list[FormMatch]],
        needed: ReadResponses,
        visit: Visit,
    ) -> None:
        self.visit = visit
        self.sheets: dict[str, AnswerSheet] = {}
        self.by_prefix: dict[str, AnswerSheet] = {}
        self.variables: dict[str, Any] = {}
        self.unread: list[Unread] = []
        first = content.questionnaire
        self._add_nothing(content.views[first.view])
        newest = {first.view: ViewResponse(dated=needed.dated)}
        for view in content.views.values():
            if view.is_unfinished:
                self._add(view, ViewResponse(needed.begun))
            elif view.earlier_than is not None:
                used = newest[view.earlier_than].used
                dated = newest[view.form.view].dated
                earlier = earlier_response(view, used, dated) if used else None
                self._add(view, ViewResponse(earlier))
            elif view.form is not first:
                newest[view.name] = newest_response(
                    view.form, matches.get(view.form.url, ()), visit
                )
                self._add(view, newest[view.name])

    @property
    def present(self) -> Iterator[InputRef]:
        """The inputs of responses that are there."""
        return present_inputs(self.variables)

    def _add_nothing(self, view: View) -> None:
        self.variables |= {name: [] for name in view.inputs} | {view.name: {}}

    def _add(self, view: View, found: ViewResponse) -> None:
        self._add_nothing(view)
        reasons = found.reasons
        if found.used is not None:
            is_past = view.is_derived
            sheet = found.used.sheet(view.form, self.visit.now, hold_for_ever=is_past)
            self.sheets[view.name] = sheet
            # What was not answered then cannot be asked any more.
            self.by_prefix[view.prefix] = AnswerSheet(sheet.view) if is_past else sheet
            self.variables |= inputs_of(view.name, found.used, sheet, self.visit.now)
            reasons |= {Unusable.ITEMS} if sheet.unusable else set()
        if not view.is_derived:
            self.variables[view.inputs[-1]] = sorted(reasons)
        self.unread += found.unread


def inputs_of(view: str, candidate: Candidate, sheet: AnswerSheet, now: datetime) -> dict[str, Any]:
    """Returns the inputs of a view while a response is in use; without a date it has no age."""
    answers, hours, response = view_inputs(view, is_derived=True)
    return {answers: sheet.view, hours: _hours(sheet, now), response: candidate.response}


def _hours(sheet: AnswerSheet, now: datetime) -> Decimal | None:
    """The age of answers in hours with fractions."""
    if sheet.authored is None:
        return None
    seconds = max(now - sheet.authored, timedelta()).total_seconds()
    return Decimal(str(seconds)) / SECONDS_PER_HOUR


def present_inputs(variables: Mapping[str, Any]) -> Iterator[InputRef]:
    """Those of some inputs that are there."""
    return (("%", name) for name, value in variables.items() if value not in (None, [], {}))
