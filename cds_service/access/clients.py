"""The clients file of an operator, ``CDS_CLIENTS`` (``docs/integrating.md``).

Each client says how its tokens are verified, which FHIR servers may be called for it, and what its
EHR can take (its dialect).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from cds_service.access.addresses import DEVELOPMENT_HOSTS, read_address
from cds_service.access.fhir_access import FhirPolicy

Algorithm = Literal["ES384", "RS384"]
BOTH = 2


class ClientsError(ValueError):
    """The clients file cannot be used; the message lists every problem in it."""


def _https_bases(value: tuple[str, ...]) -> tuple[str, ...]:
    for base in value:
        address = read_address(base)
        if address is None:
            raise ValueError("must be base URLs without user, query or fragment, ';' or '..'")
        if address.scheme != "https" and address.host not in DEVELOPMENT_HOSTS:
            raise ValueError("must be https URLs")
    return value


def _beside(value: Path | None, info: ValidationInfo) -> Path | None:
    """Resolves a path from the folder of the clients file."""
    if value is None:
        return value
    path = Path((info.context or {}).get("folder", ".")) / value
    if not path.is_file():
        raise ValueError("there is no such file")
    return path


class SmartApp(BaseModel):
    """The intake form as an EHR knows it: a SMART app, registered there. ``issuer`` is the FHIR
    base URL the EHR launches it with, ``name`` what people read who choose among several; a secret,
    where there is one, is the whole of its file."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: str | None = None
    issuer: str
    client_id: Annotated[str, Field(alias="clientId", min_length=1)]
    client_secret_file: Path | None = Field(default=None, alias="clientSecretFile")
    scopes: tuple[Annotated[str, Field(pattern=r"^[\x21-\x7e]+$")], ...] = ()

    @field_validator("issuer")
    @classmethod
    def _base(cls, value: str) -> str:
        return _https_bases((value,))[0]

    @field_validator("client_secret_file")
    @classmethod
    def _file(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        path = _beside(value, info)
        if path is not None and not path.read_text(encoding="utf-8").strip():
            raise ValueError("the file is empty")
        return path

    def secret(self) -> SecretStr | None:
        """The client secret; None for a public app."""
        if self.client_secret_file is None:
            return None
        return SecretStr(self.client_secret_file.read_text(encoding="utf-8").strip())


class Client(BaseModel):
    """One EHR. Field names are as in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    issuer: str | None = None
    jwks_file: Path | None = Field(default=None, alias="jwksFile")
    jwks_url: str | None = Field(default=None, alias="jwksUrl")
    algorithms: tuple[Algorithm, ...] = ("ES384", "RS384")
    audiences: tuple[str, ...] = ()  # accepted beside the address called
    tenants: tuple[str, ...] = ()  # without any, every tenant is accepted
    fhir_servers: tuple[str, ...] = Field(default=(), alias="fhirServers")
    allow_private_addresses: bool = Field(default=False, alias="allowPrivateAddresses")
    selection_behaviors: tuple[Literal["any", "at-most-one"], ...] = Field(
        default=("any", "at-most-one"), alias="selectionBehaviors"
    )
    specification: Literal["1.0", "2.0", "3.0"] = "2.0"
    smart: SmartApp | None = None

    @field_validator("jwks_url")
    @classmethod
    def _https(cls, value: str | None) -> str | None:
        """Keeps the address as written: a token's ``jku`` must equal it."""
        if value is None:
            return value
        address = read_address(value.partition("?")[0])
        if address is None or not (address.scheme == "https" or address.host in DEVELOPMENT_HOSTS):
            raise ValueError("must be an https URL")
        return value

    @field_validator("fhir_servers")
    @classmethod
    def _bases(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _https_bases(value)

    @field_validator("algorithms", "selection_behaviors")
    @classmethod
    def _some(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("must name at least one")
        return value

    @field_validator("audiences", "tenants")
    @classmethod
    def _not_empty(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(entry.strip() for entry in value):
            raise ValueError("must not hold empty texts")
        return value

    @field_validator("jwks_file")
    @classmethod
    def _file(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        return _beside(value, info)

    @model_validator(mode="after")
    def _keys_of_issuer(self) -> Client:
        keys = [self.jwks_file, self.jwks_url].count(None)
        if self.issuer is not None and (not self.issuer.strip() or keys != 1):
            raise ValueError("an issuer needs a name, and jwksFile or jwksUrl, one of them")
        if self.issuer is None and keys != BOTH:
            raise ValueError("jwksFile and jwksUrl belong to an issuer")
        return self

    def fhir_policy(self, development: bool) -> FhirPolicy:
        """Returns the policy for fetching; plain http to loopback in development only."""
        return FhirPolicy(
            self.fhir_servers, self.allow_private_addresses or development, development
        )


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    clients: tuple[Client, ...]


def _place(url: str) -> str:
    """Normalizes a base URL: the same text for every spelling of one address."""
    address = read_address(url)
    return (
        url
        if address is None
        else f"{address.scheme}://{address.host}:{address.port}{address.path}"
    )


def reason_of(error: OSError) -> str:
    """Says why a file cannot be used; of a permission also for whom, which nobody can see from
    outside a container."""
    if isinstance(error, PermissionError):
        return f"{error.strerror} for user {os.geteuid()}, group {os.getegid()}"
    return str(error.strerror)


def read_clients(path: Path | None) -> tuple[Client, ...]:
    """Reads the clients of a file, none without one; raises ClientsError."""
    if path is None:
        return ()
    try:
        clients = _File.model_validate_json(
            path.read_bytes(), context={"folder": path.parent}
        ).clients
    except OSError as error:
        raise ClientsError(f"{path}: cannot be read: {reason_of(error)}") from None
    except ValidationError as error:
        lines = [
            f"{path}: {'.'.join(str(s) for s in p['loc'])}: {p['msg']}" for p in error.errors()
        ]
        raise ClientsError("\n".join(lines)) from None
    for what, values in (
        ("id", [c.id for c in clients]),
        ("issuer", [c.issuer for c in clients if c.issuer]),
        ("smart.issuer", [_place(c.smart.issuer) for c in clients if c.smart]),
    ):
        twice = sorted({v for v in values if values.count(v) > 1})
        if twice:
            raise ClientsError(f"{path}: {what} used twice: {', '.join(twice)}")
    return clients
