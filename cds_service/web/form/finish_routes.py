"""The ways out: read back, send, finish later, close, delete, leave at once."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Blueprint, Response, make_response, render_template, request

from cds_service.fhir.dates import whole_years
from cds_service.telemetry.metrics import FORM_SUBMISSIONS
from cds_service.web.form import model as m
from cds_service.web.form.error_texts import trouble
from cds_service.web.form.form_request import SEE_OTHER, Intake, Visit, see
from cds_service.web.form.response import Heading, answered, completed
from cds_service.web.form.sessions import Session, grouped
from cds_service.web.form.step_routes import messages, notices
from cds_service.web.form.submission import NotSubmitted, Reason, Submit
from cds_service.web.form.texts import Words
from cds_service.web.form.transitions import DONE, REVIEW, REVIEW_STEP, SENDING, is_sending
from cds_service.web.form.views import said_of


def add_closing(routes: Blueprint, intake: Intake, deliver: Submit | None) -> None:
    """Adds the routes."""
    _add_sending(routes, intake, deliver)
    _add_leaving(routes, intake)

    @routes.get("/intake/review")
    def review() -> Response:
        visit = intake.visit()
        if visit.session.saved:
            return see(DONE)
        words = intake.words(visit)
        filled = visit.filled
        return intake.page(
            "review",
            visit,
            groups=read_back(visit, words),
            errors=_errors(visit, words),
            whole="" in filled.problems,
            unasked=[
                (part.text.in_language(words.language), said_of(filled, part, words))
                for part in filled.unasked
                if _is_typed(part, visit)
            ],
            messages=messages(visit, words),
            told=notices(visit, words, REVIEW_STEP),
            signs_in_again=[Reason.SIGN_IN, "0"] in visit.session.notices,
            sends=_sends(visit, deliver),
            signs_in=deliver is not None and visit.session.ehr is None,
            signed_out=deliver is not None and visit.session.whose is not None,
            last=filled.steps[-1].number,
            count=len(filled.steps) + 1,
        )

    @routes.get("/intake/done")
    def done() -> Response:
        visit = intake.visit()
        if not visit.session.saved and (visit.filled.problems or _sends(visit, deliver)):
            return see(REVIEW)
        groups = read_back(visit, intake.words(visit))
        return intake.page("done", visit, groups=groups, signs_in=deliver is not None)

    @routes.get("/intake/answers.json")
    def answers() -> Response:
        found = intake.found()
        visit = intake.visit_of(*found) if found else intake.visit()
        response = make_response(orjson.dumps(response_of(visit), option=orjson.OPT_INDENT_2))
        response.content_type = "application/fhir+json"
        response.headers["Content-Disposition"] = 'attachment; filename="answers.json"'
        response.headers["Cache-Control"] = "no-store"
        return response

    @routes.get("/intake/later")
    def later() -> Response:
        visit = intake.visit()
        if visit.session.saved:
            return see(DONE)
        intake.sessions.change(visit.secret, _shown_as_code)
        return intake.page("later", visit, code=grouped(visit.secret), address=intake.address)

    @routes.get("/intake/print")
    def printed() -> Response:
        return intake.page("print")


def _shown_as_code(session: Session) -> Session:
    """Whoever finds the code may read the answers, but neither send them nor reach the chart."""
    session.sign_out()
    session.coded = True
    return session


def _sends(visit: Visit, deliver: Submit | None) -> bool:
    return deliver is not None and visit.session.ehr is not None


# -- sending ---------------------------------------------------------------------------------------


def _add_sending(routes: Blueprint, intake: Intake, deliver: Submit | None) -> None:
    @routes.post("/intake/send")
    def send() -> Response:
        claimed = False

        def claim(session: Session) -> Session | None:
            """Only one of several posts sends: the one that finds nobody sending."""
            nonlocal claimed
            walk = intake.walk()
            ready = session.questionnaire == intake.form.canonical and not session.saved
            if not ready or is_sending(session, walk.now) or walk.filled(session).problems:
                return None
            claimed, session.sending, session.notices = True, walk.now.isoformat(), []
            return session

        visit = intake.change(claim)
        if visit.session.saved:
            return see(DONE)
        if not claimed:
            return see(SENDING if is_sending(visit.session, visit.walk.now) else REVIEW)
        return see(_deliver(intake, visit, deliver))

    @routes.get("/intake/sending")
    def sending() -> Response:
        visit = intake.visit()
        if visit.session.saved or not is_sending(visit.session, visit.walk.now):
            return see(DONE if visit.session.saved else REVIEW)
        return intake.page("sending", visit)


def _deliver(intake: Intake, visit: Visit, deliver: Submit | None) -> str:
    """Sends the answers of a claimed session; returns where to go."""
    saved, notice, outcome = None, None, "kept"
    try:
        if deliver is not None and visit.session.ehr is not None:
            outcome = "failed"
            saved = deliver(visit.session.ehr, response_of(visit), None)
            outcome = "sent"
    except NotSubmitted as why:
        outcome = str(why.reason)
        notice = [outcome, str(REVIEW_STEP)]
    finally:

        def settle(session: Session) -> Session:
            session.sending, session.saved = None, saved
            session.notices = [notice] if notice else []
            return session

        FORM_SUBMISSIONS.labels(outcome).inc()
        intake.sessions.change(visit.secret, settle)
    return REVIEW if notice else DONE


def response_of(visit: Visit) -> dict[str, Any]:
    """The QuestionnaireResponse of a session: completed when it can be sent, else in progress."""
    session, filled, form = visit.session, visit.filled, visit.walk.form
    if filled.problems or session.questionnaire != form.canonical:
        return answered(form, session.answers, filled.enabled, "in-progress")
    heading = Heading(
        session.language,
        session.identifier,
        visit.walk.now,
        frozenset(session.origins),
        frozenset(session.confirmed),
        None if session.born is None else whole_years(session.born, visit.walk.now.date()),
    )
    return completed(form, session.answers, filled.enabled, heading)


# -- reading back ----------------------------------------------------------------------------------


def read_back(visit: Visit, words: Words) -> list[dict[str, Any]]:
    """Every question that is asked with its answer in words, by step."""
    filled = visit.filled
    return [
        {
            "title": step.title.in_language(words.language),
            "number": step.number,
            "rows": [
                {
                    "id": part.id,
                    "text": part.text.in_language(words.language),
                    "said": said_of(filled, part, words),
                    "origin": _unseen_origin(visit, part, words),
                    "change": part.answerable,
                }
                for part in filled.questions(step)
            ],
        }
        for step in filled.steps
    ]


def _unseen_origin(visit: Visit, part: m.Part, words: Words) -> str:
    """Where an answer comes from that the person has not been shown on its own page."""
    session = visit.session
    origin = None if part.link_id in session.confirmed else session.origins.get(part.link_id)
    return words("from_record", source=origin.get("source", "")) if origin else ""


def _errors(visit: Visit, words: Words) -> list[tuple[int, str, str, str]]:
    """Step, id, question and words of everything that must be changed before sending."""
    form, filled = visit.walk.form, visit.filled
    found = []
    for link_id, code in filled.problems.items():
        part, step = form.parts.get(link_id), form.step_of(link_id)
        if part is not None and step is not None:
            text = part.text.in_language(words.language)
            found.append((step.number, part.id, text, trouble(filled, part, code, words)))
    return found


def _is_typed(part: m.Part, visit: Visit) -> bool:
    """Whether somebody wrote words of their own: those they should not lose unawares."""
    answers = visit.session.answers.get(part.link_id, [])
    typed = part.control in m.TYPED or any(part.option_of(a) is None for a in answers)
    return typed or part.link_id in visit.session.drafts


# -- leaving ---------------------------------------------------------------------------------------


def _add_leaving(routes: Blueprint, intake: Intake) -> None:
    @routes.post("/intake/leave")
    def leave() -> Response:
        """At once, whatever state things are in: no token is asked for."""
        response = make_response("", SEE_OTHER)
        response.headers["Location"] = "/blank"
        return intake.cookie.forget(response)

    @routes.get("/intake/<any(send,close,look,leave):pressed>")
    def reloaded(pressed: str) -> Response:
        """A tab that is opened again where a button led and an error stood."""
        return see(REVIEW if pressed == "send" else "")

    @routes.get("/blank")
    def blank() -> str:
        return render_template("intake/blank.html")

    @routes.post("/intake/close")
    def close() -> Response:
        """Closes the form on this device; ``go=delete`` deletes the answers as well."""
        secret = intake.proven_secret()
        session = intake.sessions.read(secret)
        if request.form.get("go") == "delete" or (session and session.saved):
            intake.sessions.drop(secret)
        return intake.cookie.forget(see(""))
