"""What an EHR says of its sign-in: ``.well-known/smart-configuration`` (SMART App Launch 2.2)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import orjson

from cds_service.web.smart.apps import App
from cds_service.web.smart.http import CallFailed, Calls, may_be_called
from cds_service.web.smart.problems import LaunchFailed

PATH = ".well-known/smart-configuration"
OK = 200
GATEWAY = 500  # statuses from here on say "not now", not "not here"


@dataclass(frozen=True, slots=True)
class Configuration:
    """Where to sign in. ``issuer`` and ``keys`` are what id tokens are checked with."""

    authorization_endpoint: str
    token_endpoint: str
    issuer: str | None
    keys: str | None
    says_issuer: bool  # every answer names its issuer (RFC 9207)
    second_syntax: bool  # scopes as SMART 2 writes them

    def as_json(self) -> dict[str, Any]:
        """For the session, until the person comes back."""
        return asdict(self)


def read_configuration(app: App, calls: Calls) -> Configuration:
    """The configuration of an EHR; raises LaunchFailed."""
    try:
        answer = calls.send("GET", f"{app.issuer}/{PATH}", headers={"Accept": "application/json"})
    except CallFailed:
        raise LaunchFailed("ehr-down") from None
    if answer.status_code >= GATEWAY:
        raise LaunchFailed("ehr-down")
    try:
        said = orjson.loads(answer.content) if answer.status_code == OK else None
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        raise LaunchFailed("not-smart")
    return _checked(app, said)


def _checked(app: App, said: dict[str, Any]) -> Configuration:
    methods = said.get("code_challenge_methods_supported")
    if isinstance(methods, list) and "S256" not in methods:
        raise LaunchFailed("not-smart")
    capabilities = said.get("capabilities")
    found = Configuration(
        authorization_endpoint=_text(said, "authorization_endpoint") or "",
        token_endpoint=_text(said, "token_endpoint") or "",
        issuer=_text(said, "issuer"),
        keys=_text(said, "jwks_uri"),
        says_issuer=said.get("authorization_response_iss_parameter_supported") is True,
        second_syntax=isinstance(capabilities, list) and "permission-v2" in capabilities,
    )
    endpoints = (found.authorization_endpoint, found.token_endpoint)
    if not all(may_be_called(url, app.policy) for url in endpoints):
        raise LaunchFailed("not-smart")
    return found


def _text(said: dict[str, Any], name: str) -> str | None:
    value = said.get(name)
    return value if isinstance(value, str) and value else None
