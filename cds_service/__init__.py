"""Dyspareunia CDS: clinical decision support for pain with sex, served through CDS Hooks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from cds_service.settings import Settings

__version__ = "0.1.0"


def utc_now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


def create_app(settings: Settings, clock: Callable[[], datetime] = utc_now) -> Flask:
    """The WSGI application over the content of the settings.

    Raises ``content.ContentError`` with every finding when the content cannot be served, and
    ``RuntimeError`` when it is draft and draft content may not be served.
    """
    # Imported here so that `cds_service.fhirpath` can be used without the web stack.
    from flask import Flask  # noqa: PLC0415 - see above

    from cds_service.content import find_root, load_content  # noqa: PLC0415 - see above
    from cds_service.pipeline import Pipeline  # noqa: PLC0415 - see above
    from cds_service.routes import (  # noqa: PLC0415 - see above
        add_errors,
        add_request_log,
        hooks_blueprint,
    )

    content = load_content(find_root(settings.content))
    if content.draft and not settings.serve_draft:
        raise RuntimeError("the content is draft and CDS_SERVE_DRAFT is off: nothing to serve")
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    pipeline = Pipeline(content, f"{settings.public_base_url}/intake")
    app.register_blueprint(hooks_blueprint(pipeline, clock))
    add_errors(app)
    add_request_log(app)
    return app
