"""A service, to compare the pages with."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from cds_service import create_app
from tests.support.clinic import settings_in

from .pages import NOW


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return create_app(settings_in(tmp_path_factory.mktemp("docs")), lambda: NOW).test_client()
