"""Emergency checks that a site does not show still count, and the question card says so."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.authoring.vignettes import Case, Vignette, Vignettes, request_for
from cds_service.decision.evaluate import Answer
from cds_service.decision.explain import explain
from cds_service.decision.silent_mode import evaluate_service
from cds_service.decision.visibility import visibility_of
from tests.hooks.test_silent_mode import EMERGENCY, failing, found, shown
from tests.support.clinic import NOW, PATIENT_VIEW, QUIET, Clinic, topics
from tests.support.ward import Make

F4 = ["uterus", "cervix", "ovary", "vagina"]
TORSION = {
    **QUIET, "organs": F4, "rfgen": ["severe"], "when": ["during"], "where": ["oneside"],
    "dur": "once", "sev": 9,
}  # fmt: skip
CHECK_IN_PERSON = "An emergency check is switched off at this site: check emergencies in person"
EMERGENCIES = [f"RF{n:02}" for n in (*range(1, 13), 18, 19, 20, 25, *range(27, 31))]
WELL = {"REC-SELF", "C25", "C01", "C02", "C03", "C06", "C12"}


@pytest.mark.parametrize("way", ["silent", "off"])
@pytest.mark.parametrize(
    ("answers", "hidden", "expected"),
    [
        (TORSION, ["RF02", "RF03"], ["REC-ASK", "REC-PREG"]),
        (TORSION, ["RF03"], ["REC-EMERG", "REC-ASK"]),
        (TORSION, ["REC-EMERG"], ["REC-ASK", "REC-PREG"]),
        ({**TORSION, "organs": ["penis", "testis"]}, ["RF04"], ["REC-ASK"]),
        (EMERGENCY, ["RF02", "RF03"], ["REC-ASK", "REC-PREG"]),
    ],
    ids=["OFF-n3", "OFF-n2", "no emergency card", "no ovaries", "urine and dryness"],
)
def test_an_emergency_flag_that_is_hidden_still_counts(
    answers: dict[str, Any], hidden: list[str], expected: list[str], way: str, clinic: Clinic
) -> None:
    quiet = found(clinic, answers, **{way: hidden})

    assert list(shown(quiet)) == expected
    asks = next(w for w in quiet.shown if w.card.id == "REC-ASK")
    assert (asks.priority, asks.summary) == ("urgent", CHECK_IN_PERSON)
    assert not WELL & {*shown(quiet), *(s for sources in shown(quiet).values() for s in sources)}
    assert bool(quiet.silent) == (way == "silent")
    assert explain(quiet)["hiddenChecks"] == list(quiet.hidden) != []


def severe(**given: Any) -> Vignette:
    """Sudden one-sided pain of somebody aged 30 (clinical specification 5, OFF-n1 to OFF-n3)."""
    whole = {"age": 30, "answers": {**TORSION, **given.pop("answers", {})}, **given}
    return Vignette("OFF", "sudden pain", "off", NOW.date(), whole, {})


def test_beside_a_recent_negative_test_only_the_question_is_left(
    make: Make, vignettes: Vignettes, clinic: Clinic
) -> None:
    """OFF-n1, as whole calls: no emergency card, and no self-care either."""
    negative = {"type": "Observation", "valueSet": "pregnancy-test", "result": "negative"}
    person = severe(answers={"preg": "no"}, chart=[{**negative, "daysAgo": 1}])
    body = request_for(person, vignettes.defaults, clinic.content, clinic.pipeline.queries)

    assert topics(make().cards(body)) == ["emergency-assessment"]
    (card,) = make(silent="RF02,RF03").cards(body)

    assert (card["summary"], card["indicator"]) == (CHECK_IN_PERSON, "warning")
    assert "An emergency check does not speak at this site" in card["detail"]
    assert sum(s.get("isRecommended", False) for s in card["suggestions"]) == 1


def test_nobody_is_told_that_all_is_well_because_a_check_is_hidden(
    cases: list[Case], clinic: Clinic
) -> None:
    """Every person of the vignettes with an emergency, with all of theirs hidden."""
    names, seen = clinic.pipeline.names, set()
    for case in cases:
        flags = [f for f in EMERGENCIES if case.found.rules[f] is Answer.YES]
        if (
            case.vignette.hook != "patient-view"
            or not flags
            or "REC-EMERG" not in shown(case.found)
        ):
            continue
        asked = (PATIENT_VIEW, case.vignette.hook)
        visible = visibility_of(names, [], flags)
        quiet = evaluate_service(
            clinic.content, case.found.facts, case.vignette.now, asked, visible
        )

        assert set(quiet.hidden) == set(flags), case.vignette.id
        assert "REC-ASK" in shown(quiet), case.vignette.id
        sources = {s for found in shown(quiet).values() for s in found}
        assert not WELL & (sources | set(shown(quiet))), case.vignette.id
        seen |= {*flags}
    assert seen == {*EMERGENCIES}


@pytest.mark.parametrize("way", ["silent", "off"])
def test_another_question_card_says_that_a_check_is_hidden(way: str, clinic: Clinic) -> None:
    answers = {k: v for k, v in QUIET.items() if k != "rfgen"}
    quiet = found(clinic, answers, **{way: ["RF03"]})

    asks = next(w for w in quiet.shown if w.card.id == "REC-ASK")
    assert asks.summary == "Emergency questions not answered: ask now"
    assert [c.do_now for c in asks.advice] == [f"{CHECK_IN_PERSON}."]
    assert quiet.hidden == ()
    assert "REC-SELF" in shown(quiet)


def test_a_hidden_flag_that_fails_is_unknown(clinic: Clinic) -> None:
    """It may have been switched off because it fails."""
    visibility = visibility_of(clinic.pipeline.names, [], ["C18", "RF03"])
    pipeline = failing(clinic, "RF03", lambda: visibility)

    evaluation = pipeline.answer(
        pipeline.service(PATIENT_VIEW), clinic.request(QUIET), NOW
    ).evaluation

    assert (evaluation.hidden, dict(evaluation.errors)) == ((), {})
    assert "REC-SELF" in shown(evaluation)
