"""One made-up population for all tests of replay."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_service.content import Content
from demo.population.export import write_export
from tests.support.clinic import NOW

from .exports import replayed

PEOPLE = 120


@pytest.fixture(scope="session")
def export(content: Content, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of made-up people."""
    folder = tmp_path_factory.mktemp("export")
    write_export(content, folder, PEOPLE, 7, NOW)
    return folder


@pytest.fixture(scope="session")
def run(export: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a replay of it, in one process."""
    out = tmp_path_factory.mktemp("replays") / "run"
    replayed(out, export, html=True)
    return out
