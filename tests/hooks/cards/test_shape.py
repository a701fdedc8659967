"""Cards have the shape of the specification (section 4 of its checklist), as our own schema."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from fhir.resources.R4B import get_fhir_model_class
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tests.support.clinic import QUIET, Clinic, changed, topics, walk

Text = Field(min_length=1)

Uuid = StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


class Shape(BaseModel):
    """Nothing but what the specification names; nothing null."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Coding(Shape):
    code: str = Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9-]+$")
    system: str = Field(pattern=r"^https?://")
    display: str = Text


class Source(Shape):
    label: str = Text
    url: str = Field(default="https://example.org", pattern=r"^https://")
    topic: Coding


class Action(Shape):
    type: Literal["create"]
    description: str = Text
    resource: dict[str, Any]


class Suggestion(Shape):
    label: str = Text
    uuid: str = Field(pattern=Uuid.pattern)
    isRecommended: Literal[True] = True
    actions: list[Action] = Field(min_length=1, max_length=1)


class Link(Shape):
    label: str = Text
    url: str = Field(pattern=r"^https://")
    type: Literal["absolute"]


class Card(Shape):
    uuid: str = Field(pattern=Uuid.pattern)
    summary: str = Field(min_length=1, max_length=139)
    detail: str = Text
    indicator: Literal["info", "warning", "critical"]
    source: Source
    suggestions: list[Suggestion] = Field(default=[], min_length=1)
    selectionBehavior: Literal["any", "at-most-one"] = "any"
    overrideReasons: list[Coding] = Field(default=[], min_length=1)
    links: list[Link] = Field(default=[], min_length=1)


class Response(Shape):
    cards: list[Card]


@pytest.mark.requirement("4.1")
@pytest.mark.requirement("4.2")
@pytest.mark.requirement("4.4")
@pytest.mark.requirement("4.5")
@pytest.mark.requirement("4.7")
@pytest.mark.requirement("4.8")
@pytest.mark.requirement("4.9")
@pytest.mark.requirement("4.10")
@pytest.mark.requirement("4.11")
@pytest.mark.requirement("4.13")
@pytest.mark.requirement("4.15")
@pytest.mark.requirement("4.16")
@pytest.mark.requirement("4.17")
@pytest.mark.requirement("4.19")
@pytest.mark.requirement("4.20")
@pytest.mark.requirement("4.21")
@pytest.mark.requirement("4.22")
@pytest.mark.requirement("4.23")
@pytest.mark.requirement("4.24")
@pytest.mark.requirement("4.25")
@pytest.mark.requirement("4.26")
def test_every_response_has_the_shape_of_the_specification(responses: list[list[dict]]) -> None:
    assert len(responses) > 500
    for cards in responses:
        Response.model_validate({"cards": cards})


@pytest.mark.requirement("4.3")
def test_no_response_holds_a_null_or_an_empty(responses: list[list[dict]]) -> None:
    empties = {
        path[1:]
        for cards in responses
        for path, v in walk(cards)
        if path and v in (None, "", [], {})
    }

    assert empties == set()


def test_every_card_of_the_content_is_seen(all_cards: list[dict[str, Any]], clinic: Clinic) -> None:
    every = {card.topic["code"] for card in clinic.content.cards.values()}

    assert set(topics(all_cards)) == every - {"check-not-completed"}


@pytest.mark.requirement("4.4")
def test_uuids_are_unique_in_a_response(responses: list[list[dict]]) -> None:
    for cards in responses:
        uuids = [v for path, v in walk(cards) if path and path[-1] in {"uuid", "id"}]

        assert len(uuids) == len(set(uuids))
        assert all(str(uuid.UUID(text)) == text for text in uuids)


@pytest.mark.requirement("4.12")
def test_suggestions_and_selection_behaviour_come_together(
    all_cards: list[dict[str, Any]],
) -> None:
    for card in all_cards:
        assert ("suggestions" in card) is ("selectionBehavior" in card)


@pytest.mark.requirement("4.14")
def test_at_most_one_is_recommended_where_one_may_be_chosen(
    all_cards: list[dict[str, Any]],
) -> None:
    for card in all_cards:
        recommended = [s for s in card.get("suggestions", ()) if "isRecommended" in s]

        assert card.get("selectionBehavior") != "at-most-one" or len(recommended) <= 1


def drafts(cards: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for card in cards:
        for suggestion in card.get("suggestions", ()):
            yield suggestion["actions"][0]["resource"]


@pytest.mark.requirement("4.18")
def test_every_draft_order_is_valid_fhir_and_about_the_patient(
    all_cards: list[dict[str, Any]],
) -> None:
    unlike: dict[str, dict[str, Any]] = {}
    for draft in drafts(all_cards):
        unlike.setdefault(str(draft.get("code", draft.get("payload"))), draft)
        assert draft["status"] == "draft"
        assert draft.get("intent", "proposal") == "proposal"
        assert draft.get("subject", draft.get("for")) == {"reference": "Patient/person"}
        assert draft["authoredOn"].endswith("+00:00")
    assert len(unlike) > 50
    for draft in unlike.values():
        get_fhir_model_class(draft["resourceType"]).model_validate(draft)


def test_a_clinician_is_the_requester_of_a_draft_and_a_patient_is_not(clinic: Clinic) -> None:
    body = clinic.request({**QUIET, "urine": ["burn"], "dur": "once"})
    own = changed(body, ("context", "userId"), "Patient/person")

    requested = [d.get("requester") for d in drafts(clinic.cards(body))]
    by_patient = [d.get("requester") for d in drafts(clinic.cards(own))]

    assert {str(r) for r in requested} == {"{'reference': 'Practitioner/example'}"}
    assert set(by_patient) == {None}


@pytest.mark.requirement("4.4")
@pytest.mark.requirement("4.27")
def test_the_same_call_gives_the_same_cards(clinic: Clinic) -> None:
    body = clinic.request({**QUIET, "urine": ["burn"]})

    assert clinic.cards(body) == clinic.cards(body)


@pytest.mark.requirement("4.4")
def test_another_call_gives_cards_other_uuids(clinic: Clinic) -> None:
    body = clinic.request({**QUIET, "urine": ["burn"]})
    again = {**body, "hookInstance": "another"}

    first, second = ({c["uuid"] for c in clinic.cards(b)} for b in (body, again))

    assert first.isdisjoint(second)


@pytest.mark.requirement("4.27")
def test_no_card_claims_to_remember_an_earlier_call(all_cards: list[dict[str, Any]]) -> None:
    told = {card["detail"] for card in all_cards}

    assert [text for text in told if re.search(r"since (the )?last time|new since", text)] == []
