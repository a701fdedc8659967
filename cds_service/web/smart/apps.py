"""The EHRs this form is registered with as a SMART app: an allow-list by FHIR base URL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import SecretStr

from cds_service.access.addresses import read_address
from cds_service.access.clients import Client, SmartApp
from cds_service.access.fhir_access import FhirPolicy


@dataclass(frozen=True, slots=True)
class App:
    """The form as one EHR knows it; ``issuer`` is the EHR's FHIR base URL without a slash at the
    end, ``policy`` what may be called for it, ``name`` what people know it by."""

    client: str  # id in the clients file
    name: str
    issuer: str
    client_id: str
    secret: SecretStr | None
    scopes: tuple[str, ...]  # asked for as they are; without any they follow from the content
    policy: FhirPolicy


class Apps:
    """Every EHR that may open the form."""

    def __init__(self, clients: Iterable[Client], development: bool) -> None:
        self._apps = {
            read_address(c.smart.issuer): _app(c, c.smart, development) for c in clients if c.smart
        }

    def find(self, issuer: str) -> App | None:
        """The app of an issuer; None for one that is not listed, or is no address."""
        address = read_address(issuer)
        return self._apps.get(address) if address else None

    def __iter__(self) -> Iterator[App]:
        return iter(self._apps.values())

    def __len__(self) -> int:
        return len(self._apps)


def _app(client: Client, smart: SmartApp, development: bool) -> App:
    policy = client.fhir_policy(development)
    return App(
        client=client.id,
        name=smart.name or client.id,
        issuer=smart.issuer.rstrip("/"),
        client_id=smart.client_id,
        secret=smart.secret(),
        scopes=smart.scopes,
        policy=FhirPolicy((smart.issuer,), policy.allow_private, policy.allow_http),
    )


def scopes(
    app: App, types: Iterable[str], *, launched: bool, second_syntax: bool, identifies: bool = False
) -> str:
    """Returns what to ask for: the operator's words, or to read the patient and the given resource
    types and to write QuestionnaireResponses, and nothing else. ``second_syntax``: SMART 2
    (``.rs``); ``identifies``: and who signs in."""
    launch = "launch" if launched else "launch/patient"
    if app.scopes:
        return " ".join(dict.fromkeys((launch, *app.scopes)))
    read = [f"patient/{t}.{'rs' if second_syntax else 'read'}" for t in sorted({*types, "Patient"})]
    written = ("crus",) if second_syntax else ("read", "write")
    write = [f"patient/QuestionnaireResponse.{word}" for word in written]
    who = ("openid", "fhirUser") if identifies else ()
    return " ".join((launch, *who, *read, *write))
