"""Every setting: an environment variable with the prefix ``CDS_`` (docs/reference.md)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cds_service.access.addresses import DEVELOPMENT_HOSTS, read_address
from cds_service.access.clients import reason_of

BASE = "https://ehr.example.org/r4"
ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-]+(:\d+)?|https?://\[[0-9a-f:]+\](:\d+)?")
AGES = re.compile(r"(\d{1,3})-(\d{1,3})")


class Settings(BaseSettings):
    """Read from the environment; raises ``pydantic.ValidationError`` on a value that cannot be."""

    model_config = SettingsConfigDict(
        env_prefix="CDS_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    public_base_url: str = Field(
        default="http://127.0.0.1:8080",
        description="The address clients call; links and token audiences start with it.",
    )
    auth: Literal["required", "optional", "off"] = Field(
        default="required",
        description="Client tokens: `required`; `optional` (checked when sent); `off`, for "
        "development on a loopback address.",
    )
    clients: Path | None = Field(
        default=None,
        description="JSON file of the clients: issuers, keys, FHIR servers, dialects.",
    )
    fhir_servers: str = Field(
        default="",
        description="FHIR base URLs, separated by commas, that may be called for calls without a "
        "token (`off` and `optional`).",
    )
    smart_issuer: str = Field(
        default="",
        description="FHIR base URL of an EHR that opens the form as a SMART app, for calls without "
        "a token; clients of the file have a `smart` entry of their own.",
    )
    smart_client_id: str = Field(
        default="dyspareunia-cds", description="The client id that EHR knows the form by."
    )
    fetch_seconds: float = Field(
        default=2.5, gt=0, le=30, description="Time to fetch all prefetch that was not sent."
    )
    fetch_pages: int = Field(default=10, ge=1, description="Most pages of one search.")
    fetch_bytes: int = Field(
        default=10_000_000, ge=1_000, description="Most bytes fetched for one prefetch key."
    )
    cors_origins: str = Field(
        default="", description="Origins of browser clients, separated by commas."
    )
    content: Annotated[tuple[Path, ...] | None, NoDecode] = Field(
        default=None,
        description="Folder that holds the content folders; without it, the content shipped. "
        "Several, separated by commas, are topics of their own, the first one the main topic.",
    )
    serve_draft: bool = Field(
        default=True,
        description="Serve content that clinicians have not approved. All content is draft so far.",
    )
    vignette_results: Path = Field(
        default=Path("var/vignettes.json"),
        description="File where `check` leaves what the vignettes found, for the content pages.",
    )
    clinic_url: str | None = Field(
        default=None, description="Address of a clinic page to try; the start page links to it."
    )
    code_maps: Path | None = Field(
        default=None,
        description="Folder of FHIR ConceptMaps from the site's own codes to the value sets.",
    )
    site_words: Annotated[dict[str, str], NoDecode] = Field(
        default={},
        description="The site's own words for the placeholders in the form's texts, as JSON: "
        '`{"site emergency number": "...", "site help-line": "...", "site crisis line": "..."}`.',
    )
    forms_a_minute: int = Field(
        default=600,
        ge=1,
        description="Most forms and sign-ins that may be begun in a minute, in one worker.",
    )
    trusted_proxies: str = Field(
        default="",
        description="Networks of the proxies in front, separated by commas, whose X-Forwarded-For "
        "is believed, or `none` where there is no proxy. With it, one client address may begin 30 "
        "forms and sign-ins a minute.",
    )
    form_canonicals: str = Field(
        default="",
        description="Further urls, separated by commas, by which responses name the intake form.",
    )
    show_initials: bool = Field(
        default=True,
        description="Show the initials of who is signed in at the foot of the form's pages.",
    )
    restricted_ages: str = Field(
        default="",
        description="Ages in whole years, such as `12-17`, at which a whole response to the form "
        "is labelled restricted, or `none`; without it, those the Questionnaire says.",
    )
    silent: str = Field(
        default="",
        description="Services and plans, by their ids and separated by commas, that are evaluated "
        "and recorded, and never shown: emergencies included.",
    )
    database_url: str = Field(
        default="sqlite:///var/cds.sqlite3",
        description="The store: SQLite, or PostgreSQL as `postgresql+psycopg://...`.",
    )
    key_file: Path = Field(
        default=Path("var/cds.key"),
        description="File with the key of the hashes in the store; made when it is not there.",
    )
    suppress_repeats: bool = Field(
        default=True, description="Hold back cards that were accepted or overridden before."
    )
    retention_days: int = Field(
        default=365, ge=1, description="Days that `purge` keeps calls and feedback."
    )
    report_token: SecretStr | None = Field(
        default=None,
        description="Bearer token that opens `/reports`; without it the reports are not served.",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        description="Bearer token that opens `/metrics`; without it whoever reaches the address "
        "can read the numbers.",
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto",
        description="Log lines as `json` or `text`; `auto` is text on a terminal and without "
        "authentication, else JSON.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level of our own log lines."
    )
    max_body_bytes: int = Field(
        default=10_000_000, ge=1_000, description="Largest request body, in bytes."
    )
    workers: int = Field(default=2, ge=1, le=64, description="Worker processes of `serve`.")
    threads: int = Field(default=8, ge=1, le=64, description="Threads of each worker.")

    @field_validator("public_base_url", "clinic_url")
    @classmethod
    def _absolute(cls, value: str | None) -> str | None:
        if value and read_address(value) is None:
            raise ValueError(
                "must start with http:// or https:// and a host, as "
                "https://cds.example.org does, without user, query or fragment"
            )
        return value.rstrip("/") if value else None

    @field_validator("content", mode="before")
    @classmethod
    def _folders(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(map(Path, listed(value))) or None
        return (value,) if isinstance(value, Path) else value

    @field_validator("site_words", mode="before")
    @classmethod
    def _words(cls, value: Any) -> Any:
        try:
            return json.loads(value) if isinstance(value, str) else value
        except json.JSONDecodeError:
            raise ValueError('must be a JSON object such as {"site help-line": "..."}') from None

    @field_validator("restricted_ages")
    @classmethod
    def _ages(cls, value: str) -> str:
        found = AGES.fullmatch(value)
        if value not in ("", "none") and not (found and int(found[1]) <= int(found[2])):
            raise ValueError("must be two ages such as 12-17, the lower one first, or none")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        try:
            for name in () if value in ("", "none") else value.split(","):
                ip_network(name.strip())
        except ValueError:
            raise ValueError("must be networks such as 10.0.0.0/8, or none") from None
        return value

    @field_validator("fhir_servers")
    @classmethod
    def _bases(cls, value: str) -> str:
        if not all(read_address(base) for base in listed(value)):
            raise ValueError(f"must be base URLs such as {BASE}, without user, query or fragment")
        return value

    @field_validator("smart_issuer")
    @classmethod
    def _base(cls, value: str) -> str:
        address = read_address(value)
        if value and (
            address is None or not (address.scheme == "https" or address.host in DEVELOPMENT_HOSTS)
        ):
            raise ValueError(f"must be a base URL such as {BASE}, without user, query or fragment")
        return value.rstrip("/")

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: str) -> str:
        if not all(ORIGIN.fullmatch(origin) for origin in listed(value)):
            raise ValueError("must be origins such as https://ehr.example.org, without a path")
        return value

    @property
    def age_range(self) -> tuple[int, int] | None:
        """The site's restricted ages; (1, 0), which holds nobody, for none of them; None where the
        Questionnaire decides."""
        found = AGES.fullmatch(self.restricted_ages)
        if found:
            return int(found[1]), int(found[2])
        return (1, 0) if self.restricted_ages else None

    @property
    def development(self) -> bool:
        """Authentication is off: plain http and private addresses are then in order."""
        return self.auth == "off"


def read_settings() -> Settings:
    """The settings of the environment; raises RuntimeError with a sentence for each wrong one."""
    try:
        return Settings()
    except ValidationError as error:
        raise RuntimeError("\n".join(sentences(error, Settings.model_fields))) from None


def unknown_settings() -> list[str]:
    """Variables that look like settings and are none: misspelt, or of another release."""
    known = {f"CDS_{name.upper()}" for name in Settings.model_fields}
    return sorted(name for name in os.environ if name.startswith("CDS_") and name not in known)


def listed(text: str) -> tuple[str, ...]:
    """The entries of a comma-separated setting."""
    return tuple(entry.strip() for entry in text.split(",") if entry.strip())


# -- sentences for settings that cannot be -----------------------------------------------------

# Bounds of a number (annotated_types) in words.
BOUNDS = (("ge", "at least {}"), ("gt", "more than {}"), ("le", "at most {}"))


@contextmanager
def blamed(variable: str) -> Iterator[None]:
    """Returns what goes wrong inside is told as this variable's fault: RuntimeError in one
    sentence."""
    try:
        yield
    except OSError as error:
        words = f"{variable}={error.filename} cannot be used: {reason_of(error)}"
        raise RuntimeError(f"{words}; name one that can be read and written") from None
    except ValueError as error:
        raise RuntimeError(f"{variable} cannot be used: {error}") from None


def sentences(error: ValidationError, fields: Mapping[str, FieldInfo]) -> Iterator[str]:
    """One sentence for each setting that is wrong; none repeats the value, which may be secret."""
    for problem in error.errors(include_input=False, include_url=False):
        name = str(problem["loc"][0])
        ours = problem.get("ctx", {}).get("error")  # a ValueError of a validator
        yield f"CDS_{name.upper()} {ours or f'must be {expected(fields[name])}'}."


def expected(field: FieldInfo) -> str:
    """Returns what a setting takes, from its type and its bounds."""
    kind = _without_none(field.annotation)
    if get_origin(kind) is Literal:
        *others, last = get_args(kind)
        return f"{', '.join(others)} or {last}"
    if kind in (int, float):
        whole = "a whole number" if kind is int else "a number"
        return ", ".join([whole, *_bounds(field)])
    return {bool: "true or false", Path: "a path", str: "a text"}.get(
        kind, "a JSON object of texts"
    )


def _without_none(annotation: Any) -> Any:
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
    optional = type(None) in get_args(annotation)
    return kinds[0] if optional else annotation


def _bounds(field: FieldInfo) -> Iterator[str]:
    for constraint in field.metadata:
        for attribute, words in BOUNDS:
            if hasattr(constraint, attribute):
                yield words.format(getattr(constraint, attribute))
