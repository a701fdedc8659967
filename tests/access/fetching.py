"""How the fetching tests ask: one request, one policy, and a call path that really fetches."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from pydantic import SecretStr

from cds_service.access.fhir_access import FhirAccess, FhirPolicy
from cds_service.access.fhir_client import FhirClient, Limits
from cds_service.access.fhir_server import FetchFailed
from cds_service.content import Content
from cds_service.fhir.errors import Issue, MissingFacts
from cds_service.hooks.pipeline import Pipeline
from tests.support.clinic import MAKE_UUID, NOW
from tests.support.hostile_fhir import HostileServer

CANARY = "canary-access-token"
PERSON = {"resourceType": "Patient", "id": "person", "birthDate": "1990-03-01"}
PATIENT = {"patient": "Patient/{{context.patientId}}"}
CONDITIONS = {"conditions": "Condition?patient={{context.patientId}}"}
LIMITS = Limits(seconds=1.0, pages=3, size=100_000)
IN_TIME = 2.0  # what a busy machine may add to a limit


def asked(fhir_server: str | None, **changes: Any) -> FhirAccess:
    """The access of a call that brought no prefetch."""
    whole: dict[str, Any] = {
        "server": fhir_server,
        "token": SecretStr(CANARY),
        "patient_id": "person",
    }
    return FhirAccess(**{**whole, **changes})


def allowed(*bases: str) -> FhirPolicy:
    """A policy for servers on this machine."""
    return FhirPolicy(bases, allow_private=True, allow_http=True)


def one(
    client: FhirClient, server: HostileServer, queries: Mapping[str, str] = PATIENT, **changes: Any
) -> Any:
    """What came of one query."""
    (outcome,) = client.fetch(
        asked(changes.pop("base", server.base), **changes), queries, allowed(server.base)
    ).values()
    return outcome


def words(outcome: Any) -> str:
    """Why a fetch failed; fails itself when it did not."""
    assert isinstance(outcome, FetchFailed), outcome
    return str(outcome)


def page(entries: Iterable[Mapping[str, Any]] = (), following: str | None = None) -> dict[str, Any]:
    """A searchset, perhaps with a link to the next page."""
    found: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": dict(e)} for e in entries],
    }
    return found if following is None else {**found, "link": next_link(following)}


def next_link(url: str) -> list[dict[str, str]]:
    return [{"relation": "self", "url": "x"}, {"relation": "next", "url": url}]


class Visits:
    """The call path of the service with its prefetch fallback on."""

    def __init__(self, content: Content, client: FhirClient, policy: FhirPolicy) -> None:
        self.pipeline = Pipeline(content, "https://example.org/intake", make_uuid=MAKE_UUID)
        self.fetch = partial(client.fetch, policy=policy)

    def cards(self, body: dict[str, Any], now: datetime = NOW) -> list[dict[str, Any]]:
        """The cards of a call."""
        service = self.pipeline.service_for(body["hook"])
        return self.pipeline.answer(service, body, now, self.fetch).cards

    def refusal(self, body: dict[str, Any]) -> Issue:
        """The one issue of a call that cannot be answered."""
        with pytest.raises(MissingFacts) as error:
            self.cards(body)
        (issue,) = error.value.issues
        return issue


def asking(body: Mapping[str, Any], server: str, *keys: str) -> dict[str, Any]:
    """A call that names a FHIR server and brings these prefetch keys only."""
    kept = {k: v for k, v in body["prefetch"].items() if k in keys}
    opened = {"fhirServer": server, "fhirAuthorization": {"access_token": CANARY}}
    return {**body, "prefetch": kept, **opened}


class Names:
    """Stands for the resolver: names are what a test says, addresses are themselves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.known: dict[str, list[str]] = {}
        self.asked: list[str] = []
        real = socket.getaddrinfo

        def resolve(host: Any, port: Any, *args: Any, **more: Any) -> Any:
            self.asked.append(str(host))
            if host not in self.known:
                try:
                    return real(host, port, *args, flags=socket.AI_NUMERICHOST, **more)
                except socket.gaierror:
                    raise socket.gaierror(socket.EAI_NONAME, "unknown") from None
            return [_found(address, int(port)) for address in self.known[host]]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)


def _found(address: str, port: int) -> tuple[Any, ...]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    place = (address, port, 0, 0) if ":" in address else (address, port)
    return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", place
