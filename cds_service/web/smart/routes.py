"""``/intake/launch``, ``/forms/<id>/launch`` and ``/intake/callback``: each form as a SMART app.

All redirects follow a link or a GET: the pages' policy lets no form lead to another origin.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, g, make_response, redirect, request

from cds_service.store import StoreUnavailable
from cds_service.telemetry.logs import LOG
from cds_service.telemetry.metrics import SIGN_INS
from cds_service.web.form import Forms, Intake
from cds_service.web.form.addresses import NEEDED, prefix
from cds_service.web.form.rate_limit import RateLimitExceeded
from cds_service.web.form.sessions import Session
from cds_service.web.smart.apps import App
from cds_service.web.smart.flow import LaunchFlow
from cds_service.web.smart.problems import LaunchFailed

CALLBACK = "/intake/callback"  # of every form: the one redirect URI that EHRs know
KEEP = "keep"  # of the parameter ``answers``: keeps those given before signing in


def launch_blueprint(flows: Forms[LaunchFlow]) -> Blueprint:
    """The addresses an EHR is told when a form is registered there."""
    routes = Blueprint("launch", __name__, template_folder="../templates")

    def launch(form_id: str = "") -> Response:
        flow = flows.parts[form_id or flows.needed]
        intake = flow.intake
        found = intake.find_session()
        keep_answers = request.args.get("answers") == KEEP
        app = _app_asked(flow, found[1] if found else None)
        if app is None:
            return intake.page("launch_choose", apps=list(flow.apps), keep_answers=keep_answers)
        g.client = app.client
        try:
            intake.admit_address()
        except RateLimitExceeded:
            raise LaunchFailed("busy") from None
        SIGN_INS.labels("begun").inc()
        url, secret = flow.authorize(
            app, request.args.get("launch"), intake.cookie.secret(), keep_answers=keep_answers
        )
        return _to(url, intake, secret)

    routes.add_url_rule(f"{NEEDED}/launch", "launch", launch)
    if flows.others:
        routes.add_url_rule(f"{prefix(flows.others)}/launch", "launch", launch)

    @routes.get(CALLBACK)
    def callback() -> Response:
        flow = _waiting(flows)
        intake = g.intake = flow.intake
        secret = intake.cookie.secret()
        pending = flow.claim(secret, request.args.get("state", ""))
        g.client = flow.app(pending.issuer).client
        login = flow.exchange(pending, request.args)
        page, entered = flow.open_session(login, secret, keep_answers=pending.keep_answers)
        SIGN_INS.labels("signed-in").inc()
        return _to(f"{intake.home}/{page}" if page else intake.home, intake, entered)

    @routes.errorhandler(LaunchFailed)
    def failed(error: LaunchFailed) -> Response:
        SIGN_INS.labels(error.name).inc()
        LOG.warning("no sign-in", reason=error.name, client=g.get("client"))
        asked = flows.of_request().intake
        return _problem(g.get("intake", asked), error)

    @routes.errorhandler(StoreUnavailable)
    def store_down(_error: StoreUnavailable) -> Response:
        return failed(LaunchFailed("store-down"))

    return routes


def _waiting(flows: Forms[LaunchFlow]) -> LaunchFlow:
    """The flow of the form whose session waits for this answer; the needed one's where none
    does."""
    state = request.args.get("state", "")
    waiting = (flow for flow in flows.parts.values() if flow.waits_for(state))
    return next(waiting, flows.parts[flows.needed])


def _problem(intake: Intake, error: LaunchFailed) -> Response:
    try:
        found = intake.find_session()
    except StoreUnavailable:
        found = None
    form_request = intake.form_request_of(*found) if found else None
    problem, key = error.problem, error.name.replace("-", "_")
    page = intake.page("launch_problem", form_request, problem.status, key=key, problem=problem)
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        page.headers["Retry-After"] = "60"
    return page


def _app_asked(flow: LaunchFlow, session: Session | None) -> App | None:
    """The EHR to sign in to: named by the launch, or known from before, or the only one; None
    when the person has to choose. Raises LaunchFailed."""
    issuer = request.args.get("iss")
    if issuer is None and "launch" not in request.args:
        known = None if session is None else session.ehr or session.whose
        if known is not None:
            issuer = known["issuer"]
        elif len(flow.apps) == 1:
            return next(iter(flow.apps))
        elif len(flow.apps) > 1:
            return None
    return flow.app(issuer or "")


def _to(url: str, intake: Intake, secret: str) -> Response:
    answer = make_response(redirect(url, HTTPStatus.SEE_OTHER))
    answer.headers["Cache-Control"] = "no-store"
    return intake.cookie.keep(answer, secret)
