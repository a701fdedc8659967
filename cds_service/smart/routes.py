"""``/intake/launch`` and ``/intake/callback``: the form as a SMART app.

All redirects follow a link or a GET: the pages' policy lets no form lead to another origin.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, g, make_response, redirect, render_template, request

from cds_service.logs import LOG
from cds_service.metrics import SIGN_INS
from cds_service.smart.apps import App
from cds_service.smart.ehr import EhrLogin
from cds_service.smart.entrance import Entrance
from cds_service.smart.problems import LaunchFailed
from cds_service.store import StoreUnavailable
from cds_service.web.intake import SessionCookie
from cds_service.web.sessions import Session

LAUNCH, CALLBACK = "/intake/launch", "/intake/callback"
FORM = "/intake"


def launch_blueprint(entrance: Entrance, cookie: SessionCookie) -> Blueprint:
    """The two addresses an EHR is told when the form is registered there."""
    routes = Blueprint("launch", __name__, template_folder="../web/templates")

    @routes.get(LAUNCH)
    def launch() -> Response:
        app = _app_asked(entrance, _session(entrance, cookie))
        if app is None:
            return make_response(render_template("launch/choose.html", apps=list(entrance.apps)))
        g.client = app.client
        SIGN_INS.labels("begun").inc()
        url, secret = entrance.leave(app, request.args.get("launch"), cookie.secret())
        return _to(url, cookie, secret)

    @routes.get(CALLBACK)
    def callback() -> Response:
        secret = cookie.secret()
        pending = entrance.take(secret, request.args.get("state", ""))
        g.client = entrance.app(pending.issuer).client
        login = entrance.come_back(pending, request.args)
        SIGN_INS.labels("signed-in").inc()
        return _to(FORM, cookie, entrance.enter(login, secret, _language(entrance, cookie)))

    @routes.errorhandler(LaunchFailed)
    def failed(error: LaunchFailed) -> Response:
        SIGN_INS.labels(str(error)).inc()
        LOG.warning("no sign-in", reason=str(error), client=g.get("client"))
        return _problem(error)

    @routes.errorhandler(StoreUnavailable)
    def store_down(_error: StoreUnavailable) -> Response:
        SIGN_INS.labels("store-down").inc()
        return _problem(LaunchFailed("store-down"))

    def _problem(error: LaunchFailed) -> Response:
        try:
            session = _session(entrance, cookie)
        except StoreUnavailable:
            session = None
        page = render_template("launch/problem.html", problem=error.problem, session=session)
        return make_response(page, error.problem.status)

    return routes


def _session(entrance: Entrance, cookie: SessionCookie) -> Session | None:
    secret = cookie.secret()
    return entrance.sessions.read(secret) if secret else None


def _app_asked(entrance: Entrance, session: Session | None) -> App | None:
    """The EHR to sign in to: named by the launch, or known from before, or the only one; None
    when the person has to choose. Raises LaunchFailed."""
    issuer = request.args.get("iss")
    if issuer is None and "launch" not in request.args:
        if session is not None and session.ehr is not None:
            issuer = EhrLogin.from_json(session.ehr).issuer
        elif len(entrance.apps) == 1:
            return next(iter(entrance.apps))
        elif len(entrance.apps) > 1:
            return None
    return entrance.app(issuer or "")


def _language(entrance: Entrance, cookie: SessionCookie) -> str:
    session = _session(entrance, cookie)
    return session.language if session else "en"


def _to(url: str, cookie: SessionCookie, secret: str) -> Response:
    answer = make_response(redirect(url, HTTPStatus.SEE_OTHER))
    answer.headers["Cache-Control"] = "no-store"
    return cookie.keep(answer, secret)
