"""Which inputs an expression rests on, read from its tree once at load.

``supporting`` are answers and chart entries that speak *for* the expression being true, ``watches``
those that could still make it false (exclusions and possibilities). Names are followed. Cards
quote the first and list what is unanswered among the second.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cds_service.content.model import Applicability, InputRef, NamedFact
from cds_service.fhirpath import nodes


@dataclass(frozen=True, slots=True)
class SupportingInput:
    """A leaf that speaks for an expression, and the names it was reached through: it counts only
    where each of them holds."""

    leaf: InputRef
    through: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Clues and leaves in the order they appear."""

    supporting: tuple[SupportingInput, ...]
    contrary: tuple[InputRef, ...]


class EvidenceReader:
    """Reads leaves of expressions; a named expression is read once per sign."""

    def __init__(self, names: Mapping[str, NamedFact], prefixes: Mapping[str, str]) -> None:
        self.names = names
        self.prefixes = prefixes  # of the views, by name
        self._known: dict[tuple[str, bool], tuple[tuple[SupportingInput, bool], ...]] = {}

    def of(self, conditions: tuple[Applicability, ...]) -> Evidence:
        """The evidence of conditions that must all hold."""
        found = dict.fromkeys(
            pair for c in conditions for pair in self._leaves(c.expression.tree, True)
        )
        return Evidence(
            tuple(clue for clue, speaks_for in found if speaks_for),
            tuple(dict.fromkeys(clue.leaf for clue, speaks_for in found if not speaks_for)),
        )

    def _leaves(self, node: nodes.Node, speaks_for: bool) -> Iterator[tuple[SupportingInput, bool]]:
        """Leaves with whether they speak for the expression: not once any ``not`` was crossed."""
        path = answer_path(node, self.prefixes)
        if path:
            yield SupportingInput(path, ()), speaks_for
        elif isinstance(node, nodes.Variable):
            yield from self._named(node.name, speaks_for)
        elif (possible := _possible(node)) is not None:
            # "possible" holds until known false: what it rests on can also end it.
            yield from self._leaves(possible, speaks_for)
            yield from self._leaves(possible, False)
        elif isinstance(node, nodes.Call) and node.name == "not" and node.base is not None:
            yield from self._leaves(node.base, False)
        elif isinstance(node, nodes.Call) and node.name == "iif":
            # iif(x, true, ...) and iif(x, 1, 0) count x; any other choice is background.
            criterion, *branches = node.arguments
            yield from self._leaves(criterion, speaks_for and _literal(branches[0]) in (True, 1))
            for branch in branches:
                yield from self._leaves(branch, False)
        else:
            for child in nodes.children(node):
                yield from self._leaves(child, speaks_for)

    def _named(self, name: str, speaks_for: bool) -> tuple[tuple[SupportingInput, bool], ...]:
        if name not in self.names:
            return ((SupportingInput(("%", name), ()), speaks_for),)
        key = (name, speaks_for)
        if key not in self._known:
            tree = self.names[name].expression.tree
            found = (
                (SupportingInput(clue.leaf, (name, *clue.through)) if sign else clue, sign)
                for clue, sign in self._leaves(tree, speaks_for)
            )
            self._known[key] = tuple(dict.fromkeys(found))
        return self._known[key]


def _possible(node: nodes.Node) -> nodes.Node | None:
    """x of the idiom ``iif(x.not(), false, true)``."""
    if not isinstance(node, nodes.Call) or node.name != "iif" or len(node.arguments) != IIF:
        return None
    criterion, then, otherwise = node.arguments
    if _literal(then) is not False or _literal(otherwise) is not True:
        return None
    if not isinstance(criterion, nodes.Call) or criterion.name != "not":
        return None
    return criterion.base


def _literal(node: nodes.Node) -> object:
    return node.value if isinstance(node, nodes.Literal) else None


IIF = 3  # criterion, then, otherwise


def answer_path(node: nodes.Node, prefixes: Mapping[str, str]) -> InputRef | None:
    """``%view.item.code`` as ("item", "code"), ``%view.item`` as ("item", ""), the item with the
    prefix of its view; ``prefixes`` are those of all views, by name."""
    match node:
        case nodes.Member(base=nodes.Variable(name=view), name=item) if view in prefixes:
            return prefixes[view] + item, ""
        case nodes.Member(base=nodes.Member(base=nodes.Variable(name=view), name=item), name=code):
            return (prefixes[view] + item, code) if view in prefixes else None
    return None
