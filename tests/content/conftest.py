"""A copy of the content folders, to break."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cds_service.content import FOLDERS
from tests.support.clinic import ROOT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the content folders."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path
