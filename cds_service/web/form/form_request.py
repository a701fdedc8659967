"""One request of a person with the form: their session, their words, their page."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from http import HTTPStatus
from typing import Any

from flask import Response, make_response, redirect, render_template, request
from werkzeug.exceptions import RequestEntityTooLarge

from cds_service.fhirpath import ValueSets
from cds_service.web.form.form_state import Filled
from cds_service.web.form.model import IntakeForm
from cds_service.web.form.sessions import Session, SessionCookie, Sessions, derived
from cds_service.web.form.texts import Words, words_of
from cds_service.web.form.transitions import LARGE, Walk

TOKEN_LENGTH = 32
SEE_OTHER = HTTPStatus.SEE_OTHER


class Halted(Exception):
    """The person cannot go on as they asked; ``page`` says why and what to do."""

    page = ""
    status = HTTPStatus.OK


class Lost(Halted):
    """There is no session behind this request."""

    page, status = "lost", HTTPStatus.NOT_FOUND


class Stale(Halted):
    """The page belongs to another session than the cookie."""

    page, status = "stale", HTTPStatus.CONFLICT


class Retired(Halted):
    """The Questionnaire is no longer to be answered."""

    page, status = "retired", HTTPStatus.GONE


class Elsewhere(Halted):
    """Another site sent this."""

    page, status = "elsewhere", HTTPStatus.FORBIDDEN


class Changed(Halted):
    """The session is of another version of the Questionnaire."""


@dataclass(frozen=True)
class Visit:
    """A session in hand. ``token`` proves that a page was made for this session."""

    secret: str
    session: Session
    walk: Walk

    @cached_property
    def filled(self) -> Filled:
        """The form with the session's answers."""
        return self.walk.filled(self.session)

    @property
    def token(self) -> str:
        """What forms send along; other sites cannot know it."""
        return form_token(self.secret)


def form_token(secret: str) -> str:
    """The token of a session's forms."""
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

    def walk(self) -> Walk:
        """The form now."""
        return Walk(self.form, self.value_sets, self.clock())

    # -- sessions ------------------------------------------------------------------------------

    def found(self) -> tuple[str, Session] | None:
        """The secret and session of the request, if it has one that is still kept."""
        secret = self.cookie.secret()
        session = self.sessions.read(secret) if secret else None
        return (secret, session) if secret and session else None

    def visit(self) -> Visit:
        """The session of the request; raises Lost, Retired, Changed."""
        found = self.found()
        if found is None:
            raise Lost
        if self.form.retired:
            raise Retired
        if found[1].questionnaire != self.form.canonical:
            raise Changed
        return self.visit_of(*found)

    def visit_of(self, secret: str, session: Session) -> Visit:
        """A visit with a session that was found."""
        return Visit(secret, session, self.walk())

    def change(self, work: Callable[[Session], Session | None]) -> Visit:
        """Changes the session behind a form that was sent; raises Lost, Stale, Retired."""
        secret = self.proven_secret()
        if self.form.retired:
            raise Retired
        session = self.sessions.change(secret, work)
        if session is None:
            raise Lost
        return self.visit_of(secret, session)

    def proven_secret(self) -> str:
        """The secret of the request, if the form that was sent belongs to it."""
        secret = self.cookie.secret()
        if secret is None or self.sessions.read(secret) is None:
            raise Lost
        if not hmac.compare_digest(
            request.form.get("token", "").encode(), form_token(secret).encode()
        ):
            raise Stale
        return secret

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
        self, name: str, visit: Visit | None = None, status: int = HTTPStatus.OK, **values: Any
    ) -> Response:
        """A page in the person's language."""
        session = visit.session if visit else None
        language = session.language if session else self.language()
        if language not in self.form.languages:
            language = self.form.languages[0]
        words = words_of(language)
        text = render_template(
            f"intake/{name}.html",
            words=words,
            language=language,
            large=session.large if session else _asked("size") == LARGE,
            form=self.form,
            title=self.form.title.in_language(language),
            notice=self.form.notices.get(language, ""),
            languages=[(code, native(code)) for code in self.form.languages],
            visit=visit,
            **values,
        )
        return make_response(text, status)

    def words(self, visit: Visit) -> Words:
        """The words of a session's language."""
        known = visit.session.language in self.form.languages
        return words_of(visit.session.language if known else self.form.languages[0])


def _asked(name: str) -> str:
    """What an address or a form says; a form that is too large to be read says nothing."""
    try:
        return request.values.get(name, "")
    except RequestEntityTooLarge:
        return request.args.get(name, "")


def native(language: str) -> str:
    """What a language calls itself (``texts``, key ``language_name``); its code where unknown."""
    return words_of(language).own("language_name") or language


def see(path: str) -> Response:
    """To another page of the form by GET, so that reloading sends nothing again."""
    return make_response(redirect(f"/intake/{path}" if path else "/intake", SEE_OTHER))
