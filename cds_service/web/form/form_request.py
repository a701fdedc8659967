"""One request to the form: its session, language and page."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from http import HTTPStatus
from typing import Any

from flask import Response, make_response, redirect, render_template, request
from werkzeug.exceptions import RequestEntityTooLarge

from cds_service.content.reader import EMERGENCY_NUMBER
from cds_service.fhirpath import ValueSets
from cds_service.web.form.addresses import NEEDED, home
from cds_service.web.form.client_address import AddressLimit
from cds_service.web.form.forgetting import FORGOTTEN_AFTER, forget, is_forgotten
from cds_service.web.form.form_state import FormState
from cds_service.web.form.model import IntakeForm
from cds_service.web.form.sessions import Session, SessionCookie, Sessions, derived
from cds_service.web.form.telephone import with_links
from cds_service.web.form.texts import Texts, texts_of
from cds_service.web.form.transitions import LARGE, Transitions
from cds_service.web.form.views import messages

TOKEN_LENGTH = 32
SEE_OTHER = HTTPStatus.SEE_OTHER


class FormError(Exception):
    """The form cannot go on; ``page`` is the template that says why and what to do."""

    page = ""
    status = HTTPStatus.OK


class SessionNotFound(FormError):
    """There is no session behind this request."""

    page, status = "lost", HTTPStatus.NOT_FOUND


class StaleCsrfToken(FormError):
    """The page belongs to another session than the cookie."""

    page, status = "stale", HTTPStatus.CONFLICT


class FormRetired(FormError):
    """The Questionnaire is no longer to be answered."""

    page, status = "retired", HTTPStatus.GONE


class CrossSitePost(FormError):
    """Another site sent this post (CSRF)."""

    page, status = "elsewhere", HTTPStatus.FORBIDDEN


class FormChanged(FormError):
    """The session is of another version of the Questionnaire."""


@dataclass(frozen=True)
class FormRequest:
    """One request with its session."""

    secret: str
    session: Session
    transitions: Transitions

    @cached_property
    def state(self) -> FormState:
        """The state of the form with the session's answers."""
        return self.transitions.state(self.session)

    @property
    def token(self) -> str:
        """The CSRF token of this session's forms."""
        return form_token(self.secret)


def form_token(secret: str) -> str:
    """The CSRF token of a session: derived from its secret, so nothing is stored."""
    return derived(secret, "form token").hex()[:TOKEN_LENGTH]


@dataclass(frozen=True, slots=True)
class Intake:
    """The form and everything its routes need."""

    form: IntakeForm
    value_sets: ValueSets
    sessions: Sessions
    cookie: SessionCookie
    clock: Callable[[], datetime]
    address: str  # of the form, as people type it
    address_limit: AddressLimit | None = None
    site_words: Mapping[str, str] = field(default_factory=dict)  # CDS_SITE_WORDS
    shows_initials: bool = True  # of who is signed in, at the foot of every page
    home: str = NEEDED  # the path of its first page

    def transitions(self) -> Transitions:
        """The form now."""
        return Transitions(self.form, self.value_sets, self.clock())

    # -- sessions ------------------------------------------------------------------------------

    def find_session(self) -> tuple[str, Session] | None:
        """The secret and session of the request, if it has one that is still kept."""
        secret = self.cookie.secret()
        session = self.read(secret) if secret else None
        if secret and session and session.saved:
            session = self.sessions.change(secret, self._touch)
        return (secret, session) if secret and session else None

    def _touch(self, session: Session) -> Session:
        """A page of a sent form was asked for: in time, or after its answers are forgotten."""
        transitions = self.transitions()
        if is_forgotten(session, transitions.now):
            return forget(session, transitions.state(session))
        session.touched = transitions.now.isoformat()
        return session

    def read(self, secret: str) -> Session | None:
        """The session behind a secret, if it is of this form, in whatever version."""
        session = self.sessions.read(secret)
        url = self.form.canonical.partition("|")[0]
        is_own = session is not None and session.questionnaire.partition("|")[0] == url
        return session if is_own else None

    def form_request(self) -> FormRequest:
        """The session of the request; raises SessionNotFound, FormRetired, FormChanged."""
        kept = self.find_session()
        if kept is None:
            raise SessionNotFound
        if self.form.retired:
            raise FormRetired
        if kept[1].questionnaire != self.form.canonical:
            raise FormChanged
        return self.form_request_of(*kept)

    def form_request_of(self, secret: str, session: Session) -> FormRequest:
        """The request of a session that is known."""
        return FormRequest(secret, session, self.transitions())

    def change(self, work: Callable[[Session], Session | None]) -> FormRequest:
        """Changes the session behind a form that was sent; raises FormError: SessionNotFound,
        StaleCsrfToken or FormRetired."""
        secret = self.proven_secret()
        if self.form.retired:
            raise FormRetired
        session = self.sessions.change(secret, work)
        if session is None:
            raise SessionNotFound
        return self.form_request_of(secret, session)

    def proven_secret(self) -> str:
        """The secret of the request, if the form that was sent belongs to it."""
        secret = self.cookie.secret()
        if secret is None or self.sessions.read(secret) is None:
            raise SessionNotFound
        if not hmac.compare_digest(
            request.form.get("token", "").encode(), form_token(secret).encode()
        ):
            raise StaleCsrfToken
        return secret

    def admit_address(self) -> None:
        """Lets the client's address begin one more; raises RateLimitExceeded."""
        if self.address_limit is not None:
            self.address_limit.acquire(request)

    # -- pages ---------------------------------------------------------------------------------

    def language(self) -> str:
        """The language of a page without a session: asked for, or the browser's, or the form's."""
        asked = _asked("language")
        if asked in self.form.languages:
            return asked
        offered = self.form.languages
        wanted = (code for code, _quality in request.accept_languages)
        known = (k for code in wanted for k in (code, code.partition("-")[0]) if k in offered)
        return next(known, offered[0])

    def page(
        self,
        name: str,
        form_request: FormRequest | None = None,
        status: int = HTTPStatus.OK,
        **values: Any,
    ) -> Response:
        """A page in the person's language."""
        session = form_request.session if form_request else None
        language = session.language if session else self.language()
        if language not in self.form.languages:
            language = self.form.languages[0]
        texts = texts_of(language)
        if form_request and "messages" not in values:
            values["messages"] = messages(form_request.state, form_request.session, texts)
        text = render_template(
            f"form/{name}.html",
            texts=texts,
            language=language,
            large=session.large if session else _asked("size") == LARGE,
            form=self.form,
            home=self.home,
            title=self.form.title.in_language(language),
            notice=self.form.notices.get(language, ""),
            languages=[(code, language_name(code)) for code in self.form.languages],
            form_request=form_request,
            initials=session.initials if session and self.shows_initials else "",
            forgets=int(FORGOTTEN_AFTER.total_seconds()) if session and session.saved else 0,
            dial=partial(with_links, site_words=self.site_words),
            emergency_number=self.site_words.get(EMERGENCY_NUMBER, ""),
            site_words=self.site_words,
            **values,
        )
        return make_response(text, status)

    def texts(self, form_request: FormRequest) -> Texts:
        """The texts in the session's language."""
        known = form_request.session.language in self.form.languages
        return texts_of(form_request.session.language if known else self.form.languages[0])


def _asked(name: str) -> str:
    """Returns what an address or a form says; a form that is too large to be read says nothing."""
    try:
        return request.values.get(name, "")
    except RequestEntityTooLarge:
        return request.args.get(name, "")


def language_name(language: str) -> str:
    """Returns what a language calls itself (``texts``, key ``language_name``); its code where
    unknown."""
    return texts_of(language).own("language_name") or language


def redirect_to(path: str) -> Response:
    """To another page of the form by GET, so that reloading sends nothing again."""
    return make_response(redirect(f"{home()}/{path}" if path else home(), SEE_OTHER))
