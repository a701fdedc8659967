"""The worked examples of the specification of cards, character for character."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from cds_service.authoring.vignettes import Vignettes, at_hour, case_for, request_for
from cds_service.hooks.request import parse_request
from tests.support.clinic import ROOT, Clinic

FILE = yaml.safe_load((ROOT / "tests/hooks/cards/examples.yaml").read_text(encoding="utf-8"))
MOMENT = datetime(FILE["today"].year, FILE["today"].month, FILE["today"].day, 12, tzinfo=UTC)
READ = ("summary", "indicator", "detail")


def expected(example: dict[str, Any]) -> list[dict[str, str]]:
    """The cards of an example, with the differences that are explained."""
    cards = [dict(card) for card in example["cards"]]
    for one in example.get("differs", ()):
        holding = [(c, k) for c in cards for k in READ if one["said"] in c[k]]
        assert holding, one
        for card, key in holding:
            card[key] = card[key].replace(one["said"], one["says"])
    return cards


@pytest.mark.parametrize("example", FILE["examples"], ids=lambda example: example["person"])
def test_a_worked_example_reads_as_it_is_written(
    example: dict[str, Any], clinic: Clinic, vignettes: Vignettes
) -> None:
    (found,) = (v for v in vignettes.people if v.id == example["person"])
    person, pipeline = at_hour(found, MOMENT), clinic.pipeline
    body = request_for(person, vignettes.defaults, clinic.content, pipeline.queries)
    case = case_for(person, vignettes.defaults, pipeline)

    cards = pipeline.cards(parse_request(body, person.hook), case.found)

    assert [{key: card[key] for key in READ} for card in cards] == expected(example)
