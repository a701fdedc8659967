"""A rule's diagram for one person says what the evaluation says, down to its leaves."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cds_service.content import Content
from cds_service.decision.evaluate import Evaluation
from cds_service.hooks.pipeline import Pipeline
from demo.clinic.diagram import ContentSteps, PersonDiagrams, PersonStep
from demo.people import read_people
from tests.demo.visits import request_of

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def evaluations(content: Content) -> dict[str, Evaluation]:
    """Of every made-up person whose chart is opened."""
    pipeline = Pipeline(content, "https://cds.example.org/intake")
    service = pipeline.service_for("patient-view")
    people = read_people([form.resource for form in content.forms], NOW)
    return {p.id: pipeline.evaluation(service, request_of(p, service), NOW)[1] for p in people}


@pytest.fixture(scope="module")
def steps(content: Content) -> ContentSteps:
    return ContentSteps(content)


def diagram(evaluation: Evaluation, steps: ContentSteps, rule: str) -> PersonStep:
    tree = evaluation.content.names[rule].expression.tree
    return PersonDiagrams(evaluation, steps).diagram(tree)


def test_every_rule_of_every_person_has_the_answer_of_the_evaluation(
    evaluations: dict[str, Evaluation], steps: ContentSteps
) -> None:
    answers = set()
    for person, evaluation in evaluations.items():
        diagrams = PersonDiagrams(evaluation, steps)
        for source in evaluation.content.sources:
            if source.rule:
                tree = evaluation.content.names[source.rule].expression.tree
                found = diagrams.diagram(tree).answer
                answers.add(found)

                assert found == evaluation.rules[source.id], (person, source.id)
    assert answers == {"yes", "no", "unknown"}


def test_the_support_of_a_true_rule_is_yes_and_of_no_other_rule(
    evaluations: dict[str, Evaluation], steps: ContentSteps
) -> None:
    for evaluation in evaluations.values():
        for wanted in evaluation.shown:
            for rule in filter(None, (reason.source.rule for reason in wanted.reasons)):
                drawn = diagram(evaluation, steps, rule)
                support = [box for box in drawn.walk() if box.is_support]
                # A rule that is true because something is not so has nothing that speaks for it.
                assert support or drawn.step.is_denied, rule
                assert {box.answer for box in support} <= {"yes"}
        (other,) = [s.rule for s in evaluation.content.sources if s.id == "RF08"]
        if other and evaluation.rules["RF08"] != "yes":
            assert not any(b.is_support for b in diagram(evaluation, steps, other).walk())


def test_leaves_say_what_was_answered_and_what_the_chart_holds(
    evaluations: dict[str, Evaluation], steps: ContentSteps
) -> None:
    said = {
        box.said
        for evaluation in evaluations.values()
        for source in evaluation.content.sources
        if source.rule
        for box in diagram(evaluation, steps, source.rule).walk()
    }

    assert {"ticked", "not ticked", "not answered", "no entry"} <= said
    assert any(words.startswith("ticked: ") for words in said)


def test_what_could_not_have_changed_an_answer_is_folded(
    evaluations: dict[str, Evaluation], steps: ContentSteps
) -> None:
    boxes = [
        box
        for wanted in evaluations["maya-torres"].shown
        for rule in filter(None, (reason.source.rule for reason in wanted.reasons))
        for box in diagram(evaluations["maya-torres"], steps, rule).walk()
    ]

    folding = [box for box in boxes if box.folded]
    assert folding
    for box in folding:
        assert {one.truth for one in box.folded}.isdisjoint({one.truth for one in box.children})


def test_restricted_answers_are_marked(
    evaluations: dict[str, Evaluation], steps: ContentSteps, content: Content
) -> None:
    restricted = {i.link_id for i in content.questionnaire.items.values() if i.restricted}
    boxes = diagram(evaluations["dana-whitfield"], steps, "RF13").walk()

    marked = [box for box in boxes if box.is_private]
    assert marked
    assert {box.step.leaf.link.name for box in marked if box.step.leaf.link} <= restricted
