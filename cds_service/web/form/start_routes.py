"""The ways into the form: begin, go on with a code, go on after the questions changed."""

from __future__ import annotations

from flask import Blueprint, Response, request

from cds_service.telemetry.metrics import FORM_STEPS
from cds_service.web.form import model as m
from cds_service.web.form.form_request import Intake, Lost, Retired, see
from cds_service.web.form.form_state import fitted
from cds_service.web.form.merging import Posted, digest, merge
from cds_service.web.form.sessions import Session, ungrouped
from cds_service.web.form.step_routes import notices
from cds_service.web.form.transitions import LARGE, START, look


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


def add_opening(routes: Blueprint, intake: Intake, *, sends: bool) -> None:
    """Adds the routes; ``sends``: there are EHRs to sign in to."""
    form = intake.form

    @routes.get("/intake")
    def start() -> Response:
        if form.retired:
            raise Retired
        found = intake.found()
        visit = intake.visit_of(*found) if found else None
        fresh = visit is not None and is_fresh(visit.session, form)
        signs_in = sends and not (visit and visit.session.ehr)
        told = notices(visit, intake.words(visit), START) if visit else []
        return intake.page("start", visit, fresh=fresh, signs_in=signs_in, told=told)

    @routes.post("/intake")
    def begin() -> Response:
        if form.retired:
            raise Retired
        found = intake.found()
        if found and request.form.get("go") != "anew":
            return see(f"step/{found[1].step}")
        session = new_session(form, intake.language())
        session.large = request.form.get("size") == LARGE
        sent = Posted.of(request.form.lists())
        nothing = digest({})
        merge(form, session, Posted(sent.fields, dict.fromkeys(sent.fields, nothing)))
        secret = intake.sessions.open(session)
        FORM_STEPS.labels("begun").inc()
        if found:
            intake.sessions.drop(found[0])
        return intake.cookie.keep(see(f"step/{session.step}"), secret)

    @routes.get("/intake/resume")
    def resume() -> Response:
        return intake.page("resume", unknown=False)

    @routes.post("/intake/resume")
    def open_again() -> Response:
        secret = ungrouped(request.form.get("code", ""))
        session = intake.sessions.read(secret) if secret else None
        if secret is None or session is None:
            return intake.page("resume", unknown=True)
        intake.sessions.change(secret, _greeted)
        path = "done" if session.saved else f"step/{session.step}"
        return intake.cookie.keep(see(path), secret)

    @routes.get("/intake/changed")
    def changed() -> Response:
        found = intake.found()
        if found is None:
            raise Lost
        if form.retired:
            raise Retired
        kept, dropped = fitted(form, found[1].answers, intake.value_sets, intake.clock())
        visit = intake.visit_of(*found)
        return intake.page("changed", visit, kept=len(kept), dropped=len(dropped))

    @routes.post("/intake/changed")
    def go_on() -> Response:
        def work(session: Session) -> Session:
            if session.questionnaire != form.canonical:
                _carry(intake, session)
            return session

        return see(f"step/{intake.change(work).session.step}")

    @routes.post("/intake/look")
    def look_otherwise() -> Response:
        go = request.form.get("go", "")  # the store may do its work in another thread

        def work(session: Session) -> Session:
            look(form, session, go)
            return session

        intake.change(work)
        back = request.form.get("back", "")
        return see(back if back in ("review", "later", "done", "changed") else "")


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
