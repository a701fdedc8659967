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
from cds_service.content.reader import EXIT_PAGE
from cds_service.store import StoreUnavailable
from cds_service.web.form.addresses import Forms, home_of, moved
from cds_service.web.form.finish_routes import add_finish_routes, blank, read_back
from cds_service.web.form.form_request import (
    CrossSitePost,
    FormChanged,
    FormError,
    FormRetired,
    Intake,
    redirect_to,
)
from cds_service.web.form.from_questionnaire import read_form
from cds_service.web.form.model import IntakeForm
from cds_service.web.form.rate_limit import RateLimitExceeded
from cds_service.web.form.sessions import SessionCookie, Sessions, TooLarge
from cds_service.web.form.start_routes import add_start_routes
from cds_service.web.form.step_routes import STEPS, add_step_routes
from cds_service.web.form.submission import NotSubmitted, Reason, Submit

__all__ = [
    "Forms",
    "Intake",
    "NotSubmitted",
    "Reason",
    "SessionCookie",
    "Submit",
    "form_blueprints",
    "forms_of",
]

MAX_BYTES = 250_000  # of what a page of questions sends
MAX_START_BYTES = 20_000  # of what any other page sends: at most one page's answers, carried over
OWN_SITE = frozenset({"same-origin", "none"})


def forms_of(
    content: Content,
    sessions: Sessions,
    clock: Callable[[], datetime],
    base_url: str,
    restricted_ages: tuple[int, int] | None = None,
    *,
    is_main: bool = True,
) -> dict[str, Intake]:
    """The forms of the content by id, the needed one first; below an https ``base_url``, cookies
    are sent over https only. ``restricted_ages`` are the site's, in place of those at which a
    Questionnaire has a whole response labelled. Of a topic that is not the main one, no form is at
    ``/intake``."""
    value_sets = {u: r for u, r in content.resources.items() if r["resourceType"] == "ValueSet"}
    made: dict[str, Intake] = {}
    for one in content.forms:
        own = "" if one.is_needed and is_main else one.id
        home = home_of(own)
        made[one.id] = Intake(
            _aged(read_form(one.form, value_sets, content.drawings), restricted_ages),
            content.value_sets,
            sessions,
            SessionCookie(base_url.startswith("https://"), own),
            clock,
            f"{base_url}{home}",
            home=home,
        )
    return made


def _aged(form: IntakeForm, restricted_ages: tuple[int, int] | None) -> IntakeForm:
    if restricted_ages is None:
        return form
    youngest, oldest = restricted_ages
    labels = (replace(one, youngest=youngest, oldest=oldest) for one in form.age_labels)
    return replace(form, age_labels=tuple(labels) if youngest <= oldest else ())


def form_blueprints(forms: Forms[Intake]) -> list[Blueprint]:
    """The addresses of all forms and all below them, and the blank page a person can leave to."""
    made = forms.blueprints("intake", __name__)
    for routes in made:
        _add_routes(routes, forms)
    beside = moved(forms.needed)
    exit_page = forms.parts[forms.needed].site_words.get(EXIT_PAGE, "")
    beside.add_url_rule("/blank", "blank", partial(blank, exit_page))
    return [*made, beside]


def _add_routes(routes: Blueprint, forms: Forms[Intake]) -> None:
    routes.before_request(partial(refuse_cross_site_posts, forms))
    routes.register_error_handler(FormError, partial(form_error, forms))
    for error, page, status in (
        (StoreUnavailable, "unavailable", HTTPStatus.SERVICE_UNAVAILABLE),
        (RateLimitExceeded, "crowded", HTTPStatus.SERVICE_UNAVAILABLE),
        (TooLarge, "too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        (RequestEntityTooLarge, "too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    ):
        routes.register_error_handler(error, partial(error_page, forms, page, status))
    add_start_routes(routes, forms)
    add_step_routes(routes, forms)
    add_finish_routes(routes, forms)


def refuse_cross_site_posts(forms: Forms[Intake]) -> None:
    """CSRF and login CSRF: takes posts from this site's own pages only; raises CrossSitePost.

    Browsers say where a post comes from in Sec-Fetch-Site, older ones in Origin; what is no browser
    sends neither.
    """
    intake = forms.of_request()
    is_step = request.path.startswith(f"{intake.home}{STEPS}")
    request.max_content_length = MAX_BYTES if is_step else MAX_START_BYTES
    if request.method != "POST":
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    hosts = (request.host, urlsplit(intake.address).netloc)
    ours = origin is None or urlsplit(origin).netloc in hosts if site is None else site in OWN_SITE
    if not ours:
        raise CrossSitePost


def form_error(forms: Forms[Intake], error: FormError) -> Response:
    """The page that says why the form cannot go on, with what the person typed."""
    if isinstance(error, FormChanged):
        return redirect_to("changed")
    intake = forms.of_request()
    kept = intake.find_session() if isinstance(error, FormRetired) else None
    form_request = intake.form_request_of(*kept) if kept else None
    groups = read_back(form_request, intake.texts(form_request)) if form_request else []
    return intake.page(error.page, form_request, error.status, typed=typed(), groups=groups)


def error_page(forms: Forms[Intake], page: str, status: HTTPStatus, _error: Exception) -> Response:
    """The page of an error that has nothing to do with the answers."""
    response = forms.of_request().page(page, status=status)
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
