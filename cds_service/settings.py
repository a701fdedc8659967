"""Every setting: an environment variable with the prefix ``CDS_`` (README, table "Settings")."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read from the environment; raises ``pydantic.ValidationError`` on a value that cannot be."""

    model_config = SettingsConfigDict(env_prefix="CDS_", extra="ignore", frozen=True)

    public_base_url: str = Field(
        default="http://127.0.0.1:8080",
        description="The address clients call, without a trailing slash; links start with it.",
    )
    auth: Literal["off"] = Field(
        description="Client authentication. Only `off` exists so far, and it must be said: "
        "run the service where only the EHR can reach it.",
    )
    content: Path | None = Field(
        default=None,
        description="Folder that holds the content folders; without it, the content shipped.",
    )
    serve_draft: bool = Field(
        default=True,
        description="Serve content that clinicians have not approved. All content is draft so far.",
    )
    max_body_bytes: int = Field(
        default=10_000_000, ge=1_000, description="Largest request body, in bytes."
    )
    workers: int = Field(default=2, ge=1, le=64, description="Worker processes of `serve`.")
    threads: int = Field(default=8, ge=1, le=64, description="Threads of each worker.")

    @field_validator("public_base_url")
    @classmethod
    def _absolute(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")
