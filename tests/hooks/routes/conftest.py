"""Applications: without tokens, with tokens, and one with a report to read."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cds_service.content import Content
from tests.support.ward import BROWSER, Trusted, Ward, visit


@pytest.fixture(scope="module")
def ward(content: Content, tmp_path_factory: pytest.TempPathFactory) -> Ward:
    """Without tokens; its store is shared, so every test brings patients of its own."""
    return Ward(content, tmp_path_factory.mktemp("ward"), cors_origins=BROWSER, report_token="open")


@pytest.fixture(scope="module")
def trusted(content: Content, tmp_path_factory: pytest.TempPathFactory) -> Trusted:
    return Trusted(content, tmp_path_factory.mktemp("trusted"))


@pytest.fixture(scope="module")
def reported(content: Content, tmp_path_factory: pytest.TempPathFactory) -> Ward:
    """With one call two days ago."""
    ward = Ward(content, tmp_path_factory.mktemp("reported"), report_token="open")
    ward.cards(visit(ward))
    ward.clock.now += timedelta(days=2)
    return ward
