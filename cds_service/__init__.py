"""Dyspareunia CDS: clinical decision support for pain with sex, served through CDS Hooks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from cds_service.settings import Settings


def utc_now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


def create_app(settings: Settings, clock: Callable[[], datetime] = utc_now) -> Flask:
    """The WSGI application over the content of the settings.

    Raises ``content.ContentError`` with every finding when the content cannot be served,
    and ``RuntimeError``, in a sentence, when the settings or what they name do not
    fit together. The store is brought up to date; one that cannot be reached is no reason not to
    start (``/health/ready`` says so).
    """
    # Imported here so that `cds_service.fhirpath` can be used without the web stack.
    from cds_service.app.assembly import assemble  # noqa: PLC0415 - see above

    return assemble(settings, clock)
