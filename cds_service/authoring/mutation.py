"""Would anybody notice? Each condition in turn is negated, dropped, or its threshold moved by one;
a mutant that no vignette tells from the content is a hole in the vignettes.

A mutant is only run on the people for whom the changed condition answers otherwise: for all others
nothing can differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from cds_service.authoring.expectations import mismatches
from cds_service.authoring.vignettes import Case
from cds_service.content.model import Applicability, Content, Moment, NamedFact, Requirement
from cds_service.decision.chart import ChartIndex
from cds_service.decision.evaluate import Answer, Evaluation, finish
from cds_service.fhirpath import (
    Expression,
    FhirPathError,
    Quantity,
    compile_expression,
    nodes,
    render,
)

COMPARISONS = frozenset({"<", "<=", ">", ">="})
LOGICAL = frozenset({"and", "or"})


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change. ``kills`` says whether a person's expectation notices it."""

    where: str
    change: str
    kills: Callable[[Case], bool]


def mutants(content: Content) -> Iterator[Mutant]:
    """Every mutant of the content's conditions, named rules and look-back windows."""
    for where, condition in applicabilities(content):
        for change, answer in (("dropped", _dropped), ("negated", _negated)):
            yield Mutant(where, change, _ConditionKill(content, condition, answer))
    allowed = {*content.names, *content.requirements, *_inputs(content)}
    for fact in content.names.values():
        for change, tree in changed_trees(fact.expression.tree):
            source = render(tree)
            expression = compile_expression(source, allowed, value_sets=content.value_sets)
            kill = _RuleKill(content, fact, expression)
            yield Mutant(f"%{fact.name}", change, kill)
    yield from moved_windows(content)


def survivors(
    found: Sequence[Mutant], cases: Sequence[Case], progress: Callable[[int], None]
) -> list[Mutant]:
    """The mutants nobody notices; ``progress`` is told how many have been tried."""
    alive = []
    for number, mutant in enumerate(found, 1):
        if not any(mutant.kills(case) for case in cases):
            alive.append(mutant)
        progress(number)
    return alive


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


class _ConditionKill:
    """Does a person notice another answer of one condition?"""

    def __init__(
        self, content: Content, condition: Applicability, change: Callable[[Answer], Answer]
    ) -> None:
        self.content = content
        self.condition = condition
        self.change = change

    def __call__(self, case: Case) -> bool:
        base = case.found.evaluator
        before = base.answer(self.condition)
        after = self.change(before)
        if (after is Answer.YES) is (before is Answer.YES):
            return False
        mutated = base.derive({**base.known, self.condition: after})
        return bool(mismatches(case.vignette.expect, finish(mutated, case.vignette.hook)))


# -- named expressions ---------------------------------------------------------------------


class _RuleKill:
    """Does a person notice another expression under one name?"""

    def __init__(self, content: Content, fact: NamedFact, expression: Expression) -> None:
        self.content = content
        self.fact = fact
        self.expression = expression
        self.touched = _dependents(content, fact.name)
        self.kept = _untouched(content, self.touched)

    def __call__(self, case: Case) -> bool:
        base = case.found.evaluator
        try:
            after = base.bindings.answer(self.expression)
        except FhirPathError:
            return True  # a rule that cannot be evaluated is noticed at once
        if after == base.bindings[self.fact.name]:
            return False
        changed = {self.fact.name: after}
        return bool(mismatches(case.vignette.expect, _with(case, changed, self.touched, self.kept)))


def _with(
    case: Case,
    changed: dict[str, Any],
    touched: frozenset[str],
    kept_keys: frozenset[Applicability],
) -> Evaluation:
    """The evaluation with other values under some names; only what rests on them is redone."""
    base = case.found.evaluator
    content = base.content
    kept = {name: base.bindings[name] for name in content.names if name not in touched}
    inputs = {**base.facts.variables, **kept, **changed}
    bindings = content.expressions.bind(inputs, base.now)
    answers = {key: base.known[key] for key in kept_keys if key in base.known}
    return finish(base.derive(answers, bindings), case.vignette.hook)


def _untouched(content: Content, touched: frozenset[str]) -> frozenset[Applicability]:
    """Keys of the conditions that rest on none of the names."""
    return frozenset(c for _, c in applicabilities(content) if not c.expression.variables & touched)


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


def changed_trees(tree: nodes.Node) -> Iterator[tuple[str, nodes.Node]]:
    """Every tree that differs in one place: a logical operand dropped or negated, a threshold
    moved by one."""
    for node in nodes.walk(tree):
        if isinstance(node, nodes.Binary) and node.operator in LOGICAL:
            for operand, other in ((node.left, node.right), (node.right, node.left)):
                yield f"dropped {render(operand)}", _put(tree, node, other)
                if not (isinstance(operand, nodes.Binary) and operand.operator in LOGICAL):
                    negated = nodes.Call(operand, "not", (), operand.position)
                    yield f"negated {render(operand)}", _put(tree, operand, negated)
        elif isinstance(node, nodes.Binary) and node.operator in COMPARISONS:
            for step in (1, -1):
                moved = _moved(node, step)
                if moved is not None:
                    yield f"{render(node)} became {render(moved)}", _put(tree, node, moved)


def _moved(node: nodes.Binary, step: int) -> nodes.Node | None:
    if not isinstance(node.right, nodes.Literal):
        return None
    value = node.right.value
    if isinstance(value, Quantity):
        moved: object = replace(value, value=value.value + step)
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        moved = value + step
    else:
        return None
    return replace(node, right=replace(node.right, value=moved))


def _put(tree: nodes.Node, old: nodes.Node, new: nodes.Node) -> nodes.Node:
    """The tree with one node (found by identity) in another's place."""
    if tree is old:
        return new
    match tree:
        case nodes.Binary():
            return replace(tree, left=_put(tree.left, old, new), right=_put(tree.right, old, new))
        case nodes.Call():
            base = None if tree.base is None else _put(tree.base, old, new)
            arguments = tuple(_put(a, old, new) for a in tree.arguments)
            return replace(tree, base=base, arguments=arguments)
        case nodes.Member(base=base) if base is not None:
            return replace(tree, base=_put(base, old, new))
        case _:
            return tree


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
        self.touched = _dependents(content, moved.id)
        self.kept = _untouched(content, self.touched)

    def __call__(self, case: Case) -> bool:
        entries, _ = self.index.match(case.chart, case.vignette.now)
        found = [entry.resource for entry in entries.get(self.moved.id, ())][: self.moved.limit]
        if found == case.found.facts.variables[self.moved.id]:
            return False
        changed = {self.moved.id: found}
        return bool(mismatches(case.vignette.expect, _with(case, changed, self.touched, self.kept)))
