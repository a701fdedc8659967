"""One press of a button on a step: what it does to the session, and which page comes next. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cds_service.fhirpath import ValueSets
from cds_service.web.form import model as m
from cds_service.web.form.form_state import FormState
from cds_service.web.form.merging import Posted, confirm, merge, write
from cds_service.web.form.sessions import Session

NEXT, BACK, SAVE, AGAIN, SKIP = "next", "back", "save", "again", "skip"
CLEAR, LANGUAGE, SIZE = "clear", "language", "size"
LARGE = "large"
SENDS_FOR = timedelta(minutes=1)  # then a worker that was sending must have ended
REVIEW_STEP, START = 0, -1  # the numbers under which notices of these pages are kept
REVIEW, LATER, SENDING, DONE, CHANGED = "review", "later", "sending", "done", "changed"
EMERGENCY = "emergency"


@dataclass(frozen=True, slots=True)
class Transitions:
    """A form on its way; ``value_sets`` are the codes of value sets by url."""

    form: m.IntakeForm
    value_sets: ValueSets
    now: datetime

    def state(self, session: Session) -> FormState:
        """The form with the session's answers in it."""
        return FormState(self.form, session.answers, session.drafts, self.value_sets, self.now)

    def submit(
        self, session: Session, number: int, posted: Posted, go: str, *, to_review: bool
    ) -> str:
        """Keeps what the page sent and does what the button says; returns where to go, below
        the address of the form. ``to_review``: the person came from the page that reads all answers
        back."""
        before = _ticked(self.state(session))
        merged = merge(self.form, session, posted)
        session.notices, session.turned = [], True
        if session.questionnaire != self.form.canonical:
            return CHANGED
        if merged.conflicts:
            session.notices.append(["conflict", str(number), *merged.conflicts])
        path = self._act(session, number, posted, go, to_review)
        new = [pair for pair in _ticked(self.state(session)) if pair not in before]
        if not new:
            return path
        session.emergency = {"ticked": new, "step": number, "next": path}
        return EMERGENCY

    def _act(self, session: Session, number: int, posted: Posted, go: str, to_review: bool) -> str:
        """Does what the button says; returns where it leads."""
        what, _, which = go.partition(":")
        if what in (LANGUAGE, SIZE, CLEAR, AGAIN):
            self._adjust(session, number, what, which)
            return _step(number, to_review)
        session.step = number
        if what == SAVE:
            return LATER
        state = self.state(session)
        if what == SKIP:
            return self._past(session, state, number, to_review)
        if what == BACK:
            earlier = state.before(number)
            return REVIEW if to_review else _step(earlier.number if earlier else number)
        return self._on(session, state, number, posted, to_review)

    def _past(self, session: Session, state: FormState, number: int, to_review: bool) -> str:
        """Goes past a page that may be skipped, or past the questions that it introduces."""
        after = state.after(number)
        if after is not None and state.step_at(number).skip == m.SKIP_NEXT:
            after = state.after(after.number)
        if to_review or after is None:
            return REVIEW
        session.step = after.number
        return _step(after.number)

    def _adjust(self, session: Session, number: int, what: str, which: str) -> None:
        """Returns what stays on the page: another language or size, an answer cleared."""
        change_display(self.form, session, f"{what}:{which}")
        part = self.form.parts.get(which)
        if what == CLEAR and part is not None and part.answerable:
            write(session, part, {})
            session.notices.append(["cleared", str(number), which])

    def _on(
        self, session: Session, state: FormState, number: int, posted: Posted, to_review: bool
    ) -> str:
        """Stays while something is wrong or new on the page, else goes on."""
        step = state.step_at(number)
        if step.number != number:  # nothing of it is asked any more
            return _step(step.number)
        confirm(session, posted)
        here = [part.link_id for part in step.all_parts]
        wrong = any(link_id in state.problems for link_id in here)
        new = [
            p.link_id
            for p in _watched(step)
            if state.shown(p) and p.link_id not in posted.shown_digests and not _has_page(state, p)
        ]
        if new:
            session.notices.append(["more", str(number), *new])
        if wrong or new:
            return _step(number, to_review, check=wrong)
        after = state.after(number)
        if to_review or after is None:
            return REVIEW
        session.step = after.number
        return _step(after.number)


def _has_page(state: FormState, part: m.FormItem) -> bool:
    """Checks whether the emergency page says it, so that the step need not be shown again for
    it."""
    return part.emergency and not state.private(part)


def _ticked(state: FormState) -> list[list[str]]:
    """Returns what calls for an emergency message, as pairs of linkId and option token."""
    return [[part.link_id, option.token] for part, option in state.emergency_options]


def is_sending(session: Session, now: datetime) -> bool:
    """Checks whether the answers are on their way: nothing may change meanwhile."""
    return session.sending is not None and (
        now - datetime.fromisoformat(session.sending) < SENDS_FOR
    )


def change_display(form: m.IntakeForm, session: Session, go: str) -> None:
    """Another language (``language:es``) or size of text (``size:large``)."""
    what, _, which = go.partition(":")
    if what == LANGUAGE and which in form.languages:
        session.language = which
    elif what == SIZE:
        session.large = which == LARGE


def _watched(step: m.Step) -> list[m.FormItem]:
    """Returns what must have been seen before the person goes on: questions, and fixed texts that
    depend on an answer."""
    return [
        p for p in step.all_parts if p.answerable or (p.control == m.DISPLAY and p.item.conditions)
    ]


def _step(number: int, to_review: bool = False, *, check: bool = False) -> str:
    query = "&".join([*(["from=review"] if to_review else []), *(["check=1"] if check else [])])
    return f"step/{number}" + (f"?{query}" if query else "")
