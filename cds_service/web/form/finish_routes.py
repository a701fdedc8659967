"""The ways out: read back, send, finish later, close, delete, leave at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import orjson
from flask import Blueprint, Response, make_response, render_template, request

from cds_service.fhir.dates import whole_years
from cds_service.telemetry.metrics import FORM_SUBMISSIONS
from cds_service.web.form import model as m
from cds_service.web.form.addresses import Forms
from cds_service.web.form.error_texts import error_text
from cds_service.web.form.form_request import SEE_OTHER, FormRequest, Intake, redirect_to
from cds_service.web.form.response import Heading, answered, completed
from cds_service.web.form.sessions import Session, grouped
from cds_service.web.form.step_routes import notices
from cds_service.web.form.submission import NotSubmitted, Reason, Submit
from cds_service.web.form.texts import Texts
from cds_service.web.form.transitions import DONE, REVIEW, REVIEW_STEP, SENDING, is_sending
from cds_service.web.form.views import answer_texts

MOMENT = "%Y-%m-%d %H:%M UTC"
EMERGENCY_HOLDS = timedelta(hours=72)  # as answer-valid-for of the emergency questions says
SHORT_ID = 8  # characters of a reference that can be read out


def add_finish_routes(routes: Blueprint, forms: Forms[Intake]) -> None:
    """Adds the routes."""
    for path, view in (("review", review), ("done", done)):
        routes.add_url_rule(f"/{path}", path, forms.sending(view))
    routes.add_url_rule("/send", "send", forms.sending(send), methods=["POST"])
    for method, path, view_of in (
        ("GET", "/answers.json", answers_file),
        ("GET", "/later", later),
        ("GET", "/own", own_answers),
        ("GET", "/print", printed),
        ("GET", "/sending", sending),
        ("POST", "/leave", leave),
        ("POST", "/close", close),
    ):
        routes.add_url_rule(path, view_of.__name__, forms.view(view_of), methods=[method])
    routes.add_url_rule("/<any(send,close,look,leave):button>", "reloaded", reloaded)


def review(intake: Intake, submit: Submit | None) -> Response:
    """Every answer read back, what must change, and the button that sends."""
    form_request = intake.form_request()
    session, state = form_request.session, form_request.state
    if session.saved:
        return redirect_to(DONE)
    texts = intake.texts(form_request)
    return intake.page(
        "review",
        form_request,
        groups=read_back(form_request, texts),
        errors=_errors(form_request, texts),
        whole="" in state.problems,
        unasked=[
            (part.text.in_language(texts.language), answer_texts(state, part, texts))
            for part in state.unasked
            if _is_typed(part, form_request)
        ],
        notices=notices(form_request, texts, REVIEW_STEP),
        signs_in_again=[Reason.SIGN_IN, "0"] in session.notices,
        sends=_sends(form_request, submit),
        signs_in=submit is not None and session.ehr is None,
        signed_out=submit is not None and session.whose is not None,
        last=state.steps[-1].number,
        count=len(state.steps) + 1,
    )


def done(intake: Intake, submit: Submit | None) -> Response:
    """The last page: what became of the answers."""
    form_request = intake.form_request()
    unsent = form_request.state.problems or _sends(form_request, submit)
    if unsent and not form_request.session.saved:
        return redirect_to(REVIEW)
    groups = read_back(form_request, intake.texts(form_request), restricted=False)
    return intake.page(
        "done",
        form_request,
        groups=groups,
        count=len(form_request.state.answered),
        reference=form_request.session.identifier[:SHORT_ID],
        finished=_moment(form_request.session.finished),
        signs_in=submit is not None,
    )


def _moment(written: str | None) -> str:
    return f"{datetime.fromisoformat(written):{MOMENT}}" if written else ""


def answers_file(intake: Intake) -> Response:
    """The QuestionnaireResponse as a file to keep."""
    kept = intake.find_session()
    form_request = intake.form_request_of(*kept) if kept else intake.form_request()
    if form_request.session.forgotten:
        return redirect_to(DONE)
    response = make_response(orjson.dumps(response_of(form_request), option=orjson.OPT_INDENT_2))
    response.content_type = "application/fhir+json"
    response.headers["Content-Disposition"] = 'attachment; filename="answers.json"'
    response.headers["Cache-Control"] = "no-store"
    return response


def later(intake: Intake) -> Response:
    """Shows the code to go on with, and signs out."""
    form_request = intake.form_request()
    if form_request.session.saved:
        return redirect_to(DONE)
    intake.sessions.change(form_request.secret, _shown_as_code)
    code = grouped(form_request.secret)
    return intake.page("later", form_request, code=code, address=intake.address)


def printed(intake: Intake) -> Response:
    """The questions without answers, to print."""
    return intake.page("print")


def own_answers(intake: Intake) -> Response:
    """The person's answers to print or take along; private ones only if asked for."""
    form_request = intake.form_request()
    if form_request.session.forgotten:
        return redirect_to(DONE)
    session, private = form_request.session, request.args.get("private") == "1"
    answered_at = datetime.fromisoformat(session.finished) if session.finished else intake.clock()
    return intake.page(
        "own",
        form_request,
        groups=read_back(form_request, intake.texts(form_request), restricted=private),
        private=private,
        answered=f"{answered_at:{MOMENT}}",
        holds=f"{answered_at + EMERGENCY_HOLDS:{MOMENT}}",
    )


def _shown_as_code(session: Session) -> Session:
    """Whoever finds the code may read the answers, but neither send them nor reach the chart."""
    session.sign_out()
    session.coded = True
    return session


def _sends(form_request: FormRequest, submit: Submit | None) -> bool:
    return submit is not None and form_request.session.ehr is not None


# -- sending ---------------------------------------------------------------------------------------


def send(intake: Intake, submit: Submit | None) -> Response:
    """Sends the answers once, however often it is pressed (idempotent)."""
    claimed = False

    def claim(session: Session) -> Session | None:
        """Only one of several posts sends: the first marks the session as sending."""
        nonlocal claimed
        transitions = intake.transitions()
        ready = session.questionnaire == intake.form.canonical and not session.saved
        busy = is_sending(session, transitions.now)
        if not ready or busy or transitions.state(session).problems:
            return None
        claimed, session.sending, session.notices = True, transitions.now.isoformat(), []
        return session

    form_request = intake.change(claim)
    if form_request.session.saved:
        return redirect_to(DONE)
    if not claimed:
        busy = is_sending(form_request.session, form_request.transitions.now)
        return redirect_to(SENDING if busy else REVIEW)
    return redirect_to(_submit(intake, form_request, submit))


def sending(intake: Intake) -> Response:
    """Stands while the answers are on their way."""
    form_request = intake.form_request()
    saved = form_request.session.saved
    if saved or not is_sending(form_request.session, form_request.transitions.now):
        return redirect_to(DONE if saved else REVIEW)
    return intake.page("sending", form_request)


def _submit(intake: Intake, form_request: FormRequest, submit: Submit | None) -> str:
    """Sends the answers of a claimed session; returns where to go."""
    saved, notice, outcome = None, None, "kept"
    try:
        if submit is not None and form_request.session.ehr is not None:
            outcome = "failed"
            saved = submit(form_request.session.ehr, response_of(form_request))
            outcome = "sent"
    except NotSubmitted as why:
        outcome = str(why.reason)
        notice = [outcome, str(REVIEW_STEP)]
    finally:

        def settle(session: Session) -> Session:
            session.sending, session.saved = None, saved
            if notice is None:
                session.finished = form_request.transitions.now.isoformat()
            session.notices = [notice] if notice else []
            return session

        FORM_SUBMISSIONS.labels(outcome).inc()
        intake.sessions.change(form_request.secret, settle)
    return REVIEW if notice else DONE


def response_of(form_request: FormRequest) -> dict[str, Any]:
    """The QuestionnaireResponse of a session: completed when it can be sent, else in progress."""
    session, state, form = form_request.session, form_request.state, form_request.transitions.form
    if state.problems or session.questionnaire != form.canonical:
        return answered(form, session.answers, state.enabled, "in-progress")
    heading = Heading(
        session.language,
        session.identifier,
        form_request.transitions.now,
        frozenset(session.origins),
        frozenset(session.confirmed),
        None
        if session.born is None
        else whole_years(session.born, form_request.transitions.now.date()),
    )
    return completed(form, session.answers, state.enabled, heading)


# -- reading back ----------------------------------------------------------------------------------


def read_back(
    form_request: FormRequest, texts: Texts, *, restricted: bool = True
) -> list[dict[str, Any]]:
    """Every question that is asked with its answer in words, by step; restricted ones together at
    the end, or without ``restricted`` not at all: nobody else should see them on the screen."""
    state = form_request.state
    groups = [
        _group(
            step.title.in_language(texts.language),
            [
                _row(form_request, step, part, texts)
                for part in state.questions(step)
                if not part.item.restricted
            ],
        )
        for step in state.steps
    ]
    private = [
        _row(form_request, step, part, texts)
        for step in state.steps
        for part in state.questions(step)
        if part.item.restricted
    ]
    if restricted and private:
        groups.append(_group("", private) | {"private": True})
    return [group for group in groups if group["answered"] or group["open"]]


def _group(title: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "title": title,
        "private": False,
        "answered": [row for row in rows if row["answers"]],
        "open": [row for row in rows if not row["answers"]],
    }


def _row(form_request: FormRequest, step: m.Step, part: m.FormItem, texts: Texts) -> dict[str, Any]:
    return {
        "id": part.id,
        "number": step.number,
        "text": part.text.in_language(texts.language),
        "answers": answer_texts(form_request.state, part, texts),
        "origin": _unseen_origin(form_request, part, texts),
        "change": part.answerable,
        "part": part,
        "chosen": (chosen := form_request.state.fields(part).get("v", [])),
        "maps": m.filled(part, chosen),
    }


def _unseen_origin(form_request: FormRequest, part: m.FormItem, texts: Texts) -> str:
    """Returns where an answer comes from that the person has not been shown on its own page."""
    session = form_request.session
    origin = None if part.link_id in session.confirmed else session.origins.get(part.link_id)
    return texts("from_record", source=origin.get("source", "")) if origin else ""


def _errors(form_request: FormRequest, texts: Texts) -> list[tuple[int, str, str, str]]:
    """Step, id, question and words of everything that must be changed before sending."""
    form, state = form_request.transitions.form, form_request.state
    found = []
    for link_id, code in state.problems.items():
        part, step = form.parts.get(link_id), form.step_of(link_id)
        if part is not None and step is not None:
            text = part.text.in_language(texts.language)
            found.append((step.number, part.id, text, error_text(state, part, code, texts)))
    return found


def _is_typed(part: m.FormItem, form_request: FormRequest) -> bool:
    """Checks whether somebody wrote words of their own: those they should not lose unawares."""
    answers = form_request.session.answers.get(part.link_id, [])
    typed = part.control in m.TYPED or any(part.option_of(a) is None for a in answers)
    return typed or part.link_id in form_request.session.drafts


# -- leaving ---------------------------------------------------------------------------------------


def leave(intake: Intake) -> Response:
    """The quick exit: works in every state, so it takes no CSRF token."""
    response = make_response("", SEE_OTHER)
    response.headers["Location"] = "/blank"
    return intake.cookie.forget(response)


def reloaded(button: str, **_form: str) -> Response:
    """Leads on from a button's address, where a tab is opened again after an error; the form is
    that of the request."""
    return redirect_to(REVIEW if button == "send" else "")


def blank(exit_page: str) -> str:
    """The harmless page that the quick exit leads to; it goes on to that of the site, if it has
    one. From here, because the policy of the form lets it post to nobody else."""
    return render_template("form/blank.html", exit_page=exit_page)


def close(intake: Intake) -> Response:
    """Closes the form on this device; ``go=delete`` deletes the answers as well."""
    secret = intake.proven_secret()
    session = intake.sessions.read(secret)
    if request.form.get("go") == "delete" or (session and session.saved):
        intake.sessions.drop(secret)
    return intake.cookie.forget(redirect_to(""))
