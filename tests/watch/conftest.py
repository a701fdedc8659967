"""An application to watch, and the numbers it counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from routes.ward import Make, Ward

from cds_service.content import Content
from watch.numbers import Counted


@pytest.fixture
def make(content: Content, tmp_path: Path) -> Make:
    return lambda **settings: Ward(content, tmp_path, **settings)


@pytest.fixture
def counted() -> Callable[[Ward], Counted]:
    """What is counted from now on: the numbers belong to the process, not to one application."""
    return Counted
