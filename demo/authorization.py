"""A SMART App Launch authorization server (SMART App Launch 2.2) for the demo and the tests.

The protocol is real: discovery, authorization code with PKCE (S256 and nothing else), ``state``,
``aud``, single-use codes, registered redirect addresses, an ``iss`` in the answer (RFC 9207), an
``id_token`` when ``openid`` is asked for. The sign-in is not: **nobody is asked for a password**,
and whoever opens the page may choose any of the made-up patients. It therefore belongs on a
loopback address only. Grants live in memory and are forgotten when the server stops.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jinja2 import Environment
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

LAUNCH_SECONDS = 300
CODE_SECONDS = 60
KEY_ID = "demo"
PAGE = Environment(autoescape=True).from_string(
    Path(__file__).with_name("authorize.html").read_text(encoding="utf-8")
)
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True)
class App:
    """A registered app: public without a ``secret``, confidential with one."""

    client_id: str
    redirect_uris: tuple[str, ...]
    secret: str | None = None


@dataclass(frozen=True)
class Context:
    """What an app is launched with."""

    patient: str
    encounter: str | None = None
    app_context: str | None = None
    user: str | None = None  # who signs in, such as "Practitioner/x"; None: the patient


@dataclass(frozen=True)
class Grant:
    """A code that was given out, and what must match when it is redeemed."""

    app: App
    context: Context
    redirect_uri: str
    challenge: str
    scope: str
    nonce: str | None
    expires: float


@dataclass(frozen=True)
class Token:
    """An access token's meaning."""

    context: Context
    scope: str
    expires: float


class Refused(Exception):
    """An OAuth error; the first argument is its code, the second its words."""


@dataclass
class Authorization:
    """The authorization server at ``base`` for the FHIR server at ``fhir_base``.

    ``people`` lists (id, label) of the patients one may choose. ``launches``, ``codes`` and
    ``tokens`` are open for tests to look into.
    """

    base: str
    fhir_base: str
    apps: tuple[App, ...]
    people: Callable[[], Iterable[tuple[str, str]]]
    origins: tuple[str, ...] = ()
    token_seconds: int = 3600
    launches: dict[str, tuple[Context, float]] = field(default_factory=dict)
    codes: dict[str, Grant] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    _redeemed: dict[str, str] = field(default_factory=dict)  # code -> the token it became

    @cached_property
    def key(self) -> rsa.RSAPrivateKey:
        """Signs id tokens."""
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def routes(self) -> Starlette:
        """The server as an ASGI application; paths are absolute."""
        path = self.fhir_base.removeprefix(self.base.removesuffix("/auth"))
        return Starlette(
            routes=[
                Route(f"{path}/.well-known/smart-configuration", self._configuration),
                Route("/auth/authorize", self._authorize),
                Route("/auth/token", self._token, methods=["POST"]),
                Route("/auth/keys", self._keys),
                Route("/auth/launches", self._launches, methods=["POST"]),
            ],
            middleware=[
                Middleware(
                    CORSMiddleware,
                    allow_origins=list(self.origins),
                    allow_methods=["GET", "POST"],
                    allow_headers=["Content-Type"],
                )
            ],
        )

    def launch(self, context: Context) -> str:
        """A new launch id, good once within five minutes."""
        launch = secrets.token_urlsafe(16)
        self.launches[launch] = (context, time.monotonic() + LAUNCH_SECONDS)
        return launch

    def token(self, value: str) -> Token | None:
        """What a bearer token stands for; None for an unknown or expired one."""
        found = self.tokens.get(value)
        return found if found and found.expires > time.monotonic() else None

    def forget(self) -> None:
        """Ends every launch, code and token."""
        for kept in (self.launches, self.codes, self.tokens, self._redeemed):
            kept.clear()

    # -- pages and endpoints -------------------------------------------------------------

    async def _configuration(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.base,
                "jwks_uri": f"{self.base}/keys",
                "authorization_endpoint": f"{self.base}/authorize",
                "token_endpoint": f"{self.base}/token",
                "grant_types_supported": ["authorization_code"],
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": [
                    "none",
                    "client_secret_basic",
                    "client_secret_post",
                ],
                "authorization_response_iss_parameter_supported": True,
                "scopes_supported": [
                    "launch",
                    "launch/patient",
                    "openid",
                    "fhirUser",
                    "patient/*.*",
                ],
                "capabilities": [
                    "launch-ehr",
                    "launch-standalone",
                    "client-public",
                    "client-confidential-symmetric",
                    "sso-openid-connect",
                    "context-ehr-patient",
                    "context-ehr-encounter",
                    "context-standalone-patient",
                    "permission-patient",
                    "permission-v1",
                    "permission-v2",
                ],
            }
        )

    async def _authorize(self, request: Request) -> Response:
        """Redirects with a code for an EHR launch; without one asks which patient it is."""
        asked = dict(request.query_params)
        app = next((a for a in self.apps if a.client_id == asked.get("client_id")), None)
        if app is None or asked.get("redirect_uri") not in app.redirect_uris:
            return _page(400, problem="This app or its return address is not registered here.")
        try:
            self._check(asked)
            if "decline" in asked:
                raise Refused("access_denied", "The person did not agree.")
            context = self._context(asked)
        except Refused as refusal:
            return self._back(asked, error=refusal.args[0], error_description=refusal.args[1])
        if context is None:
            return _page(
                200, app=app, people=self._choices(asked), decline=_again(asked, decline="1")
            )
        return self._back(asked, code=self._code(app, asked, context))

    def _check(self, asked: Mapping[str, str]) -> None:
        if asked.get("response_type") != "code":
            raise Refused("unsupported_response_type", "response_type must be code.")
        if not asked.get("state"):
            raise Refused("invalid_request", "state is required.")
        if asked.get("code_challenge_method") != "S256" or not asked.get("code_challenge"):
            raise Refused("invalid_request", "code_challenge with method S256 is required.")
        if asked.get("aud", "").rstrip("/") != self.fhir_base:
            raise Refused("invalid_request", "aud must be the FHIR server's address.")

    def _context(self, asked: Mapping[str, str]) -> Context | None:
        """The context of an EHR launch or of the patient chosen; None while none is."""
        if "launch" in asked:
            context, expires = self.launches.pop(asked["launch"], (None, 0.0))
            if context is None or expires < time.monotonic():
                raise Refused("invalid_request", "launch is unknown, used or expired.")
            return context
        chosen = asked.get("patient")
        return Context(chosen) if chosen in {person for person, _ in self.people()} else None

    def _choices(self, asked: Mapping[str, str]) -> list[tuple[str, str]]:
        return [(label, _again(asked, patient=person)) for person, label in self.people()]

    def _code(self, app: App, asked: Mapping[str, str], context: Context) -> str:
        code = secrets.token_urlsafe(32)
        self.codes[code] = Grant(
            app=app,
            context=context,
            redirect_uri=asked["redirect_uri"],
            challenge=asked["code_challenge"],
            scope=asked.get("scope", ""),
            nonce=asked.get("nonce"),
            expires=time.monotonic() + CODE_SECONDS,
        )
        return code

    def _back(self, asked: Mapping[str, str], **answer: str) -> Response:
        answer |= {"state": asked["state"]} if "state" in asked else {}
        sent = urlencode(answer | {"iss": self.base})
        return RedirectResponse(f"{asked['redirect_uri']}?{sent}", 302)

    async def _token(self, request: Request) -> Response:
        sent = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        headers = {"Cache-Control": "no-store"}
        try:
            return JSONResponse(self._redeem(sent, _basic(request)), headers=headers)
        except Refused as refusal:
            code, words = refusal.args
            status = 401 if code == "invalid_client" else 400
            return JSONResponse({"error": code, "error_description": words}, status, headers)

    def _redeem(self, sent: Mapping[str, str], basic: tuple[str, str] | None) -> dict[str, Any]:
        app = self._client(sent, basic)
        if sent.get("grant_type") != "authorization_code":
            raise Refused("unsupported_grant_type", "Only authorization_code is supported.")
        code = sent.get("code", "")
        grant = self.codes.pop(code, None)
        if grant is None:
            self.tokens.pop(self._redeemed.pop(code, ""), None)  # used twice: RFC 6749 4.1.2
            raise Refused("invalid_grant", "The code is unknown or was used.")
        if grant.app != app or grant.expires < time.monotonic():
            raise Refused("invalid_grant", "The code is expired or another app's.")
        if grant.redirect_uri != sent.get("redirect_uri"):
            raise Refused("invalid_grant", "redirect_uri is not the one the code was sent to.")
        if not hmac.compare_digest(_challenge(sent.get("code_verifier", "")), grant.challenge):
            raise Refused("invalid_grant", "code_verifier does not fit code_challenge.")
        answer = self._answer(grant)
        self._redeemed[code] = answer["access_token"]
        return answer

    def _client(self, sent: Mapping[str, str], basic: tuple[str, str] | None) -> App:
        name, secret = basic or (sent.get("client_id", ""), sent.get("client_secret", ""))
        app = next((a for a in self.apps if a.client_id == name), None)
        if app is None or not hmac.compare_digest(app.secret or "", secret):
            raise Refused("invalid_client", "The app is unknown or its secret is wrong.")
        return app

    def _answer(self, grant: Grant) -> dict[str, Any]:
        value, context = secrets.token_urlsafe(32), grant.context
        expires = time.monotonic() + self.token_seconds
        self.tokens[value] = Token(context, grant.scope, expires)
        answer: dict[str, Any] = {
            "access_token": value,
            "token_type": "Bearer",
            "expires_in": self.token_seconds,
            "scope": grant.scope,
            "patient": context.patient,
            "need_patient_banner": True,
        }
        if context.encounter:
            answer["encounter"] = context.encounter
        if context.app_context:
            answer["appContext"] = context.app_context
        if "openid" in grant.scope.split():
            answer["id_token"] = self._id_token(grant)
        return answer

    def _id_token(self, grant: Grant) -> str:
        now, patient = int(time.time()), f"Patient/{grant.context.patient}"
        claims = {
            "iss": self.base,
            "sub": f"demo-{grant.context.patient}",
            "aud": grant.app.client_id,
            "iat": now,
            "exp": now + 300,
            "fhirUser": f"{self.fhir_base}/{grant.context.user or patient}",
        }
        claims |= {"nonce": grant.nonce} if grant.nonce else {}
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": KEY_ID})

    async def _keys(self, _request: Request) -> Response:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return JSONResponse({"keys": [{**public, "kid": KEY_ID, "use": "sig", "alg": "RS256"}]})

    async def _launches(self, request: Request) -> Response:
        """Makes a launch id: ``{"patient": id, "encounter"?: id, "appContext"?: text}`` ->
        ``{"launch": id, "iss": FHIR base}``. The clinic page, standing for an EHR, calls it."""
        try:
            body = await request.json()
            context = Context(
                body["patient"], body.get("encounter"), body.get("appContext"), body.get("user")
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return JSONResponse({"error": "Send JSON with the id of a patient."}, 400)
        if context.patient not in {person for person, _ in self.people()}:
            return JSONResponse({"error": "There is no such patient."}, 404)
        return JSONResponse({"launch": self.launch(context), "iss": self.fhir_base})


def _page(status: int, **words: Any) -> Response:
    headers = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(PAGE.render(**words), status, headers)


def _again(asked: Mapping[str, str], **more: str) -> str:
    """The same question with more said."""
    return "?" + urlencode({**asked, **more})


def _basic(request: Request) -> tuple[str, str] | None:
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(sent).decode().partition(":")
    except ValueError:
        return None
    return name, secret


def _challenge(verifier: str) -> str:
    """RFC 7636 4.2."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
