"""A service whose content pages show a run of the vignettes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cds_service import create_app
from cds_service.authoring.last_run import Outcome, write_run
from cds_service.content import Content
from cds_service.web.content_pages.index import ContentIndex
from tests.support.clinic import NOW, settings_in

RUN = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
OUTCOMES = (
    Outcome("C16-1", "two features", "suspected-endometriosis", "C16 yes", ()),
    Outcome("C16-2", "one feature", "suspected-endometriosis", "C16 no", ("C16 is yes",)),
    Outcome("RF01-1", "pregnant, fainted", "red-flags", "RF01 yes", ()),
    Outcome("RF02-1", "somebody else", "red-flags", "RF02 yes", ()),
)


@pytest.fixture(scope="session")
def catalogue(content: Content) -> ContentIndex:
    return ContentIndex(content)


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """One service for all tests; the results file is empty unless a test writes it."""
    folder = tmp_path_factory.mktemp("pages")
    settings = settings_in(folder, vignette_results=folder / "vignettes.json")
    app = create_app(settings, lambda: NOW)
    app.config["RESULTS"] = settings.vignette_results
    return app


@pytest.fixture
def results(app: Flask) -> Iterator[Path]:
    """Where the vignettes' results are looked for; nothing is there yet."""
    path = app.config["RESULTS"]
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture
def pages(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def run_here(content: Content, results: Path) -> None:
    """The vignettes ran on this content."""
    write_run(results, content.version, RUN, OUTCOMES)
