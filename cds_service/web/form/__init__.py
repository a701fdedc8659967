"""The patient's form: any Questionnaire, one step after the other, with or without a script.

A request: ``start_routes``, ``step_routes`` and ``finish_routes`` are the routes; ``form_request``
finds the session; ``transitions`` decides what a button does (pure), over ``form_state`` (what is
shown, what is wrong) and ``model`` (the Questionnaire in steps); ``views`` and templates render it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from http import HTTPStatus
from urllib.parse import urlsplit

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from cds_service.content.model import Content
from cds_service.store import StoreUnavailable
from cds_service.web.form.finish_routes import add_finish_routes, read_back
from cds_service.web.form.form_request import (
    CrossSitePost,
    FormChanged,
    FormError,
    FormRetired,
    Intake,
    redirect_to,
)
from cds_service.web.form.from_questionnaire import read_form
from cds_service.web.form.rate_limit import RateLimitExceeded
from cds_service.web.form.sessions import SessionCookie, Sessions, TooLarge
from cds_service.web.form.start_routes import add_start_routes
from cds_service.web.form.step_routes import STEPS, add_step_routes
from cds_service.web.form.submission import NotSubmitted, Reason, Submit

__all__ = [
    "Intake",
    "NotSubmitted",
    "Reason",
    "SessionCookie",
    "Submit",
    "intake_blueprint",
    "intake_of",
]

MAX_BYTES = 250_000  # of what a page of questions sends
MAX_START_BYTES = 20_000  # of what any other page sends: at most one page's answers, carried over
OWN_SITE = frozenset({"same-origin", "none"})


def intake_of(
    content: Content,
    sessions: Sessions,
    cookie: SessionCookie,
    clock: Callable[[], datetime],
    address: str,
    restricted_ages: tuple[int, int] | None = None,
) -> Intake:
    """The intake form of the content, with its value sets. ``restricted_ages`` are the site's, in
    place of those at which the Questionnaire has a whole response labelled."""
    value_sets = {u: r for u, r in content.resources.items() if r["resourceType"] == "ValueSet"}
    form = read_form(content.questionnaire.form, value_sets)
    if restricted_ages is not None:
        youngest, oldest = restricted_ages
        labels = (replace(one, youngest=youngest, oldest=oldest) for one in form.age_labels)
        form = replace(form, age_labels=tuple(labels) if youngest <= oldest else ())
    return Intake(form, content.value_sets, sessions, cookie, clock, address)


def intake_blueprint(intake: Intake, submit: Submit | None = None) -> Blueprint:
    """``/intake`` and all below it; ``submit`` writes to the EHR of a session that has one."""
    routes = Blueprint("intake", __name__, template_folder="../templates")
    routes.before_request(partial(refuse_cross_site_posts, intake))
    routes.register_error_handler(FormError, partial(form_error, intake))
    for error, page, status in (
        (StoreUnavailable, "unavailable", HTTPStatus.SERVICE_UNAVAILABLE),
        (RateLimitExceeded, "crowded", HTTPStatus.SERVICE_UNAVAILABLE),
        (TooLarge, "too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        (RequestEntityTooLarge, "too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    ):
        routes.register_error_handler(error, partial(error_page, intake, page, status))
    add_start_routes(routes, intake, sends=submit is not None)
    add_step_routes(routes, intake)
    add_finish_routes(routes, intake, submit)
    return routes


def refuse_cross_site_posts(intake: Intake) -> None:
    """CSRF and login CSRF: takes posts from this site's own pages only; raises CrossSitePost.

    Browsers say where a post comes from in Sec-Fetch-Site, older ones in Origin; what is no browser
    sends neither.
    """
    is_step = request.path.startswith(STEPS)
    request.max_content_length = MAX_BYTES if is_step else MAX_START_BYTES
    if request.method != "POST":
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    hosts = (request.host, urlsplit(intake.address).netloc)
    ours = origin is None or urlsplit(origin).netloc in hosts if site is None else site in OWN_SITE
    if not ours:
        raise CrossSitePost


def form_error(intake: Intake, error: FormError) -> Response:
    """The page that says why the form cannot go on, with what the person typed."""
    if isinstance(error, FormChanged):
        return redirect_to("changed")
    kept = intake.find_session() if isinstance(error, FormRetired) else None
    form_request = intake.form_request_of(*kept) if kept else None
    groups = read_back(form_request, intake.texts(form_request)) if form_request else []
    return intake.page(error.page, form_request, error.status, typed=typed(), groups=groups)


def error_page(intake: Intake, page: str, status: HTTPStatus, _error: Exception) -> Response:
    """The page of an error that has nothing to do with the answers."""
    response = intake.page(page, status=status)
    if page == "crowded":
        response.headers["Retry-After"] = "60"
    return response


def typed() -> list[tuple[str, str]]:
    """The answers a request brought that found no session: they go into the next page, so that
    they are not lost."""
    return [
        (key, value)
        for key, values in request.form.lists()
        for value in values
        if key[:2] in ("v:", "o:", "u:", "t:") and value.strip()
    ]
