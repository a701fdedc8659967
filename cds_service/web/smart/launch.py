"""Begins a sign-in and checks who comes back: authorization code with PKCE (S256), state, issuer.

What is needed to finish waits in the session of the browser that began, and nowhere else; an
answer that reaches another browser finds nothing there.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from authlib.common.security import generate_token  # type: ignore[import-untyped]
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # type: ignore[import-untyped]
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]

from cds_service.web.smart.apps import App, scopes
from cds_service.web.smart.discovery import Configuration
from cds_service.web.smart.problems import LaunchFailed

LAUNCH_TTL = timedelta(minutes=10)
STATE, VERIFIER, NONCE = 43, 64, 32  # characters out of 62


@dataclass(frozen=True, slots=True)
class PendingLaunch:
    """A sign-in under way. ``expires`` is ISO 8601; ``configuration`` is what the EHR said when it
    began, so that the code goes to the server that was asked and to no other. ``along``: the person
    asked to take answers along that were given before signing in."""

    issuer: str
    keep_answers: bool
    state: str
    verifier: str
    nonce: str
    scope: str
    expires: str
    configuration: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """For ``Session.launch``, which is kept encrypted."""
        return asdict(self)

    @property
    def endpoints(self) -> Configuration:
        """Returns what the EHR said of its sign-in."""
        return Configuration(**self.configuration)


@dataclass(frozen=True, slots=True)
class Start:
    """The start of a sign-in: ``launch`` is the EHR's launch id, None for a standalone launch;
    ``types`` are the resource types to be read. Only who signs in from the form may take answers
    ``along``: an EHR that opens it does not know who sat there before. ``identifies``: the form
    needs to know who signs in."""

    redirect_uri: str
    launch: str | None
    keep_answers: bool
    types: Iterable[str]
    identifies: bool = False


def begin(
    app: App, configuration: Configuration, start: Start, now: datetime
) -> tuple[str, PendingLaunch]:
    """The address to send the person to, and what to keep until they are back."""
    pending = PendingLaunch(
        issuer=app.issuer,
        keep_answers=start.keep_answers and start.launch is None,
        state=generate_token(STATE),
        verifier=generate_token(VERIFIER),
        nonce=generate_token(NONCE),
        scope=scopes(
            app,
            start.types,
            launched=start.launch is not None,
            second_syntax=configuration.second_syntax,
            identifies=start.identifies,
        ),
        expires=(now + LAUNCH_TTL).isoformat(),
        configuration=configuration.as_json(),
    )
    asked = {
        "redirect_uri": start.redirect_uri,
        "scope": pending.scope,
        "state": pending.state,
        "aud": app.issuer,
        "code_challenge": create_s256_code_challenge(pending.verifier),
        "code_challenge_method": "S256",
    }
    if start.launch is not None:
        asked["launch"] = start.launch
    if "openid" in pending.scope.split():
        asked["nonce"] = pending.nonce
    url = prepare_grant_uri(
        configuration.authorization_endpoint, app.client_id, response_type="code", **asked
    )
    return str(url), pending


def match_state(
    pending: Mapping[str, Any] | None, state: str, now: datetime
) -> PendingLaunch | None:
    """The sign-in that an answer with this state belongs to; None when there is none any more."""
    if not pending or not hmac.compare_digest(str(pending["state"]).encode(), state.encode()):
        return None
    try:
        found = PendingLaunch(**pending)
    except TypeError:  # begun under another release
        return None
    return found if datetime.fromisoformat(found.expires) > now else None


def code_of(pending: PendingLaunch, answer: Mapping[str, str]) -> str:
    """The authorization code of an answer whose state was checked; raises LaunchFailed."""
    said, expected = answer.get("iss"), pending.endpoints
    if said is None and expected.says_issuer:
        raise LaunchFailed("refused")
    # RFC 9207 2.4: an answer from another server than the one that was asked goes no further.
    if said is not None and said != (expected.issuer or pending.issuer):
        raise LaunchFailed("refused")
    if "error" in answer:
        raise LaunchFailed("declined" if answer["error"] == "access_denied" else "refused")
    if not answer.get("code"):
        raise LaunchFailed("refused")
    return answer["code"]
