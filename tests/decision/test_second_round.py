"""What an exam and a follow-up may change, over random people (second round, invariants).

Answers are drawn from the Questionnaires; nothing but the ids of the specification is listed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.authoring.given_answers import given_responses
from cds_service.content import load_content
from cds_service.content.model import Question, Questionnaire
from cds_service.decision.evaluate import Evaluation
from cds_service.fhir.questionnaire_response.limits import MAX_VALUE, MIN_VALUE
from tests.support.clinic import NOW, ROOT, Clinic

CONTENT = load_content(ROOT)
VIEWS = {form.view: form for form in CONTENT.forms}
NEVER_BOTH = (
    ("E1", "E1N"),
    ("E11", "E11A"),
    ("E12", "E12L"),
    ("FUWORSE", "FUBETTER"),
    ("FUWORSE", "FUSAME"),
)
EXAM_RULES = [s.id for s in CONTENT.sources if s.plan["id"] == "exam-findings"]
BODY_PARTS = "xorgans"
# What an exam may hold back (5.2), with the item that has to be recorded for it.
HELD = {
    ("REC-PELVIC", "C24"): "xtender",
    ("REC-STI", "C23"): "xwet",
    ("REC-PELVIC", "C03"): "xtender",
    ("REC-PELVIC", "C26"): "xvulva",
    ("REC-URO", "C03P"): "xpenis",
    ("REC-PELVIC", "C27"): "xanus",
    ("REC-URO", "C27"): "xanus",
}
# People with what each of these contributions asks for, and exams that may hold it back.
VULVA = {"organs": ["uterus", "cervix", "ovary", "vagina"]}
PENIS = {"organs": ["penis", "testis"]}
COMPLAINTS: tuple[dict[str, Any], ...] = (
    {
        **VULVA,
        "where": ["deep"],
        "when": ["during"],
        "genital": ["vagdisch"],
        "stirisk": ["newpartner"],
    },
    {**VULVA, "where": ["deep"], "when": ["during"], "genital": ["none"]},
    {**VULVA, "where": ["opening"], "when": ["entry"], "genital": ["itchburn"]},
    {**VULVA, "where": ["muscle"], "genital": ["vagdisch"], "stirisk": ["none"], "bleed": ["none"]},
    {**VULVA, "where": ["anus"], "sextype": ["analrec"]},
    {**PENIS, "where": ["glans"], "genital": ["none"]},
    {**PENIS, "where": ["anus"], "sextype": ["analrec"]},
    VULVA,
    PENIS,
)
EXAMINED = {"xdone": "full", "xtender": ["none"], "xvulva": ["normal"], "xwet": ["yeast"]}
EXAMINED |= {"xpenis": ["normal"], "xanus": ["fissure"]}
DISCLOSED = {"private": "yes", "unwanted": "past5d"}


def answer(question: Question) -> st.SearchStrategy[Any]:
    """An answer to one question: options, or a number in range."""
    if question.kind == "choice":
        options = st.sampled_from(sorted(question.options))
        sets = st.sets(options, min_size=1, max_size=4).map(sorted)
        alone = sets.map(lambda s: [next((c for c in s if c in question.exclusive), s[0])])
        mixed = sets.map(lambda s: [c for c in s if c not in question.exclusive] or s[:1])
        return st.one_of(alone, mixed) if question.repeats else options
    least, most = question.item.first(MIN_VALUE), question.item.first(MAX_VALUE)
    return st.integers(int(least or 0), int(most if most is not None else 10))


def answers(form: Questionnaire) -> st.SearchStrategy[dict[str, Any]]:
    asked = {k: q for k, q in form.items.items() if q.kind in ("choice", "integer", "decimal")}
    return st.fixed_dictionaries({}, optional={k: answer(q) for k, q in asked.items()})


intakes, exams, followups = (answers(VIEWS[v]) for v in ("answers", "findings", "followup"))
ages = st.integers(0, 130)  # hours


def found(clinic: Clinic, told: Mapping[str, Any]) -> Evaluation:
    responses = given_responses({"blank": "others", **told}, {}, CONTENT, NOW)
    return clinic.found(responses=list(responses)).evaluation


def shown(evaluation: Evaluation) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(w.card.id, w.priority, tuple(s.id for s in w.suggestions)) for w in evaluation.shown]


def cards(evaluation: Evaluation) -> set[str]:
    return {wanted.card.id for wanted in evaluation.shown}


def asking(evaluation: Evaluation) -> set[tuple[str, str]]:
    """Card and source of every contribution that asks for a card, shown or waiting."""
    wanted = (*evaluation.shown, *evaluation.deferred, *evaluation.held)
    return {(one.card.id, contribution.source.id) for one in wanted for contribution in one.asking}


def parts_differ(evaluation: Evaluation) -> bool:
    return any(note.id == "exam-body-parts-differ" for note in evaluation.notes)


def yes(evaluation: Evaluation) -> set[str]:
    return {rule for rule, said in evaluation.rules.items() if said == "yes"}


@given(intakes, st.booleans())
def test_an_exam_form_that_says_nothing_changes_nothing(
    clinic: Clinic, intake: dict[str, Any], with_parts: bool
) -> None:
    parts = [
        c for c in intake.get("organs", ()) if c in VIEWS["findings"].items[BODY_PARTS].options
    ]
    exam = {BODY_PARTS: parts if with_parts else []}

    alone = found(clinic, {"answers": intake})
    beside = found(clinic, {"answers": intake, "findings": exam})

    assert shown(beside) == shown(alone)


@given(intakes, exams, followups, ages, ages)
def test_what_an_exam_and_a_follow_up_may_not_take_away(
    clinic: Clinic,
    intake: dict[str, Any],
    exam: dict[str, Any],
    followup: dict[str, Any],
    exam_age: int,
    followup_age: int,
) -> None:
    ages_of = {"findingsHoursAgo": exam_age, "followupHoursAgo": followup_age}
    alone = cards(found(clinic, {"answers": intake}))
    both = found(clinic, {"answers": intake, "findings": exam, "followup": followup, **ages_of})

    assert alone & {"REC-EMERG", "REC-SAFETY"} <= cards(both)
    assert "REC-ASK" not in alone - cards(both) or "REC-EMERG" in cards(both)
    if yes(both) & {"E12", "FURED"}:
        assert "REC-EMERG" in cards(both)
        assert "REC-SELF" not in cards(both)
    for one, other in NEVER_BOTH:
        assert not {one, other} <= yes(both)


complaints = st.builds(lambda told, more: {**told, **more}, intakes, st.sampled_from(COMPLAINTS))
examined = st.builds(
    lambda told, more: {k: v for k, v in (told | more).items() if k != BODY_PARTS},
    exams,
    st.sampled_from([EXAMINED, {"xdone": "full"}, {}]),
)


@given(complaints, examined, followups, ages, ages)
def test_only_what_the_table_names_disappears(
    clinic: Clinic,
    intake: dict[str, Any],
    exam: dict[str, Any],
    followup: dict[str, Any],
    exam_age: int,
    followup_age: int,
) -> None:
    """Of the first round, by an exam or a follow-up: so no red flag. Intake and exam name the same
    body parts, and no emergency is new."""
    ages_of = {"findingsHoursAgo": exam_age, "followupHoursAgo": followup_age}
    alone = found(clinic, {"answers": intake})
    both = found(clinic, {"answers": intake, "findings": exam, "followup": followup, **ages_of})

    if "REC-EMERG" not in cards(both) - cards(alone) and not parts_differ(both):
        assert asking(alone) - asking(both) <= HELD.keys()


@given(complaints, examined, ages, st.sampled_from(sorted(HELD)), st.booleans())
def test_what_was_not_recorded_holds_nothing_back(
    clinic: Clinic,
    intake: dict[str, Any],
    exam: dict[str, Any],
    age: int,
    held: tuple[str, str],
    is_blank: bool,
) -> None:
    """The item blank, or answered with "not done"."""
    item = VIEWS["findings"].items[HELD[held]]
    left = {k: v for k, v in exam.items() if k != item.link_id}
    if not is_blank:
        left[item.link_id] = sorted(item.unknown)[:1]
    alone = found(clinic, {"answers": intake})
    both = found(clinic, {"answers": intake, "findings": left, "findingsHoursAgo": age})
    if parts_differ(both) or "REC-EMERG" in cards(both) - cards(alone):
        return

    assert held not in asking(alone) - asking(both)


def test_each_hold_back_holds_something_back(clinic: Clinic) -> None:
    """So that the tests above look at what there is to see."""
    gone = set()
    for complaint in COMPLAINTS:
        intake = {"dur": "6w3m", "sev": 4, **complaint}
        alone = found(clinic, {"answers": intake})
        gone |= asking(alone) - asking(found(clinic, {"answers": intake, "findings": EXAMINED}))

    assert gone == HELD.keys()


@given(intakes, exams, st.sampled_from(["declined", "deferred"]))
def test_an_exam_that_was_not_done_finds_nothing(
    clinic: Clinic, intake: dict[str, Any], exam: dict[str, Any], done: str
) -> None:
    told = {"answers": intake, "findings": {**exam, "xdone": done}}

    assert yes(found(clinic, told)) & set(EXAM_RULES) <= {"E0"}


@given(exams, intakes)
def test_findings_of_parts_that_are_not_there_change_nothing(
    clinic: Clinic, exam: dict[str, Any], intake: dict[str, Any]
) -> None:
    whole = {**exam, BODY_PARTS: ["testis"], "xdone": "full"}
    hidden = {"xvulva", "xswab", "xswabsev", "xph", "xwet", "xtender", "xuterus", "xmass"}
    hidden |= {"xcervix", "xstrings"}
    left = {k: v for k, v in whole.items() if k not in hidden}

    with_all = found(clinic, {"answers": intake, "findings": whole})
    without = found(clinic, {"answers": intake, "findings": left})

    assert shown(with_all) == shown(without)


@given(intakes, exams)
def test_what_was_disclosed_does_not_show_through(
    clinic: Clinic, intake: dict[str, Any], exam: dict[str, Any]
) -> None:
    evaluation = found(clinic, {"answers": {**intake, **DISCLOSED}, "findings": exam})
    assert "RF13" in yes(evaluation)

    speaking = {
        wanted.card.id
        for wanted in evaluation.shown
        for r in wanted.reasons
        if r.source.id in EXAM_RULES
    }

    assert speaking <= {"REC-EMERG", "REC-ASK", "REC-OB"}


def test_the_rules_that_are_named_here_exist() -> None:
    known = {source.id for source in CONTENT.sources}

    assert {rule for pair in NEVER_BOTH for rule in pair} <= known
    assert len(EXAM_RULES) > len(NEVER_BOTH)
    with pytest.raises(StopIteration):
        next(rule for rule in EXAM_RULES if rule not in known)
