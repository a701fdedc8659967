"""The patient's form: any Questionnaire, one step after the other, with or without a script.

The way of a request: ``opening``, ``stepping`` and ``closing`` are the routes; ``visit`` finds the
session; ``walking`` decides what a button does (pure), over ``filled`` (what is shown, what is
wrong) and ``model`` (the Questionnaire in steps); ``views`` and the templates say it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus

from flask import Blueprint, Response, request

from cds_service.content.model import Content
from cds_service.store import StoreUnavailable
from cds_service.web.form.finish_routes import add_closing, read_back
from cds_service.web.form.form_request import Changed, Elsewhere, Halted, Intake, Retired, see
from cds_service.web.form.from_questionnaire import read_form
from cds_service.web.form.rate_limit import RateLimitExceeded
from cds_service.web.form.sessions import SessionCookie, Sessions, TooLarge
from cds_service.web.form.start_routes import add_opening
from cds_service.web.form.step_routes import add_steps
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

MAX_BYTES = 250_000  # of what one page sends
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


def intake_blueprint(intake: Intake, deliver: Submit | None = None) -> Blueprint:
    """``/intake`` and all below it; ``deliver`` writes to the EHR of a session that has one."""
    routes = Blueprint("intake", __name__, template_folder="../templates")

    @routes.before_request
    def only_from_here() -> None:
        request.max_content_length = MAX_BYTES
        if request.method == "POST" and (
            request.headers.get("Sec-Fetch-Site", "none") not in OWN_SITE
        ):
            raise Elsewhere

    @routes.errorhandler(Halted)
    def halted(why: Halted) -> Response:
        if isinstance(why, Changed):
            return see("changed")
        found = intake.found() if isinstance(why, Retired) else None
        visit = intake.visit_of(*found) if found else None
        groups = read_back(visit, intake.words(visit)) if visit else []
        return intake.page(why.page, visit, why.status, typed=typed(), groups=groups)

    @routes.errorhandler(StoreUnavailable)
    def unavailable(_why: StoreUnavailable) -> Response:
        return intake.page("unavailable", status=HTTPStatus.SERVICE_UNAVAILABLE)

    @routes.errorhandler(RateLimitExceeded)
    def crowded(_why: RateLimitExceeded) -> Response:
        response = intake.page("crowded", status=HTTPStatus.SERVICE_UNAVAILABLE)
        response.headers["Retry-After"] = "60"
        return response

    @routes.errorhandler(TooLarge)
    @routes.errorhandler(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    def too_large(_why: Exception) -> Response:
        return intake.page("too_large", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

    add_opening(routes, intake, sends=deliver is not None)
    add_steps(routes, intake)
    add_closing(routes, intake, deliver)
    return routes


def typed() -> list[tuple[str, str]]:
    """The answers a request brought that found no session: they go into the next page, so that
    they are not lost."""
    return [
        (key, value)
        for key, values in request.form.lists()
        for value in values
        if key[:2] in ("v:", "o:", "u:", "t:") and value.strip()
    ]
