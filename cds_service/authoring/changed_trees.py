"""Trees of an expression that differ from it in one place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from cds_service.fhirpath import Quantity, nodes, render

COMPARISONS = frozenset({"<", "<=", ">", ">="})
LOGICAL = frozenset({"and", "or"})


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
