"""What a card quotes is what made its sources speak, over random people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cds_service.content.model import Contribution
from cds_service.decision.evaluate import Answer, Evaluation
from cds_service.decision.support import Fact, Values
from cds_service.hooks.pipeline import Result
from tests.decision.test_invariants import Person, met, people
from tests.support.clinic import Clinic

# They rest on what is absent, or (the screening of C23) on the kind of sex, which no card quotes.
REST_ON_ABSENCE = {"emergency-questions-open", "C25", "C23"}


def told(result: Result) -> list[Contribution]:
    """Every reason that a card of the response tells."""
    return [reason for wanted in result.evaluation.shown for reason in wanted.told]


def support(clinic: Clinic, evaluation: Evaluation, reason: Contribution) -> list[Fact]:
    """What made a reason true, and what made the sources true that it rests on."""
    writer = clinic.pipeline.writer
    values = Values(evaluation.facts, evaluation.evaluator.bindings)

    def within(facts: Iterator[Fact]) -> Iterator[Fact]:
        for fact in facts:
            yield fact
            rule = writer.quotes.sources[fact.name].rule if fact.kind == "source" else None
            if rule:
                yield from within(writer.reader.named(rule).support(values))

    return list(within(writer.support[reason].support(values)))


def is_there(fact: Fact, evaluation: Evaluation, sent: set[str]) -> bool:
    """Whether a fact is an answer, an entry or a rule of this call."""
    facts = evaluation.facts
    answer = facts.answers.view.get(fact.name)
    match fact.kind:
        case "option":
            return isinstance(answer, dict) and answer.get(fact.code) is True
        case "number":
            return answer is not None
        case "age":
            return facts.variables["age"] is not None
        case "entry":
            return fact.entry is not None and fact.entry.resource.get("id") in sent
        case "value":
            return bool(evaluation.evaluator.bindings[fact.name])
        case _:
            return evaluation.rules[fact.name] is Answer.YES


@given(person=people)
def test_every_supporting_fact_is_an_answer_or_an_entry_of_this_call(
    person: Person, clinic: Clinic
) -> None:
    result, _ = met(clinic, person)
    sent = {entry["id"] for entry in person[1]}

    for reason in told(result):
        for fact in support(clinic, result.evaluation, reason):
            assert is_there(fact, result.evaluation, sent), (reason.source.id, reason.id, fact)


def without(person: Person, facts: list[Fact], evaluation: Evaluation) -> Person:
    """The person with these answers left blank, and the chart without entries of these kinds: a
    card quotes the newest entry of each."""
    answers, chart, patient = person
    blank = {f.name for f in facts if f.kind in ("option", "number")}
    requirements = evaluation.content.requirements
    kinds = {requirements[f.name].main.value_set for f in facts if f.kind == "entry"}
    gone = {
        entry.resource.get("id")
        for name, entries in evaluation.facts.entries.items()
        if requirements[name].main.value_set in kinds
        for entry in entries
    }
    measured = any(f.kind == "value" for f in facts)
    kept: list[dict[str, Any]] = [
        entry
        for entry in chart
        if entry["id"] not in gone and not (measured and entry["resourceType"] == "Observation")
    ]
    ageless = any(f.kind == "age" for f in facts)
    return (
        {link_id: value for link_id, value in answers.items() if link_id not in blank},
        kept,
        {k: v for k, v in patient.items() if not (ageless and k == "birthDate")},
    )


@given(person=people, place=st.integers(0, 20))
def test_a_source_without_its_supporting_facts_does_not_speak(
    person: Person, place: int, clinic: Clinic
) -> None:
    result, _ = met(clinic, person)
    reasons = [r for r in told(result) if r.source.id not in REST_ON_ABSENCE]
    if not reasons:
        return
    reason = reasons[place % len(reasons)]
    facts = support(clinic, result.evaluation, reason)

    other, _ = met(clinic, without(person, facts, result.evaluation))

    answer = other.evaluation.evaluator.all_hold(reason.conditions)
    assert answer is not Answer.YES, (reason.source.id, [(f.kind, f.name, f.code) for f in facts])
