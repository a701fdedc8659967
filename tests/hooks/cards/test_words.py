"""What a card says: its parts, quotes, reasons, links, and what waits."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from cds_service.authoring.vignettes import Case
from tests.support.clinic import QUIET, Clinic, active, card_about, concept, walk

HEADING = re.compile(r"^\*\*(.+)\*\*$", re.MULTILINE)


def parts(card: dict[str, Any]) -> dict[str, str]:
    """Heading -> text of a card's detail."""
    pieces = HEADING.split(card["detail"])
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def test_every_card_says_why_what_to_consider_the_options_and_the_basis(
    all_cards: list[dict[str, Any]],
) -> None:
    for card in all_cards:
        found = parts(card)
        order = ["Why this appears", "What is unknown", "Consider", "Options", "Also consider"]

        assert [h for h in (*order, "Basis") if h in found] == list(found)
        assert {"Why this appears", "Options", "Basis"} <= found.keys()


def test_every_card_offers_none_of_these_and_names_its_version(
    all_cards: list[dict[str, Any]], clinic: Clinic
) -> None:
    version = clinic.content.version
    for card in all_cards:
        found = parts(card)

        assert (
            found["Options"].rstrip().endswith("None of these: close the card, or give a reason.")
        )
        assert f"Rule version {version}, by Dyspareunia CDS project." in found["Basis"]
        assert "not yet reviewed or approved by clinicians" in found["Basis"]
        assert "draft content, not approved by clinicians" in card["source"]["label"]


def test_answers_are_quoted_as_codes_with_their_date(clinic: Clinic) -> None:
    cards = clinic.found({**QUIET, "urine": ["burn"], "sev": 7, "dur": "once"}).cards

    why = parts(card_about(cards, "urine-testing"))["Why this appears"]

    assert "`urine:burn`" in why
    assert "Answers given on 2026-11-22." in why


def test_what_was_not_answered_is_named(clinic: Clinic) -> None:
    answers = {**QUIET, "urine": ["burn"], "dur": "once"}
    del answers["organs"]

    card = card_about(clinic.found(answers).cards, "urine-testing")

    assert "Not answered: " in parts(card)["What is unknown"]


def test_a_chart_entry_is_quoted_with_its_date(clinic: Clinic) -> None:
    cyst = active(code=concept(clinic.content, "endometriosis"), onsetDateTime="2025-03")
    answers = {**QUIET, "where": ["deep"], "trigger": ["deep"], "dur": "gt6m", "sev": 6}

    text = str(clinic.found(answers, [cyst]).cards)

    assert "(Endometriosis (disorder), 2025-03, `where:deep`, `trigger:deep`)" in text


def test_at_most_four_reasons_are_named_and_the_rest_counted(clinic: Clinic) -> None:
    many = {
        **QUIET,
        "sextype": ["vagrec"],
        "when": ["entry", "during"],
        "where": ["deep", "opening", "oneside"],
        "dur": "gt6m",
        "sev": 6,
        "entry": "painful",
        "genital": ["vagdisch", "sores", "skin"],
        "gyn": ["dysmen", "cpp", "heavy"],
        "bleed": ["aftersex"],
    }
    result = clinic.found(many)
    wanted = next(w for w in result.evaluation.shown if w.card.id == "REC-PELVIC")
    assert len(wanted.reasons) > 4

    why = parts(card_about(result.cards, "pelvic-exam"))["Why this appears"]

    assert f"- and {len(wanted.reasons) - 4} more reasons" in why
    for number, reason in enumerate(wanted.reasons):
        assert (f"- {reason.reason}" in why) is (number < 4)


def test_summaries_are_one_line_without_markup(all_cards: list[dict[str, Any]]) -> None:
    for summary in {card["summary"] for card in all_cards}:
        assert "\n" not in summary
        assert not re.search(r"[<>*`\[\]]|https?:", summary)


@pytest.mark.requirement("4.6")
def test_details_hold_no_html(all_cards: list[dict[str, Any]]) -> None:
    for detail in {card["detail"] for card in all_cards}:
        assert not re.search(r"<[a-zA-Z/!]", detail)


@pytest.mark.requirement("4.9")
@pytest.mark.requirement("4.22")
def test_links_are_absolute_and_come_from_content(
    all_cards: list[dict[str, Any]], clinic: Clinic
) -> None:
    known = {v for _, v in walk(dict(clinic.content.resources)) if isinstance(v, str)}
    urls = {v for c in all_cards for path, v in walk(c) if path and path[-1] == "url"}

    assert urls
    for url in urls:
        assert urlsplit(url).scheme == "https"
        assert url in known or url == "https://example.org/intake"


def test_every_card_that_can_be_overridden_offers_reasons_of_our_list(
    all_cards: list[dict[str, Any]], clinic: Clinic
) -> None:
    ours = [dict(coding) for coding in clinic.content.override_reasons.values()]
    for card in all_cards:
        assert all(reason in ours for reason in card.get("overrideReasons", ()))


def test_what_waits_is_one_neutral_line_each_on_the_last_card(
    responses: list[list[dict]], cases: list[Case]
) -> None:
    seen = 0
    for cards, case in zip(responses, cases, strict=True):
        lines = [parts(c).get("Also consider", "") for c in cards]
        waiting = case.found.deferred if cards else []

        assert not any(lines[:-1])
        assert bool(cards and lines[-1]) is bool(waiting)
        for wanted in waiting:
            assert f"- {wanted.card.title}\n" in lines[-1] + "\n"
        seen += len(waiting)
    assert seen
