"""The way into the form from an EHR: begins sign-ins, ends them, and opens the person's session.

Whose answers are whose: answers stay when the same patient of the same EHR signs in again, and
answers given without a sign-in when the person asked to take them along. Else an empty form begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from cds_service.decision.record import PATIENT
from cds_service.fhir_api.populate import Populator
from cds_service.hooks import app_context
from cds_service.hooks.calls import HookCalls
from cds_service.hooks.request import PRACTITIONERS
from cds_service.web.form import Intake
from cds_service.web.form.rate_limit import RateLimitExceeded
from cds_service.web.form.sessions import Answers, Session
from cds_service.web.form.start_routes import is_fresh, new_session
from cds_service.web.form.submission import Reason
from cds_service.web.form.transitions import REVIEW, REVIEW_STEP, START
from cds_service.web.smart.apps import App, Apps
from cds_service.web.smart.discovery import Discovery
from cds_service.web.smart.ehr import EhrConnection, EhrLogin, SignInAgain
from cds_service.web.smart.http import Calls
from cds_service.web.smart.launch import PendingLaunch, Start, begin, code_of, match_state
from cds_service.web.smart.problems import LaunchFailed
from cds_service.web.smart.tokens import check_identity, login_of, redeem

OLD_CODE = "old_code"  # notice: the code that was written down opens nothing any more


class LaunchFlow:
    """One per process. ``redirect_uri`` is where EHRs send people back to."""

    def __init__(
        self, desk: HookCalls, populator: Populator, intake: Intake, apps: Apps, redirect_uri: str
    ) -> None:
        self.desk = desk
        self.populator = populator
        self.intake = intake
        self.sessions = intake.sessions
        self.clock = intake.clock
        self.apps = apps
        self.redirect_uri = redirect_uri
        self.discovery = Discovery()

    def app(self, issuer: str) -> App:
        """The app of an issuer; raises LaunchFailed before anything is called."""
        found = self.apps.find(issuer)
        if found is None:
            raise LaunchFailed("unknown-issuer" if self.apps else "not-offered")
        return found

    def ehr(self, login: EhrLogin, only: str | None = None) -> EhrConnection:
        """The EHR of a login; raises SignInAgain when it is no longer connected. ``only``: the one
        prefetch key to read; without it, all that the form can be filled in from."""
        app = self.apps.find(login.issuer)
        if app is None:
            raise SignInAgain("the EHR is no longer connected")
        known = self.populator.queries
        queries = {key: query for key, query in known.items() if only in (None, key)}
        return EhrConnection(login, app, self.desk.fhir, queries, self.clock())

    # -- out ---------------------------------------------------------------------------

    def authorize(
        self, app: App, launch: str | None, secret: str | None, *, keep_answers: bool
    ) -> tuple[str, str]:
        """Begins a sign-in: the address to go to, and the secret of the session it waits in.

        Raises LaunchFailed and StoreUnavailable.
        """
        try:
            self.sessions.admit()  # each asks the EHR, on behalf of anybody who asks us
        except RateLimitExceeded:
            raise LaunchFailed("busy") from None
        configuration = self.discovery.read(app, self._calls(app))
        start = Start(
            self.redirect_uri,
            launch,
            keep_answers,
            self._types(),
            identifies=self.intake.form.is_for_professionals,
        )
        url, pending = begin(app, configuration, start, self.clock())

        def wait(session: Session) -> Session:
            session.launch = pending.as_json()
            return session

        if secret is not None and self.sessions.change(secret, wait) is not None:
            return url, secret
        session = new_session(self.intake.form, self.intake.language())
        return url, self.sessions.open(wait(session), limited=False)

    def _types(self) -> Iterator[str]:
        """The resource types that the form is filled in from."""
        for query in self.populator.queries.values():
            yield query.partition("?")[0].partition("/")[0]

    def _calls(self, app: App) -> Calls:
        return Calls(self.desk.fhir.connection(app.policy.allow_private), app.policy)

    # -- back --------------------------------------------------------------------------

    def waits_for(self, state: str) -> bool:
        """Checks whether the session of the request began the sign-in with this state."""
        found = self.intake.find_session()
        return bool(found and match_state(found[1].launch, state, self.clock()))

    def claim(self, secret: str | None, state: str) -> PendingLaunch:
        """The sign-in this browser began, which is then used up; raises LaunchFailed."""
        taken: list[PendingLaunch] = []

        def claim(session: Session) -> Session | None:
            found = match_state(session.launch, state, self.clock())
            if found is None:
                return None
            taken.append(found)
            session.launch = None
            return session

        if secret is not None:
            self.sessions.change(secret, claim)
        if not taken:
            raise LaunchFailed("not-started-here")
        return taken[-1]

    def exchange(self, pending: PendingLaunch, answer: Mapping[str, str]) -> EhrLogin:
        """The login an EHR's answer leads to, checked; raises LaunchFailed."""
        app = self.app(pending.issuer)
        calls, now = self._calls(app), self.clock()
        code = code_of(pending, answer)
        with self.discovery.limited(app):
            told = redeem(app, pending, code, self.redirect_uri, calls)
            login = login_of(pending, told, now)
            user = check_identity(app, pending, told, calls, now)
        context = app_context.read(self.desk.store.names, told.get("appContext"))
        return replace(login, app_context=context, user=self._professional(user))

    def _professional(self, user: str | None) -> str | None:
        """Returns who answers a form for professionals, which nobody else may; raises
        LaunchFailed. Of other forms nobody is known but the patient."""
        if not self.intake.form.is_for_professionals:
            return None
        if user is None or user.partition("/")[0] not in PRACTITIONERS:
            raise LaunchFailed("not-professional")
        return user

    def open_session(
        self, login: EhrLogin, secret: str | None, *, keep_answers: bool
    ) -> tuple[str, str]:
        """Rotates the session id at sign-in (prevents session fixation): opens the session of a
        login under a new secret. Returns the page to show, below the form's start, and the secret.
        Raises StoreUnavailable."""
        before = self.sessions.read(secret) if secret else None
        if before is None or secret is None:
            return "", self.sessions.open(
                self._filled(login, self.intake.language()), limited=False
            )
        stays = _is_theirs(before, login) or (keep_answers and _is_nobodys(before))
        after = before if stays else self._filled(login, before.language)
        page = REVIEW if stays and self._was_sending(before) else ""
        place = REVIEW_STEP if page else START
        fresh = replace(
            after,
            ehr=login.as_json(),
            whose=None,
            coded=False,
            large=before.large,
            sending=None,
            notices=[[OLD_CODE, str(place)]] if stays and before.coded else [],
        )
        if fresh.born is None:
            _know(fresh, self._patient(login))
        new = self.sessions.open(fresh, limited=False)
        if stays or is_fresh(before, self.intake.form):
            self.sessions.drop(secret)
        return page, new

    def _was_sending(self, session: Session) -> bool:
        """The person was asked to sign in before the answers can be sent."""
        if any(notice[0] == Reason.SIGN_IN for notice in session.notices):
            return True
        last = self.intake.transitions().state(session).steps[-1]
        return session.ehr is None and session.step >= last.number

    def _patient(self, login: EhrLogin) -> Mapping[str, Any]:
        """The patient's record, for answers that were there before the sign-in; may be empty."""
        try:
            return self.ehr(login, only=PATIENT).launch_resources()
        except SignInAgain:
            return {}

    def _filled(self, login: EhrLogin, language: str) -> Session:
        """A new session, with what the chart already says."""
        session = new_session(self.intake.form, language)
        session.ehr = login.as_json()
        try:
            resources = self.ehr(login).launch_resources()
        except SignInAgain:  # a token that was over when it came: the form will say so
            return session
        _know(session, resources)
        found = self.populator.populate(resources, self.clock(), language)
        session.answers |= answers_of(found.response)
        session.origins = dict(found.origins)
        return session


def _know(session: Session, resources: Mapping[str, Any]) -> None:
    """Keeps of the patient's record the birth date and the initials, never the name."""
    patient = resources.get(PATIENT) or {}
    born = patient.get("birthDate")
    session.born = born if isinstance(born, str) else None
    session.initials = initials_of(patient)


def initials_of(patient: Mapping[str, Any]) -> str:
    """The initials of a patient, such as ``M. T.``; empty where no name can be read."""
    names = patient.get("name")
    for name in names if isinstance(names, list) else ():
        if isinstance(name, dict) and name.get("use") not in ("old", "maiden"):
            given = name.get("given")
            words = [*(given[:1] if isinstance(given, list) else ()), name.get("family")]
            letters = [w.strip()[0] for w in words if isinstance(w, str) and w.strip()]
            if letters:
                return " ".join(f"{letter.upper()}." for letter in letters)
    return ""


def _is_theirs(session: Session, login: EhrLogin) -> bool:
    """The session was signed in for the same patient."""
    known = session.ehr or session.whose
    return known is not None and (known["issuer"], known["patient"]) == (
        login.issuer,
        login.patient,
    )


def _is_nobodys(session: Session) -> bool:
    """Nobody ever signed in for it."""
    return session.ehr is None and session.whose is None


def answers_of(response: Mapping[str, Any]) -> Answers:
    """linkId -> answers of a QuestionnaireResponse, without their extensions and nesting."""
    found: Answers = {}
    waiting = list(response.get("item", ()))
    while waiting:
        item = waiting.pop()
        waiting += item.get("item", ())
        for answer in item.get("answer", ()):
            waiting += answer.get("item", ())
            value = {k: v for k, v in answer.items() if k.startswith("value")}
            found.setdefault(item["linkId"], []).append(value)
    return found
