"""A garden to ask about, and somebody who has begun to answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.form.forms import Garden, Person


@pytest.fixture
def garden(tmp_path: Path) -> Garden:
    return Garden(tmp_path)


@pytest.fixture
def person(garden: Garden) -> Person:
    return garden.person()
