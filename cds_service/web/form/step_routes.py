"""The steps: a page of questions, and what was pressed on it."""

from __future__ import annotations

from flask import Blueprint, Response, request

from cds_service.content.reader import EMERGENCY_NUMBER
from cds_service.telemetry.metrics import FORM_STEPS
from cds_service.web.form import model as m
from cds_service.web.form.addresses import Forms
from cds_service.web.form.form_request import FormRequest, Intake, redirect_to
from cds_service.web.form.form_state import FormState
from cds_service.web.form.merging import Posted
from cds_service.web.form.sessions import Session
from cds_service.web.form.telephone import dialled
from cds_service.web.form.texts import Texts
from cds_service.web.form.transitions import DONE, NEXT, SENDING, is_sending
from cds_service.web.form.views import Viewer, messages

STEPS = "/step/"  # below the address of a form


def add_step_routes(routes: Blueprint, forms: Forms[Intake]) -> None:
    """Adds the routes."""
    path = f"{STEPS}<int:number>"
    routes.add_url_rule(path, "step", forms.view(step))
    routes.add_url_rule("/emergency", "emergency", forms.view(emergency))
    routes.add_url_rule(path, "submit", forms.view(submit), methods=["POST"])


def step(intake: Intake, number: int) -> Response:
    """The page of a step, or the next there is to see."""
    form_request = intake.form_request()
    if form_request.session.saved:
        return redirect_to(DONE)
    shown = form_request.state.step_at(number)
    if shown.number != number:
        return redirect_to(f"step/{shown.number}")
    return _page(intake, form_request, number)


def submit(intake: Intake, number: int) -> Response:
    """Keeps what a page sent and does what the button says."""
    posted = Posted.of(request.form.lists())
    go, to_review = request.form.get("go", NEXT), request.args.get("from") == "review"
    path = DONE

    def work(session: Session) -> Session | None:
        nonlocal path
        transitions = intake.transitions()
        if session.saved or is_sending(session, transitions.now):
            path = DONE if session.saved else SENDING
            return None
        path = transitions.submit(session, number, posted, go, to_review=to_review)
        return session

    intake.change(work)
    FORM_STEPS.labels(_outcome(path, number)).inc()
    return redirect_to(path)


def emergency(intake: Intake) -> Response:
    """Returns what to do now, after an option was ticked that can be an emergency."""
    form_request = intake.form_request()
    session, parts = form_request.session, intake.form.parts
    if session.emergency is None:
        return redirect_to(DONE if session.saved else f"step/{session.step}")
    texts = intake.texts(form_request)
    return intake.page(
        "emergency",
        form_request,
        messages=[],  # the page is the message
        said=[one for one in messages(form_request.state, session, texts) if not one.calm],
        ticked=[
            option.text.in_language(texts.language)
            for link_id, token in session.emergency["ticked"]
            for option in (parts[link_id].options if link_id in parts else ())
            if option.token == token
        ],
        onward=session.emergency["next"],
        call=dialled(intake.site_words.get(EMERGENCY_NUMBER, "")),
        back=f"step/{session.emergency['step']}",
    )


def _outcome(path: str, number: int) -> str:
    """Returns what became of a press of a button, as it is counted."""
    place, _, query = path.partition("?")
    if "check=1" in query:
        return "to-correct"
    step = place.removeprefix("step/")
    if not step.isdecimal():
        return place  # review, later, sending, done, changed
    return "stayed" if int(step) == number else "forward" if int(step) > number else "back"


def _page(intake: Intake, form_request: FormRequest, number: int) -> Response:
    state, texts = form_request.state, intake.texts(form_request)
    step = state.step_at(number)
    checked = request.args.get("check") == "1"
    place, count = state.steps.index(step) + 1, len(state.steps) + 1
    heading = step.title.in_language(texts.language) if state.may_be_named(step) else ""
    viewer = Viewer(state, texts, form_request.session.origins, checked)
    return intake.page(
        "step",
        form_request,
        step=step,
        place=place,
        count=count,
        headed=_has_headings(state, step),
        page_title=heading or texts("part", number=place, count=count),
        parts=viewer.views(step),
        errors=viewer.errors(step) if checked else [],
        messages=messages(state, form_request.session, texts, step),
        notices=notices(form_request, texts, number),
        to_review=request.args.get("from") == "review",
        first=state.before(number) is None,
        prefix=texts("error_title") if checked else "",
    )


def _has_headings(state: FormState, step: m.Step) -> bool:
    """Tells if its questions are headings of their own: there are several, or one in parts."""
    questions = list(state.questions(step))
    several = len(questions) > 1
    return bool(step.title) and (several or any(o.heading for q in questions for o in q.options))


def notices(
    form_request: FormRequest, texts: Texts, number: int
) -> list[tuple[str, list[tuple[str, str]]]]:
    """Returns what there is to say on a page: words, and the questions they are about (id,
    words)."""
    parts = form_request.transitions.form.parts
    found = []
    for key, place, *link_ids in form_request.session.notices:
        about = [parts[k] for k in link_ids if k in parts and not parts[k].emergency]
        if place == str(number) and (about or not link_ids):  # emergencies are said above all else
            answer_text = [(part.id, part.text.in_language(texts.language)) for part in about]
            found.append((texts(f"notice_{key}"), answer_text))
    return found
