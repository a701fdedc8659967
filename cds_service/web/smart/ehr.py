"""An EHR as the form sees it after a sign-in: the chart to read, and where the answers go."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
import orjson
from pydantic import SecretStr

from cds_service.access.fhir_access import FhirAccess
from cds_service.access.fhir_client import FhirClient
from cds_service.access.fhir_server import FetchFailed
from cds_service.decision.record import ENCOUNTER
from cds_service.web.smart.apps import App
from cds_service.web.smart.http import CallFailed, Calls

KIND = "QuestionnaireResponse"
FHIR_JSON = "application/fhir+json"
CREATED = 201
DONE = ("completed", "amended")
SIGNED_OUT = 401
GONE = (404, 410)
CONFLICT = (409, 412)
BUSY = (408, 425, 429)  # and every status from 500 on: the same call may work later
SERVER_FAULT = 500
TRIES = 2  # of an update that somebody else got in between
FHIR_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")  # R4 id


class EhrUnavailable(Exception):
    """The EHR does not answer now; the same may be tried again, and nothing is written twice."""


class EhrRefused(Exception):
    """The EHR will not do this; trying the same again does not help."""


class SignInAgain(EhrRefused):
    """The login has ended: signing in again lets the person go on."""


@dataclass(frozen=True, slots=True)
class EhrLogin:
    """A sign-in at one EHR for one patient. ``issuer`` is the FHIR base URL; ``patient`` and
    ``encounter`` are ids; ``expires`` is aware; ``app_context`` names the form a card offered, as
    this service wrote it (``app_context.read``)."""

    issuer: str
    access_token: SecretStr
    patient: str
    expires: datetime
    encounter: str | None = None
    token_type: str = "Bearer"  # noqa: S105 - a kind of token, not one
    app_context: dict[str, str] | None = None
    user: str | None = None  # the professional who answers, as type and id; None: the patient

    def as_json(self) -> dict[str, Any]:
        """For ``Session.ehr``, which is kept encrypted: the token is in it."""
        return {
            "issuer": self.issuer,
            "access_token": self.access_token.get_secret_value(),
            "patient": self.patient,
            "encounter": self.encounter,
            "expires": self.expires.isoformat(),
            "token_type": self.token_type,
            "app_context": self.app_context,
            "user": self.user,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> EhrLogin:
        """The login that ``as_json`` wrote."""
        return cls(
            issuer=kept["issuer"],
            access_token=SecretStr(kept["access_token"]),
            patient=kept["patient"],
            encounter=kept["encounter"],
            expires=datetime.fromisoformat(kept["expires"]),
            token_type=kept["token_type"],
            app_context=kept["app_context"],
            user=kept.get("user"),
        )


class EhrConnection:
    """Reads and writes for one login at ``now``; ``queries`` (key -> template, as discovery writes
    them) are what the form can be filled in from."""

    def __init__(
        self, login: EhrLogin, app: App, fhir: FhirClient, queries: Mapping[str, str], now: datetime
    ) -> None:
        self.login = login
        self.app = app
        self.fhir = fhir
        self.queries = queries
        self.now = now
        self.calls = Calls(fhir.connection(app.policy.allow_private), app.policy)

    # -- reading -----------------------------------------------------------------------

    def launch_resources(self) -> dict[str, Any]:
        """Key -> resource or Bundle, of what could be read. What could not is left out: the form is
        then answered by hand. Raises SignInAgain."""
        login = self._signed_in()
        queries = dict(self.queries)
        if login.encounter:
            queries[ENCOUNTER] = "Encounter/{{context.encounterId}}"
        else:
            queries.pop(ENCOUNTER, None)
        access = FhirAccess(
            login.issuer, login.access_token, login.patient, login.encounter, login.patient
        )
        fetched = self.fhir.fetch(access, queries, self.app.policy)
        return {key: value for key, value in fetched.items() if not isinstance(value, FetchFailed)}

    # -- writing -----------------------------------------------------------------------

    def save_response(self, response: Mapping[str, Any]) -> str:
        """Writes a response once and returns its id on the EHR (idempotent).

        Its ``identifier``, which it must have, finds what an earlier try wrote whose answer was
        lost. Subject, encounter, author and source are set here. Raises EhrUnavailable, EhrRefused
        (of which SignInAgain).
        """
        self._signed_in()
        ours = {**response, **self._about()}
        written = self._find(ours)
        return self._create(ours) if written is None else self._update(written, ours)

    def _about(self) -> dict[str, Any]:
        """The patient answered, about themself, or a professional recorded what was observed."""
        patient = {"reference": f"Patient/{self.login.patient}"}
        about: dict[str, Any] = {"subject": patient, "author": patient, "source": patient}
        if self.login.user:
            about = {"subject": patient, "author": {"reference": self.login.user}}
        if self.login.encounter:
            about["encounter"] = {"reference": f"Encounter/{self.login.encounter}"}
        return about

    def _find(self, ours: Mapping[str, Any]) -> dict[str, Any] | None:
        """Returns what was written under the identifier before."""
        answer = self._send("GET", f"{KIND}?{_by_identifier(ours)}")
        entries = _body(answer).get("entry")
        found = [
            e["resource"]
            for e in (entries if isinstance(entries, list) else ())
            if isinstance(e, dict) and _is_response(e.get("resource"))
        ]
        named = (r for r in found if _identifier(r) == _identifier(ours))
        return next(named, None)

    def _read(self, response_id: str) -> dict[str, Any] | None:
        answer = self._send("GET", f"{KIND}/{quote(response_id, safe='')}", may_be=GONE)
        if answer.status_code in GONE:
            return None
        return _response(answer)

    def _create(self, ours: Mapping[str, Any]) -> str:
        """The id after a conditional create (R4 http 3.1.0.8.1): of the new response, or of one
        that somebody made in the meantime."""
        headers = {"If-None-Exist": _by_identifier(ours), "Prefer": "return=representation"}
        answer = self._send("POST", KIND, ours, headers)
        if answer.status_code == CREATED:
            # Where it is, by its address (R4 3.1.0.8); some servers send the resource only.
            steps = answer.headers.get("Location", "").partition("/_history/")[0].split("/")
            return _checked_id(steps[-1] if KIND in steps[-2:-1] else _response(answer).get("id"))
        found = self._find(ours)
        if found is None:
            raise EhrUnavailable("the EHR says it has the response and does not find it")
        return self._update(found, ours)

    def _update(self, found: dict[str, Any], ours: Mapping[str, Any]) -> str:
        """Writes our answers over the EHR's where they differ; returns the id."""
        for _ in range(TRIES):
            id_ = _checked_id(found.get("id"))
            if found.get("item") == ours.get("item") and found.get("status") in DONE:
                return id_
            body = {**ours, "id": id_, "status": "amended"}
            version = (found.get("meta") or {}).get("versionId")
            headers = {"If-Match": f'W/"{version}"'} if isinstance(version, str) else {}
            answer = self._send("PUT", f"{KIND}/{id_}", body, headers, may_be=CONFLICT)
            if answer.status_code not in CONFLICT:
                return id_
            newer = self._read(id_)
            if newer is None:
                break
            found = newer
        raise EhrUnavailable("the response is being changed by somebody else")

    # -- sending -----------------------------------------------------------------------

    def _signed_in(self) -> EhrLogin:
        if self.login.expires <= self.now:
            raise SignInAgain("the login has ended")
        return self.login

    def _send(
        self,
        method: str,
        path: str,
        resource: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        may_be: tuple[int, ...] = (),
    ) -> httpx.Response:
        """The answer to a call on the FHIR base, of an acceptable status; raises for others."""
        sent = {
            "Accept": FHIR_JSON,
            "Authorization": f"Bearer {self.login.access_token.get_secret_value()}",
            **(headers or {}),
        }
        content = None
        if resource is not None:
            sent["Content-Type"] = FHIR_JSON
            content = orjson.dumps(resource)
        try:
            answer = self.calls.send(
                method, f"{self.app.issuer}/{path}", headers=sent, content=content
            )
        except CallFailed as failure:
            raise EhrUnavailable(str(failure)) from None
        status = answer.status_code
        if answer.is_success or status in may_be:
            return answer
        if status == SIGNED_OUT:
            raise SignInAgain("the EHR no longer accepts the login")
        if status in BUSY or status >= SERVER_FAULT:
            raise EhrUnavailable(f"the EHR answered {status}")
        raise EhrRefused(f"the EHR answered {status}")


def _by_identifier(ours: Mapping[str, Any]) -> str:
    identifier = ours["identifier"]
    token = f"{identifier['system']}|{identifier['value']}"
    return f"identifier={quote(token, safe='')}"


def _identifier(response: Mapping[str, Any]) -> Any:
    identifier = response.get("identifier")
    return identifier.get("value") if isinstance(identifier, dict) else None


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise EhrUnavailable("the EHR's answer cannot be read")
    return body


def _is_response(resource: Any) -> bool:
    return isinstance(resource, dict) and resource.get("resourceType") == KIND


def _response(answer: httpx.Response) -> dict[str, Any]:
    body = _body(answer)
    if not _is_response(body):
        raise EhrUnavailable("the EHR's answer is no QuestionnaireResponse")
    return body


def _checked_id(found: Any) -> str:
    """An id that goes into a path."""
    if not isinstance(found, str) or not FHIR_ID.fullmatch(found):
        raise EhrUnavailable("the EHR gave the response no usable id")
    return found
