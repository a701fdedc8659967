"""Each client gets the edition and the selection behaviour it can take."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

import pytest

from cds_service.access.clients import Client
from cds_service.hooks.versions import cards_for
from tests.support.clinic import card_about, topics
from tests.support.ward import (
    DISCOVERY,
    FEEDBACK,
    MANY,
    Trusted,
    accepted,
    again,
    requirement,
    signed,
    visit,
)

FIRST_CARD = {"summary", "detail", "indicator", "source", "suggestions", "selectionBehavior"}


def without_ids(value: Any) -> Any:
    """Cards without the ids of cards, suggestions and orders, which each client has its own of."""
    if isinstance(value, list):
        return [without_ids(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    return {k: without_ids(v) for k, v in value.items() if k not in ("uuid", "id")}


@requirement("4.13")
def test_the_first_version_gets_its_subset(trusted: Trusted) -> None:
    body = visit(trusted, MANY)
    plain, first = trusted.cards_for("ehr", body), trusted.cards_for("first", again(body))

    assert [c["summary"] for c in first] == [c["summary"] for c in plain] != []
    for card in first:
        assert card.keys() <= FIRST_CARD | {"links"}
        assert card["source"].keys() <= {"label", "url", "icon"}
        for suggestion in card.get("suggestions", []):
            assert suggestion.keys() <= {"label", "uuid", "actions"}
            assert card["selectionBehavior"] == "at-most-one"


def test_the_first_version_is_discovered_without_later_fields(trusted: Trusted) -> None:
    for entry in trusted.ask(DISCOVERY, name="first").get_json()["services"]:
        assert entry.keys() == {"hook", "title", "description", "id", "prefetch"}


def test_the_third_version_names_versions_and_is_the_same_otherwise(trusted: Trusted) -> None:
    plain = trusted.ask(DISCOVERY).get_json()["services"]
    third = trusted.ask(DISCOVERY, name="third").get_json()["services"]
    body = visit(trusted, MANY)

    for entry, known in zip(third, plain, strict=True):
        assert re.fullmatch(r"\d+\.\d+\.\d+", entry.pop("version"))
        assert re.fullmatch(r"\d+\.\d+(\.\d+)?", entry.pop("hookVersion"))
        assert entry == known
    cards, known = trusted.cards_for("third", body), trusted.cards_for("ehr", body)
    assert without_ids(cards) == without_ids(known)


@requirement("4.13")
@pytest.mark.parametrize(
    ("name", "behaviors"),
    [
        ("any-only", {"any"}),
        ("one-only", {"at-most-one"}),
        ("one-first", {"any", "at-most-one"}),
        ("ehr", {"any", "at-most-one"}),
    ],
)
def test_a_client_gets_the_selection_behaviors_it_knows(
    name: str, behaviors: set[str], trusted: Trusted
) -> None:
    body = visit(trusted, MANY)
    plain, cards = trusted.cards_for("ehr", body), trusted.cards_for(name, body)

    assert [c["summary"] for c in cards] == [c["summary"] for c in plain]
    assert any(c.get("suggestions") for c in cards)
    for card, known in zip(cards, plain, strict=True):
        assert ("selectionBehavior" in card) == bool(card.get("suggestions"))
        if not card.get("suggestions"):
            continue
        assert card["selectionBehavior"] in behaviors
        if card["selectionBehavior"] == "at-most-one":
            assert sum(s.get("isRecommended", False) for s in card["suggestions"]) <= 1
        if known["selectionBehavior"] in behaviors:
            assert without_ids(card) == without_ids(known)
        assert [s["label"] for s in card["suggestions"]] == [
            s["label"] for s in known["suggestions"]
        ]


@requirement("4.14")
@pytest.mark.parametrize("specification", ["2.0", "3.0"])
def test_where_one_may_be_chosen_only_the_first_stays_recommended(specification: str) -> None:
    client = Client(id="ehr", selection_behaviors=("at-most-one",), specification=specification)
    flags: list[dict[str, Any]] = [{}, {"isRecommended": True}, {"isRecommended": True}]
    suggestions = [{"uuid": str(n), "label": "x", **flag} for n, flag in enumerate(flags)]
    card = {"summary": "x", "selectionBehavior": "any", "suggestions": suggestions}
    before = deepcopy(card)

    (found,) = cards_for(client, [card])

    assert found["selectionBehavior"] == "at-most-one"
    assert [s.get("isRecommended") for s in found["suggestions"]] == [None, True, None]
    assert card == before


def test_clients_do_not_share_what_was_settled(trusted: Trusted) -> None:
    body = visit(trusted)
    card = card_about(trusted.cards_for("ehr", body), "urine-testing")
    assert trusted.feedback(accepted(card), headers=signed(FEEDBACK)).status_code == 200

    assert "urine-testing" not in topics(trusted.cards_for("ehr", again(body)))
    assert "urine-testing" in topics(trusted.cards_for("third", again(body)))
