"""Fixtures shared by all tests: the content is loaded once, the clock stands at ``support.NOW``."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from cds_service import create_app
from cds_service.authoring.vignettes import Case, Vignettes, case_for, read_vignettes
from cds_service.content import Content, load_content
from tests.support.clinic import NOW, ROOT, Clinic, settings_in
from tests.support.numbers import Counted
from tests.support.ward import Make, Ward

pytest_plugins = ["tests.support.database_fixtures"]

settings.register_profile(
    "tests",
    max_examples=int(os.environ.get("CDS_EXAMPLES", "300")),
    derandomize="CDS_EXAMPLES" not in os.environ,  # the same examples in every ordinary run
    deadline=None,
    database=None,
)
settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--sweep",
        action="store_true",
        help="delete every condition and every file of the content in turn (minutes), not a sample",
    )


@pytest.fixture(scope="session")
def content() -> Content:
    return load_content(ROOT)


@pytest.fixture(scope="session")
def vignettes() -> Vignettes:
    return read_vignettes(ROOT / "tests" / "authoring" / "vignettes")


@pytest.fixture(scope="session")
def cases(vignettes: Vignettes, clinic: Clinic) -> list[Case]:
    """Every vignette, run once."""
    return [case_for(v, vignettes.defaults, clinic.pipeline) for v in vignettes.people]


@pytest.fixture(scope="session")
def clinic(content: Content, tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    app = create_app(settings_in(tmp_path_factory.mktemp("clinic")), lambda: NOW)
    return Clinic(content, app.test_client())


@pytest.fixture
def make(content: Content, tmp_path: Path) -> Make:
    """Makes applications with settings of a test's own."""
    return lambda **settings: Ward(content, tmp_path, **settings)


@pytest.fixture
def counted() -> Callable[[Ward], Counted]:
    """What is counted from now on: the numbers belong to the process, not to one application."""
    return Counted
