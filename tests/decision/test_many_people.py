"""Invariants over 20,000 random people with a fixed seed.

Whole calls over random, partly blank forms and random charts, drawn from the Questionnaire and the
facts library. ``CDS_PEOPLE=100000`` draws more; ``CDS_SEED`` draws others.
"""

from __future__ import annotations

import os
import random
from datetime import timedelta
from typing import Any

import pytest

from cds_service.content.model import Question
from cds_service.hooks.pipeline import Result
from tests.support.clinic import NOW, Clinic, meeting

PEOPLE = int(os.environ.get("CDS_PEOPLE", "20000"))
SEED = int(os.environ.get("CDS_SEED", "13"))
DAYS = (0, 1, 2, 3, 7, 14, 21, 30, 42, 60, 84, 90, 180, 294, 365, 730, 731)
UNITS = ("Cel", "[degF]", "mm[Hg]", "/min")
CRITICAL_FIRST = {"REC-EMERG", "REC-SAFETY", "REC-ASK", "REC-PREG"}
ALWAYS_URGENT = {
    "rfgen": {"severe", "faint", "nopee", "saddle"},
    "rfvag": {"heavybleed"},
    "rfpen": {"testis", "snap", "longerection", "foreskinstuck"},
}


def drawn_answer(item: Question, dice: random.Random) -> Any:
    if item.kind == "choice":
        options = sorted(item.system)
        if not item.repeats:
            return dice.choice(options)
        return dice.sample(options, dice.randint(1, min(3, len(options))))
    return dice.randint(0, 10) if item.kind == "integer" else "In my own words."


def drawn_person(clinic: Clinic, dice: random.Random) -> dict[str, Any]:
    """A request: each question answered or left blank, up to six chart entries, maybe an age."""
    shown = dice.choice((0.2, 0.5, 0.9))
    items = [i for i in clinic.form.items.values() if i.kind != "display"]
    answers = {i.link_id: drawn_answer(i, dice) for i in items if dice.random() < shown}
    keys = list(clinic.content.requirements.values())
    chart = []
    for number in range(dice.randint(0, 6)):
        when = (NOW - timedelta(days=dice.choice(DAYS), hours=dice.randint(0, 3))).isoformat()
        more: dict[str, Any] = {"id": f"entry-{number}"}
        wanted = dice.choice(keys)
        if wanted.type == "Observation":
            code = dice.choice(("POS", "NEG"))
            system = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
            more["interpretation"] = [{"coding": [{"system": system, "code": code}]}]
            more["valueQuantity"] = {
                "value": dice.randint(0, 250),
                "code": dice.choice(UNITS),
                "system": "http://unitsofmeasure.org",
            }
        chart.append(meeting(wanted, when, **more))
    born = (NOW - timedelta(days=dice.randint(3_000, 33_000))).date().isoformat()
    patient = {"birthDate": born if dice.random() < 0.9 else None}
    if dice.random() < 0.8:
        patient["gender"] = dice.choice(("female", "male", "other", "unknown"))
    return clinic.request(answers, chart, patient=patient)


def broken(clinic: Clinic, result: Result) -> list[str]:
    """The invariants that do not hold for a result."""
    found = result.evaluation
    cards = [wanted.card.id for wanted in found.shown]
    rules = {rule: str(answer) for rule, answer in found.rules.items()}
    view = found.facts.answers.view
    critical = found.evaluator.bindings["CRIT"] == [True]
    wrong = []

    def holds(condition: bool, words: str) -> None:
        if not condition:
            wrong.append(words)

    holds(not found.errors and set(rules.values()) <= {"yes", "no", "unknown"}, "three answers")
    holds(1 <= len(cards) <= 6, "one to six cards")
    holds(critical is (cards[0] == "REC-EMERG"), "an emergency comes first")
    holds(not critical or set(cards) <= CRITICAL_FIRST, "nothing ordinary beside an emergency")
    holds(
        found.evaluator.bindings["hasUterus"] != [False] or "REC-PREG" not in cards,
        "no uterus, no test",
    )
    holds(
        found.evaluator.bindings["pregnant"] != [True] or "REC-PELVIC" not in cards,
        "pregnant, no exam",
    )
    for item, codes in ALWAYS_URGENT.items():
        chosen = view.get(item, {})
        ticked = isinstance(chosen, dict) and any(chosen.get(code) for code in codes)
        holds(not ticked or "REC-EMERG" in cards, f"{item} raises the emergency card")
    assault = isinstance(view.get("unwanted"), dict) and view["unwanted"].get("past5d")
    holds(not assault or "REC-SAFETY" in cards, "assault raises the private card")
    orders = [s.order_key for w in found.shown for s in w.suggestions if s.order_key]
    holds(len(orders) == len(set(orders)), "an order is suggested once")
    holds(not _tells(clinic, result), "private answers stay on their card")
    return wrong


def _tells(clinic: Clinic, result: Result) -> bool:
    private = [i.link_id for i in clinic.form.items.values() if i.quoted_only_on]
    return any(
        f"`{link_id}:" in card["detail"] or "assault" in card["summary"].lower()
        for card in result.cards
        for link_id in private
        if card["source"]["topic"]["code"] != "private-conversation"
    )


@pytest.mark.parametrize("part", range(4))
def test_what_must_hold_holds_for_everybody(part: int, clinic: Clinic) -> None:
    dice = random.Random(SEED * 1000 + part)
    for number in range(PEOPLE // 4):
        body = drawn_person(clinic, dice)

        wrong = broken(clinic, clinic.result(body))

        assert wrong == [], f"person {number} of part {part}: {body}"
