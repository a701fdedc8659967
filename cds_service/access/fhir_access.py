"""Which FHIR server may be read: by an operator's policy, and by what one call brings."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class FhirPolicy:
    """The FHIR servers of a client that may be read: ``bases`` are URLs, none without any."""

    bases: tuple[str, ...] = ()
    allow_private: bool = False  # addresses that are not reachable from the internet
    allow_http: bool = False  # plain http, to loopback only


@dataclass(frozen=True, slots=True)
class FhirAccess:
    """The server to read, the token for it, and the patient to read about.

    ``token`` is sent to ``server`` and nowhere else; ``token_patient`` is the id of the patient
    whose data the token opens, where the caller says so (``docs/conformance.md`` 3.4).
    """

    server: str | None
    token: SecretStr | None
    patient_id: str
    encounter_id: str | None = None
    token_patient: str | None = None
