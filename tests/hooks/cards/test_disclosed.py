"""What was told in private stays on the private card."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cds_service.hooks.cards import CardWriter
from cds_service.hooks.request import parse_request
from tests.support.clinic import QUIET, Clinic


def restricted_codes(clinic: Clinic) -> list[tuple[str, str]]:
    """Every disclosing option of every item bound to one card."""
    return [
        (link_id, code)
        for link_id, item in clinic.form.items.items()
        if item.quoted_only_on and item.kind == "choice"
        for code in item.system
    ]


def test_private_answers_are_quoted_on_the_private_card_only(
    clinic: Clinic, responses: list[list[dict]]
) -> None:
    bound = {link_id for link_id, _ in restricted_codes(clinic)}
    assert bound == {"trauma", "safe", "unwanted"}
    labels = "|".join(re.escape(clinic.form.items[link_id].label) for link_id in bound)
    quoted = re.compile(rf"(?:^- |; )(?:{labels}): ", re.IGNORECASE | re.MULTILINE)
    for cards in responses:
        for card in cards:
            if card["source"]["topic"]["code"] != "private-conversation":
                assert not quoted.search(card["detail"])


WORDS = re.compile(r"assault|rape|abuse|unwanted|forced|violence|unsafe|afraid|disclos", re.I)


def test_no_summary_says_what_was_disclosed(all_cards: list[dict[str, Any]]) -> None:
    assert [c["summary"] for c in all_cards if WORDS.search(c["summary"])] == []


@pytest.mark.parametrize("topic", ["private-conversation", "trauma-informed-care"])
def test_a_summary_near_private_answers_reads_the_same_for_every_reason(
    topic: str, all_cards: list[dict[str, Any]]
) -> None:
    cards = [c for c in all_cards if c["source"]["topic"]["code"] == topic]

    assert len(cards) > 10
    assert len({card["summary"] for card in cards}) == 1


@pytest.mark.parametrize(
    "answers",
    [
        {"trauma": "yes"},
        {"safe": "no"},
        {"safe": "unsure"},
        {"unwanted": "past5d"},
        {"unwanted": "past12m"},
        {"unwanted": "longer"},
        {"other": "Quetzal-Canary"},
        {"trauma": "yes", "safe": "no", "unwanted": "past5d", "other": "Quetzal-Canary"},
    ],
    ids=str,
)
@pytest.mark.parametrize("loud", [{}, {"rfgen": ["severe"]}, {"urine": ["burn"], "dur": "once"}])
def test_other_cards_read_as_if_nothing_private_was_said(
    answers: dict[str, Any], loud: dict[str, Any], clinic: Clinic
) -> None:
    quiet = {c["source"]["topic"]["code"]: c for c in clinic.found({**QUIET, **loud}).cards}
    told = clinic.found({**QUIET, **loud, **answers}).cards

    for card in told:
        topic = card["source"]["topic"]["code"]
        if topic == "private-conversation":
            continue
        assert not re.search(r"hard experience: |safety: |unwanted touch: |Quetzal", str(card))
        if topic in quiet:
            assert card["summary"] == quiet[topic]["summary"]


def test_the_writer_works_out_its_evidence_once(clinic: Clinic) -> None:
    writer = CardWriter(clinic.content)

    assert len(writer.evidence) == sum(map(len, clinic.content.contributions.values()))
    request = parse_request(clinic.request(QUIET), "patient-view")
    assert writer.cards(clinic.found(QUIET).evaluation, clinic.pipeline.call(request))
