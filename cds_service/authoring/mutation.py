"""Would anybody notice? Each condition in turn is negated, dropped, or its threshold moved by one;
a mutant that no vignette tells from the content is a hole in the vignettes.

A mutant is only run on the people for whom the changed condition answers otherwise: for all others
nothing can differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cds_service.authoring.changed_trees import changed_trees
from cds_service.authoring.expectations import mismatches
from cds_service.authoring.vignettes import Case
from cds_service.content.model import Applicability, Content, Moment, NamedFact, Requirement
from cds_service.decision.chart import ChartIndex
from cds_service.decision.evaluate import Answer, Evaluation, finish
from cds_service.fhirpath import (
    Expression,
    FhirPathError,
    NamedExpressions,
    compile_expression,
    render,
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change. ``kills`` says whether a person's expectation notices it."""

    where: str
    change: str
    kills: Callable[[Case], bool]


def mutants(content: Content) -> Iterator[Mutant]:
    """Every mutant of the content's conditions, named rules and look-back windows."""
    lists = _lists_with(content)
    for where, condition in applicabilities(content):
        for change, answer in (("dropped", _dropped), ("negated", _negated)):
            yield Mutant(where, change, _ConditionKill(condition, lists[condition], answer))
    allowed = {*content.names, *content.requirements, *_inputs(content)}
    for fact in content.names.values():
        redone = _Redone.of(content, fact.name)
        for change, tree in changed_trees(fact.expression.tree):
            source = render(tree)
            expression = compile_expression(source, allowed, value_sets=content.value_sets)
            yield Mutant(f"%{fact.name}", change, _RuleKill(fact, expression, redone))
    yield from moved_windows(content)


# -- conditions of actions -----------------------------------------------------------------


def applicabilities(content: Content) -> Iterator[tuple[str, Applicability]]:
    """Every condition once, with a path that names it."""
    seen: set[Applicability] = set()
    for where, conditions in _all_conditions(content):
        for number, condition in enumerate(conditions):
            if condition not in seen:
                seen.add(condition)
                yield f"{where}.condition[{number}]", condition


def _all_conditions(content: Content) -> Iterator[tuple[str, tuple[Applicability, ...]]]:
    for contributions in content.contributions.values():
        for contribution in contributions:
            where = f"{contribution.source.plan['id']}: {contribution.source.id}.{contribution.id}"
            yield where, contribution.conditions
    for plan_id, card in content.cards.items():
        yield f"{plan_id}: card", card.conditions
        for suggestion in card.suggestions:
            yield f"{plan_id}: {suggestion.id}", suggestion.conditions
    for moment in content.strategy.moments:
        yield from _moment_conditions(content.strategy.plan["id"], moment)


def _moment_conditions(
    plan_id: str, moment: Moment
) -> Iterator[tuple[str, tuple[Applicability, ...]]]:
    yield f"{plan_id}: {moment.id}", moment.conditions
    for note in moment.notes:
        yield f"{plan_id}: {moment.id}.{note.id}", note.conditions
    for group in moment.groups:
        yield f"{plan_id}: {moment.id}.{group.id}", group.conditions
        for placement in group.placements:
            yield f"{plan_id}: {moment.id}.{group.id}.{placement.card}", placement.conditions


def _dropped(_answer: Answer) -> Answer:
    return Answer.YES


def _negated(answer: Answer) -> Answer:
    return {Answer.YES: Answer.NO, Answer.NO: Answer.YES}.get(answer, answer)


@dataclass(frozen=True, slots=True)
class _ConditionKill:
    """Does a person notice another answer of one condition? ``lists`` are the lists of conditions
    that it stands in: where none of them changes its mind, nothing can differ."""

    condition: Applicability
    lists: tuple[tuple[Applicability, ...], ...]
    change: Callable[[Answer], Answer]

    def __call__(self, case: Case) -> bool:
        base = case.found.evaluator
        before = base.answer(self.condition)
        after = self.change(before)
        if (after is Answer.YES) is (before is Answer.YES):
            return False
        others = (one for listed in self.lists for one in [set(listed) - {self.condition}])
        if not any(base.all_hold(one) is Answer.YES for one in others):
            return False
        mutated = base.derive({**base.known, self.condition: after})
        return bool(mismatches(case.vignette.expect, finish(mutated, case.vignette.hook)))


def _lists_with(content: Content) -> dict[Applicability, tuple[tuple[Applicability, ...], ...]]:
    """Condition -> the lists of conditions that it stands in."""
    lists: dict[Applicability, tuple[tuple[Applicability, ...], ...]] = {}
    for _, conditions in _all_conditions(content):
        for condition in conditions:
            lists[condition] = (*lists.get(condition, ()), conditions)
    return lists


# -- named expressions ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Redone:
    """The part that rests on one name and is evaluated again when it changes: ``names``; ``read``
    are the other names that these or their conditions read, ``kept`` the conditions that stay."""

    names: frozenset[str]
    read: frozenset[str]
    kept: frozenset[Applicability]

    @classmethod
    def of(cls, content: Content, name: str) -> _Redone:
        """Returns what rests on a name or on a chart key."""
        names = _dependents(content, name)
        conditions = [condition for _, condition in applicabilities(content)]
        kept = frozenset(c for c in conditions if not c.expression.variables & names)
        again = [content.names[n].expression for n in names if n in content.names]
        again += [c.expression for c in conditions if c not in kept]
        read = frozenset(n for e in again for n in e.variables if n in content.names)
        return cls(names, read - names, kept)


@dataclass(frozen=True, slots=True)
class _RuleKill:
    """Does a person notice another expression under one name?"""

    fact: NamedFact
    expression: Expression
    redone: _Redone

    def __call__(self, case: Case) -> bool:
        base = case.found.evaluator
        try:
            after = base.bindings.answer(self.expression)
        except FhirPathError:
            return True  # a rule that cannot be evaluated is noticed at once
        if after == base.bindings[self.fact.name]:
            return False
        # Once more as items with their FHIR types, as the expressions that rest on it see them.
        read = {name: base.bindings.items_of(name) for name in self.expression.variables}
        alone = NamedExpressions({self.fact.name: self.expression}).bind(read, base.now)
        changed = {self.fact.name: alone.items_of(self.fact.name)}
        return bool(mismatches(case.vignette.expect, _with(case, changed, self.redone)))


def _with(case: Case, changed: Mapping[str, Any], redone: _Redone) -> Evaluation:
    """The evaluation with other values under some names; only what rests on them is redone."""
    base = case.found.evaluator
    kept = {name: base.bindings.items_of(name) for name in redone.read}
    inputs = {**base.facts.variables, **kept, **changed}
    bindings = base.content.expressions.bind(inputs, base.now)
    answers = {key: base.known[key] for key in redone.kept if key in base.known}
    return finish(base.derive(answers, bindings), case.vignette.hook)


def _dependents(content: Content, name: str) -> frozenset[str]:
    """The name and every name that rests on it."""
    found = {name}
    growing = True
    while growing:
        more = {
            n for n, f in content.names.items() if n not in found and f.expression.variables & found
        }
        found |= more
        growing = bool(more)
    return frozenset(found)


def _inputs(content: Content) -> set[str]:
    return {v for f in content.names.values() for v in f.expression.variables}


# -- look-back windows ---------------------------------------------------------------------


def moved_windows(content: Content) -> Iterator[Mutant]:
    """Every look-back window one unit longer and one unit shorter."""
    for requirement in content.requirements.values():
        if requirement.window:
            amount, unit = requirement.window
            for step in (1, -1):
                moved = replace(requirement, window=(amount + step, unit))
                kill = _WindowKill(content, moved)
                yield Mutant(f"dataRequirement {requirement.id}", f"window moved by {step}", kill)


class _WindowKill:
    """Does a person notice another look-back window of one chart key?"""

    def __init__(self, content: Content, moved: Requirement) -> None:
        self.moved = moved
        self.index = ChartIndex.of([moved])
        self.redone = _Redone.of(content, moved.id)

    def __call__(self, case: Case) -> bool:
        entries, _ = self.index.match(case.chart, case.vignette.now)
        found = [entry.resource for entry in entries.get(self.moved.id, ())][: self.moved.limit]
        if found == case.found.facts.variables[self.moved.id]:
            return False
        changed = {self.moved.id: found}
        return bool(mismatches(case.vignette.expect, _with(case, changed, self.redone)))
