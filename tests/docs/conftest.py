"""A service, to compare the pages with."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from support import settings_in

from cds_service import create_app

from .pages import NOW


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return create_app(settings_in(tmp_path_factory.mktemp("docs")), lambda: NOW).test_client()
