"""Discovery of an EHR's sign-in: ``.well-known/smart-configuration`` (SMART App Launch 2.2)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from cds_service.access.fhir_server import FetchFailed, FhirServer
from cds_service.web.smart.apps import App
from cds_service.web.smart.http import CallFailed, Calls, may_be_called
from cds_service.web.smart.problems import LaunchFailed, NoAnswer

PATH = ".well-known/smart-configuration"
CACHE_SECONDS = 300.0
LAUNCH_SECONDS = 2.0  # a person waits, and anybody can make us call
OK = 200
GATEWAY = 500  # statuses from here on say "not now", not "not here"


@dataclass(frozen=True, slots=True)
class Configuration:
    """Endpoints of the sign-in. ``issuer`` and ``keys`` are what id tokens are checked with."""

    authorization_endpoint: str
    token_endpoint: str
    issuer: str | None
    keys: str | None
    says_issuer: bool  # every answer names its issuer (RFC 9207)
    second_syntax: bool  # scopes as SMART 2 writes them

    def as_json(self) -> dict[str, Any]:
        """For the session, until the person comes back."""
        return asdict(self)


class Discovery:
    """The configurations of EHRs, cached, and what their sign-ins may cost; thread-safe.

    Anybody can begin a sign-in. Bulkhead and circuit breaker for each issuer keep an EHR that hangs
    from holding this process's threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._servers: dict[str, FhirServer] = {}  # by issuer; an operator listed these few
        self._cached: dict[str, tuple[float, Configuration]] = {}

    @contextmanager
    def limited(self, app: App) -> Iterator[None]:
        """Calls to an EHR: a few at a time, none while its circuit is open; raises LaunchFailed."""
        with self._lock:
            server = self._servers.setdefault(app.issuer, FhirServer())
        try:
            server.enter()
        except FetchFailed as failure:
            raise LaunchFailed("busy" if failure.reason == "busy" else "ehr-down") from None
        answered = True
        try:
            yield
        except NoAnswer:
            answered = False
            raise
        finally:
            server.leave(answered)

    def read(self, app: App, calls: Calls) -> Configuration:
        """The configuration of an EHR, cached for CACHE_SECONDS; raises LaunchFailed."""
        until, configuration = self._cached.get(app.issuer, (0.0, None))
        if configuration is not None and time.monotonic() < until:
            return configuration
        with self.limited(app):
            configuration = read_configuration(app, calls)
        self._cached[app.issuer] = time.monotonic() + CACHE_SECONDS, configuration
        return configuration


def read_configuration(app: App, calls: Calls) -> Configuration:
    """Asks an EHR for its configuration; raises LaunchFailed."""
    url, headers = f"{app.issuer}/{PATH}", {"Accept": "application/json"}
    try:
        answer = calls.send("GET", url, headers=headers, seconds=LAUNCH_SECONDS)
    except CallFailed:
        raise NoAnswer from None
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
