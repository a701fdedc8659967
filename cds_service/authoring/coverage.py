"""Which answers the vignettes have seen each condition give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cds_service.authoring.mutation import applicabilities
from cds_service.authoring.vignettes import Case
from cds_service.content.model import Content
from cds_service.decision.evaluate import Answer, answer_of
from cds_service.fhirpath import Expression, nodes

# Functions that answer true or false whatever is missing (FHIRPath 2.0, section 5.1).
SURE = frozenset({"exists", "empty", "all", "allTrue", "anyTrue", "isDistinct", "subsetOf"})


def unseen(content: Content, cases: Sequence[Case]) -> Iterator[str]:
    """One line per condition and per rule with an answer nobody has drawn from it."""
    expressions = {w: c.expression for w, c in applicabilities(content)}
    rules = [s.rule for s in content.sources if s.rule]
    expressions |= {f"%{rule}": content.names[rule].expression for rule in rules}
    seen: dict[str, set[Answer]] = {where: set() for where in expressions}
    for case in cases:
        bindings = case.found.evaluator.bindings
        for where, expression in expressions.items():
            if len(seen[where]) < len(Answer) - 1:
                seen[where].add(answer_of(bindings.answer(expression)))
    for where, expression in expressions.items():
        wanted = [Answer.YES, Answer.NO]
        if can_be_unknown(expression, content):
            wanted.append(Answer.UNKNOWN)
        for answer in wanted:
            if answer not in seen[where]:
                yield f"{where} is never seen to be {answer}"


def can_be_unknown(expression: Expression, content: Content) -> bool:
    """False when the expression's shape always gives true or false."""
    return _may_be_empty(expression.tree, content, {})


def _may_be_empty(node: nodes.Node, content: Content, known: dict[str, bool]) -> bool:
    match node:
        case nodes.Literal():
            return False
        case nodes.Variable(name=name) if name in content.names:
            if name not in known:
                tree = content.names[name].expression.tree
                known[name] = _may_be_empty(tree, content, known)
            return known[name]
        case nodes.Call(name="not", base=base) if base is not None:
            return _may_be_empty(base, content, known)
        case nodes.Call(name="iif", arguments=(_, *branches)):
            return len(branches) == 1 or any(_may_be_empty(b, content, known) for b in branches)
        case nodes.Call(name=name):
            return name not in SURE
        case nodes.Binary(operator="in", left=nodes.Literal()):
            return False
        case nodes.Binary(operator="and" | "or", left=left, right=right):
            return any(_may_be_empty(side, content, known) for side in (left, right))
        case _:
            return True
