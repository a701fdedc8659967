"""The clients an operator knows: one JSON file, ``CDS_CLIENTS`` (``docs/operating.md``).

Each client says how its tokens are verified, which FHIR servers may be called for it, and what its
EHR can take (its dialect).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, ValidationError, model_validator

from cds_service.fhir_client import FhirPolicy

Algorithm = Literal["ES384", "RS384"]


class ClientsError(ValueError):
    """The clients file cannot be used; the message lists every problem in it."""


class Client(BaseModel):
    """One EHR. Field names are as in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    issuer: str | None = None
    jwks_file: Path | None = Field(default=None, alias="jwksFile")
    jwks_url: HttpUrl | None = Field(default=None, alias="jwksUrl")
    algorithms: tuple[Algorithm, ...] = ("ES384", "RS384")
    audiences: tuple[str, ...] = ()  # accepted beside the address called
    tenants: tuple[str, ...] = ()  # without any, every tenant is accepted
    fhir_servers: tuple[str, ...] = Field(default=(), alias="fhirServers")
    allow_private_addresses: bool = Field(default=False, alias="allowPrivateAddresses")
    selection_behaviors: tuple[Literal["any", "at-most-one"], ...] = Field(
        default=("any", "at-most-one"), alias="selectionBehaviors"
    )
    specification: Literal["1.0", "2.0", "3.0"] = "2.0"

    @model_validator(mode="after")
    def _keys_of_issuer(self) -> Client:
        if self.issuer and (self.jwks_file is None) == (self.jwks_url is None):
            raise ValueError("an issuer needs jwksFile or jwksUrl, one of them")
        return self

    def fhir_policy(self, development: bool) -> FhirPolicy:
        """Where prefetch may be fetched from; plain http to loopback in development only."""
        return FhirPolicy(
            self.fhir_servers, self.allow_private_addresses or development, development
        )


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    clients: tuple[Client, ...]


def read_clients(path: Path | None) -> tuple[Client, ...]:
    """The clients of a file, none without one; raises ClientsError."""
    if path is None:
        return ()
    try:
        found = _File.model_validate_json(path.read_bytes()).clients
    except OSError as error:
        raise ClientsError(f"{path}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        lines = [
            f"{path}: {'.'.join(str(s) for s in p['loc'])}: {p['msg']}" for p in error.errors()
        ]
        raise ClientsError("\n".join(lines)) from None
    for what, values in (
        ("id", [c.id for c in found]),
        ("issuer", [c.issuer for c in found if c.issuer]),
    ):
        twice = sorted({v for v in values if values.count(v) > 1})
        if twice:
            raise ClientsError(f"{path}: {what} used twice: {', '.join(twice)}")
    return found
