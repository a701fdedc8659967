"""The ways into the form: begin, go on with a code, go on after the questions changed."""

from __future__ import annotations

from flask import Blueprint, Response, request

from cds_service.telemetry.metrics import FORM_STEPS
from cds_service.web.form import model as m
from cds_service.web.form.addresses import Forms
from cds_service.web.form.form_request import FormRetired, Intake, SessionNotFound, redirect_to
from cds_service.web.form.form_state import fitted
from cds_service.web.form.merging import Posted, digest, merge
from cds_service.web.form.sessions import Session, ungrouped
from cds_service.web.form.step_routes import notices
from cds_service.web.form.submission import Submit
from cds_service.web.form.transitions import LARGE, START, change_display


def new_session(form: m.IntakeForm, language: str) -> Session:
    """A session of someone who has answered nothing: the form's own initial answers only."""
    initial = {p.link_id: [dict(a) for a in p.initial] for p in form.parts.values() if p.initial}
    return Session(form.canonical, answers=initial, language=language)


def is_fresh(session: Session, form: m.IntakeForm) -> bool:
    """Nobody has answered anything: what is in it is of the form, or of the chart."""
    initial = new_session(form, session.language).answers
    given = {k: a for k, a in session.answers.items() if k not in session.origins}
    touched = session.drafts or any(a != initial.get(k) for k, a in given.items())
    return session.step == 1 and not (touched or session.saved or session.sending)


def add_start_routes(routes: Blueprint, forms: Forms[Intake]) -> None:
    """Adds the routes."""
    routes.add_url_rule("", "start", forms.sending(start))
    for method, path, view in (
        ("POST", "", begin),
        ("GET", "/resume", resume),
        ("POST", "/resume", open_again),
        ("GET", "/changed", changed),
        ("POST", "/changed", go_on),
        ("POST", "/look", change_look),
    ):
        routes.add_url_rule(path, view.__name__, forms.view(view), methods=[method])


def start(intake: Intake, submit: Submit | None) -> Response:
    """The first page: begin, go on, sign in, or print."""
    if intake.form.retired:
        raise FormRetired
    kept = intake.find_session()
    form_request = intake.form_request_of(*kept) if kept else None
    fresh = form_request is not None and is_fresh(form_request.session, intake.form)
    signs_in = submit is not None and not (form_request and form_request.session.ehr)
    shown = notices(form_request, intake.texts(form_request), START) if form_request else []
    return intake.page("start", form_request, fresh=fresh, signs_in=signs_in, notices=shown)


def begin(intake: Intake) -> Response:
    """Opens a session, with what an earlier page of an ended session sends along."""
    form = intake.form
    if form.retired:
        raise FormRetired
    kept = intake.find_session()
    if kept and request.form.get("go") != "anew":
        return redirect_to(f"step/{kept[1].step}")
    intake.admit_address()
    session = new_session(form, intake.language())
    session.large = request.form.get("size") == LARGE
    sent = Posted.of(request.form.lists())
    merge(form, session, Posted(sent.fields, dict.fromkeys(sent.fields, digest({}))))
    secret = intake.sessions.open(session)
    FORM_STEPS.labels("begun").inc()
    if kept:
        intake.sessions.drop(kept[0])
    return intake.cookie.keep(redirect_to(f"step/{session.step}"), secret)


def resume(intake: Intake) -> Response:
    """Asks for the code of a session."""
    kept = intake.find_session()
    return intake.page("resume", intake.form_request_of(*kept) if kept else None, unknown=False)


def open_again(intake: Intake) -> Response:
    """Opens the session of a code."""
    secret = ungrouped(request.form.get("code", ""))
    session = intake.read(secret) if secret else None
    if secret is None or session is None:
        return intake.page("resume", unknown=True)
    intake.sessions.change(secret, _greeted)
    path = "done" if session.saved else f"step/{session.step}"
    return intake.cookie.keep(redirect_to(path), secret)


def changed(intake: Intake) -> Response:
    """Says what a new version of the questions does to the answers."""
    kept = intake.find_session()
    if kept is None:
        raise SessionNotFound
    if intake.form.retired:
        raise FormRetired
    fit, dropped = fitted(intake.form, kept[1].answers, intake.value_sets, intake.clock())
    form_request = intake.form_request_of(*kept)
    return intake.page("changed", form_request, kept=len(fit), dropped=len(dropped))


def go_on(intake: Intake) -> Response:
    """Takes the answers over to the new questions."""

    def work(session: Session) -> Session:
        if session.questionnaire != intake.form.canonical:
            _carry(intake, session)
        return session

    return redirect_to(f"step/{intake.change(work).session.step}")


def change_look(intake: Intake) -> Response:
    """Another language or text size, and back to the page."""
    go = request.form.get("go", "")  # the store may do its work in another thread

    def work(session: Session) -> Session:
        change_display(intake.form, session, go)
        return session

    intake.change(work)
    back = request.form.get("back", "")
    return redirect_to(
        back if back in ("review", "later", "done", "own", "changed", "emergency") else ""
    )


def _greeted(session: Session) -> Session:
    session.notices = [["welcome", str(session.step)]]
    return session


def _carry(intake: Intake, session: Session) -> None:
    """Takes a session over to the form as it is now, from its first step."""
    kept, _ = fitted(intake.form, session.answers, intake.value_sets, intake.clock())
    session.answers = kept
    session.origins = {k: v for k, v in session.origins.items() if k in kept}
    session.confirmed = []
    session.drafts = {k: v for k, v in session.drafts.items() if k in intake.form.parts}
    session.questionnaire, session.step, session.sending = intake.form.canonical, 1, None
    session.notices = [["carried", "1"]]
