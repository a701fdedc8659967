"""What a card says: its parts, quotes, reasons, links, and what waits."""

from __future__ import annotations

import re
from copy import copy
from dataclasses import replace
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import pytest

from cds_service.authoring.vignettes import Case
from cds_service.decision.unread import Unread, Why
from cds_service.hooks.cards import CardWriter
from cds_service.hooks.detail import words_in
from tests.support.clinic import QUIET, Clinic, active, card_about, concept, walk

HEADING = re.compile(r"^\*\*([A-Z][a-z ]+?):?\*\*", re.MULTILINE)
ORDER = [
    "Why",
    "Do now",
    "Think of",
    "Sheet",
    "Check before giving",
    "Still open",
    "Also consider",
    "In their words",
    "Privacy",
    "Basis",
]
# A linkId with a code, a code in backticks, a FHIR type: nothing a clinician reads.
MACHINE_WORDS = re.compile(
    r"`|\b[a-z]+:[a-z0-9]+\b|\b(?:Observation|MedicationRequest|MedicationStatement"
    r"|DiagnosticReport|QuestionnaireResponse|ServiceRequest|Bundle)\b"
)


def parts(card: dict[str, Any]) -> dict[str, str]:
    """Heading -> text of a card's detail."""
    pieces = HEADING.split(card["detail"])
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def why(cards: list[dict[str, Any]], topic: str) -> str:
    return parts(card_about(cards, topic))["Why"]


def test_every_card_holds_its_parts_in_one_order_and_ends_with_the_basis(
    all_cards: list[dict[str, Any]],
) -> None:
    for card in all_cards:
        found = parts(card)

        assert [heading for heading in ORDER if heading in found] == list(found)
        assert list(found)[-1] == "Basis"
        assert "Do now" in found


def test_every_card_names_its_version_and_that_it_is_a_draft(
    all_cards: list[dict[str, Any]], clinic: Clinic
) -> None:
    version = clinic.content.strategy.plan["version"]
    for card in all_cards:
        assert parts(card)["Basis"].strip().endswith(f"rule {version}, draft")
        assert card["source"]["label"].endswith("(draft)")


def test_no_card_holds_a_machine_code_or_a_fhir_type(all_cards: list[dict[str, Any]]) -> None:
    texts = {card["summary"] + "\n" + card["detail"] for card in all_cards}

    assert [text for text in texts if MACHINE_WORDS.search(text)] == []


def test_no_card_and_no_visit_is_longer_than_its_budget(
    responses: list[list[dict]], cases: list[Case]
) -> None:
    visits = []
    for cards, case in zip(responses, cases, strict=True):
        lengths = [words_in(card["detail"]) for card in cards]
        budgets = [wanted.card.style.words for wanted in case.found.shown]
        over = [n for n, most in zip(lengths, budgets, strict=True) if n > most]

        assert over == [], case.vignette.id
        visits.append(sum(lengths))
    assert max(visits) <= 800
    assert median(visits) <= 400


def test_the_self_care_card_keeps_its_budget_beside_doubts_about_what_was_sent(
    clinic: Clinic, cases: list[Case]
) -> None:
    writer = CardWriter(clinic.content)
    for case in cases:
        evaluator = case.found.evaluator
        facts = evaluator.facts
        unread = (*facts.unread, Unread("MedicationRequest", Why.STATUS))
        doubtful = copy(evaluator)
        doubtful.facts = replace(
            facts, unread=unread, answers=replace(facts.answers, authored=None)
        )
        for wanted, detail in writer.details(replace(case.found, evaluator=doubtful)):
            if wanted.card.plan["id"] == "self-care":
                assert words_in(detail.render(counted=True)) <= 90, case.vignette.id


def test_no_line_stands_twice_on_a_card(all_cards: list[dict[str, Any]]) -> None:
    for card in all_cards:
        lines = [line for line in card["detail"].split("\n") if line.startswith("- ")]

        assert len(lines) == len(set(lines)), card["detail"]


def test_answers_are_quoted_in_the_words_of_the_form(clinic: Clinic) -> None:
    cards = clinic.found({**QUIET, "urine": ["burn"], "sev": 7, "dur": "once"}).cards

    text = why(cards, "urine-testing")

    assert "- Passing urine: it burns or stings" in text
    assert "- Answered today." in text


def test_what_was_not_answered_and_could_press_more_is_named(clinic: Clinic) -> None:
    answers = {**QUIET, "when": ["during"], "where": ["deep"], "sev": 5}
    for left_out in ("dur", "bleed", "genital"):
        answers.pop(left_out, None)

    card = card_about(clinic.found(answers).cards, "pelvic-exam")

    assert "- Not answered: how long; bleeding; noticed" in parts(card)["Still open"]


def test_a_chart_entry_is_quoted_in_short_words(clinic: Clinic) -> None:
    known = active(code=concept(clinic.content, "endometriosis"), onsetDateTime="2025-03")
    answers = {**QUIET, "where": ["deep"], "trigger": ["deep"], "dur": "gt6m", "sev": 6}

    text = why(clinic.found(answers, [known]).cards, "pelvic-exam")

    assert "endometriosis (problem list)" in text.lower()
    assert "where: deep inside, lower belly or pelvis" in text


def test_at_most_three_reasons_are_named_and_two_more_sources_among_what_to_do(
    clinic: Clinic,
) -> None:
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

    card = card_about(result.cards, "pelvic-exam")

    lines = [line for line in parts(card)["Why"].split("\n") if line.startswith("- ")]
    assert len(lines) <= 3 + 2  # what is not reported, and when it was answered
    assert parts(card)["Do now"].count("- Also: ") <= 2
    assert re.search(r" \(\+\d more\)$", card["summary"])


def test_a_summary_is_that_of_the_most_pressing_source(clinic: Clinic) -> None:
    """More danger never makes a summary say less."""
    answers = {
        **QUIET,
        "when": ["during"],
        "where": ["deep"],
        "dur": "lt6w",
        "sev": 6,
        "gyn": ["dysmen"],
        "genital": ["vagdisch"],
        "sextype": ["vagrec"],
    }

    card = card_about(clinic.found(answers).cards, "pelvic-exam")

    assert card["summary"].startswith(
        "Pelvic pain with infection features: consider a same-day exam"
    )


def test_every_fact_quoted_is_an_answer_or_an_entry_of_this_call(
    responses: list[list[dict]], cases: list[Case], clinic: Clinic
) -> None:
    """No option is quoted that was not chosen: word for word, over every vignette."""
    items = clinic.form.items
    seen = 0
    for cards, case in zip(responses, cases, strict=True):
        view = case.found.facts.answers.view
        for card in cards:
            told = "\n".join(
                line for line in parts(card)["Why"].split("\n") if "Not reported" not in line
            ).casefold()
            for link_id, question in items.items():
                answer = view.get(link_id)
                chosen = answer if isinstance(answer, dict) else {}
                start = f"{question.label}: ".casefold()
                for code, words in question.displays.items():
                    text = start + question.quotes.get(code, words).casefold()
                    if re.search(rf"(?:^- |; ){re.escape(text)}(?:;|$)", told, re.MULTILINE):
                        assert chosen.get(code) is True, (case.vignette.id, text)
                        seen += 1
    assert seen > 1000


def test_answers_without_a_date_are_said_to_be_of_an_unknown_date(clinic: Clinic) -> None:
    response = clinic.response({"rfgen": ["none"], "where": ["deep"]}, authored="soon")

    card = card_about(clinic.cards(clinic.request(responses=[response])), "ask-now")

    assert card["summary"] == "Emergency questions answered on an unknown date: ask again now"
    assert "Date of the answers unknown: confirm." in card["detail"]


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
    resources = clinic.content.resources.values()
    forms = {r["id"] for r in resources if r["resourceType"] == "Questionnaire"}
    known |= {f"https://example.org/forms/{form}" for form in forms}

    assert urls
    for url in urls:
        assert urlsplit(url).scheme == "https"
        ours = url.startswith(
            ("https://example.org/content/cards/", "https://example.org/content/sheet#l=")
        )
        assert url in known or ours or url == "https://example.org/intake"


def test_every_card_that_can_be_overridden_offers_reasons_of_our_list(
    all_cards: list[dict[str, Any]], clinic: Clinic
) -> None:
    ours = [dict(coding) for coding in clinic.content.override_reasons.values()]
    for card in all_cards:
        assert all(reason in ours for reason in card.get("overrideReasons", ()))


def test_what_waits_is_named_on_the_last_card(
    responses: list[list[dict]], cases: list[Case]
) -> None:
    seen = 0
    for cards, case in zip(responses, cases, strict=True):
        lines = [parts(c).get("Also consider", "") for c in cards]
        waiting = case.found.deferred if cards else ()

        assert not any(lines[:-1])
        assert bool(cards and lines[-1]) is bool(waiting)
        for wanted in waiting:
            if wanted.card.style.is_generic and len(waiting) <= 3 and "findings" not in lines[-1]:
                assert wanted.card.title in lines[-1]
        seen += len(waiting)
    assert seen
