"""The steps: a page of questions, and what was pressed on it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, request

from cds_service.telemetry.metrics import FORM_STEPS
from cds_service.web.form import model as m
from cds_service.web.form.form_request import Intake, Visit, see
from cds_service.web.form.merging import Posted
from cds_service.web.form.sessions import Session
from cds_service.web.form.texts import Words
from cds_service.web.form.transitions import DONE, NEXT, SENDING, is_sending
from cds_service.web.form.views import Viewer


def add_steps(routes: Blueprint, intake: Intake) -> None:
    """Adds the routes."""

    @routes.get("/intake/step/<int:number>")
    def step(number: int) -> Response:
        visit = intake.visit()
        if visit.session.saved:
            return see(DONE)
        shown = visit.filled.step_at(number)
        if shown.number != number:
            return see(f"step/{shown.number}")
        return _page(intake, visit, number)

    @routes.post("/intake/step/<int:number>")
    def press(number: int) -> Response:
        posted = Posted.of(request.form.lists())
        go, to_review = request.form.get("go", NEXT), request.args.get("from") == "review"
        path = DONE

        def work(session: Session) -> Session | None:
            nonlocal path
            walk = intake.walk()
            if session.saved or is_sending(session, walk.now):
                path = DONE if session.saved else SENDING
                return None
            path = walk.press(session, number, posted, go, to_review=to_review)
            return session

        intake.change(work)
        FORM_STEPS.labels(_outcome(path, number)).inc()
        return see(path)


def _outcome(path: str, number: int) -> str:
    """What became of a press of a button, as it is counted."""
    place, _, query = path.partition("?")
    if "check=1" in query:
        return "to-correct"
    step = place.removeprefix("step/")
    if not step.isdecimal():
        return place  # review, later, sending, done, changed
    return "stayed" if int(step) == number else "forward" if int(step) > number else "back"


def _page(intake: Intake, visit: Visit, number: int) -> Response:
    filled, words = visit.filled, intake.words(visit)
    step = filled.step_at(number)
    checked = request.args.get("check") == "1"
    viewer = Viewer(filled, words, visit.session.origins, checked)
    told = notices(visit, words, number)
    above = messages(visit, words, step)
    return intake.page(
        "step",
        visit,
        step=step,
        place=filled.steps.index(step) + 1,
        count=len(filled.steps) + 1,
        parts=viewer.views(step),
        errors=viewer.errors(step) if checked else [],
        messages=above,
        told=told,
        to_review=request.args.get("from") == "review",
        first=filled.before(number) is None,
        prefix=words("error_title") if checked else "",
    )


@dataclass(frozen=True, slots=True)
class Message:
    """An emergency message above a page. ``id`` is of the same message further down, if it is
    there; ``new``: the person's last answers brought it; ``calm``: it tells of a private answer."""

    text: str
    id: str
    new: bool
    calm: bool


def messages(visit: Visit, words: Words, step: m.Step | None = None) -> list[Message]:
    """What must be read before anything else. What tells of a restricted answer is shown on the
    page of that answer only: on others somebody else may be looking."""
    filled, here = visit.filled, set() if step is None else set(step.all_parts)
    new = {link_id for notice in visit.session.notices for link_id in notice[2:]}
    return [
        Message(
            part.text.in_language(words.language),
            part.id if part in here else "",
            part in here and part.link_id in new,
            filled.private(part),
        )
        for part in filled.emergencies
        if part in here or not filled.private(part)
    ]


def notices(visit: Visit, words: Words, number: int) -> list[tuple[str, list[tuple[str, str]]]]:
    """What there is to say on a page: words, and the questions they are about (id, words)."""
    parts = visit.walk.form.parts
    found = []
    for key, place, *link_ids in visit.session.notices:
        about = [parts[k] for k in link_ids if k in parts and not parts[k].emergency]
        if place == str(number) and (about or not link_ids):  # emergencies are said above all else
            said = [(part.id, part.text.in_language(words.language)) for part in about]
            found.append((words(f"notice_{key}"), said))
    return found
