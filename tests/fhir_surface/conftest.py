"""Applications of the tests' own, as the tests of the other routes make them."""

from __future__ import annotations

from pathlib import Path

import pytest
from routes.ward import Make, Ward

from cds_service.content import Content


@pytest.fixture
def make(content: Content, tmp_path: Path) -> Make:
    return lambda **settings: Ward(content, tmp_path, **settings)
