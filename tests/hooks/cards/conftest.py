"""Every card that any vignette leads to."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.authoring.vignettes import Case, Vignettes, request_for
from cds_service.hooks.request import parse_request
from tests.support.clinic import Clinic


@pytest.fixture(scope="module")
def responses(cases: list[Case], clinic: Clinic, vignettes: Vignettes) -> list[list[dict]]:
    """The cards of every vignette."""
    found = []
    for case in cases:
        queries = clinic.pipeline.queries
        body = request_for(case.vignette, vignettes.defaults, clinic.content, queries)
        found.append(clinic.pipeline.cards(parse_request(body, body["hook"]), case.found))
    return found


@pytest.fixture(scope="module")
def all_cards(responses: list[list[dict]]) -> list[dict[str, Any]]:
    return [card for cards in responses for card in cards]
