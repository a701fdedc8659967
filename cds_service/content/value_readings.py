"""Conditions on the value of a chart entry: the extensions ``result``, ``unit`` and
``in-component-of`` of a dataRequirement, and ``result-value-sets`` (manual:
``plan_definitions/README.md``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cds_service.content import extensions as ext
from cds_service.content.codes import CodeSet
from cds_service.content.model import (
    Applicability,
    Finding,
    NamedFact,
    Requirement,
    Resource,
    ResultState,
    ValueReading,
)
from cds_service.content.resolver import Resolver
from cds_service.fhirpath import nodes

RESULT, UNIT, PANELS = "result", "unit", "in-component-of"
VALUE_SETS, MAY_QUIET = "result-value-sets", "unread-may-quiet"
STATES = frozenset(ResultState) - {ResultState.NONE}
HELD = frozenset({"Observation", "DiagnosticReport"})  # types whose entries hold a value


def value_reading(node: Resource, library: Resource, resolver: Resolver) -> ValueReading | None:
    """The reading of one dataRequirement; what it names wrongly is a finding."""
    path = f"dataRequirement {node.get('id')}"
    states, units = set(ext.values(node, RESULT)), dict(_units(node))
    if not states and not units:
        return None
    for state in sorted(states - STATES):
        resolver.report(library, path, f"{state!r} is no state of a result: {', '.join(STATES)}")
    if states and units:
        resolver.report(library, path, "is read for its result or for its amount, not for both")
    own, shared = ext.value(node, VALUE_SETS), ext.value(library, VALUE_SETS)
    sets = ext.parts(own or shared or {})
    panels = ext.value(node, PANELS)
    return ValueReading(
        results=frozenset(ResultState(state) for state in states & STATES),
        positive=_codes(sets.get("positive"), library, resolver),
        negative=_codes(sets.get("negative"), library, resolver),
        units=units,
        panels=frozenset(_codes(panels, library, resolver)),
        value_sets=frozenset(filter(None, (*sets.values(), panels))),
    )


def _units(node: Resource) -> Iterator[tuple[str, str]]:
    """Code or text of a unit -> its UCUM code."""
    for extension in ext.values(node, UNIT):
        code = ext.parts(extension)["code"]
        yield code, code
        for part in extension["extension"]:
            if part["url"] == "text":
                yield part["valueString"], code


def _codes(url: str | None, library: Resource, resolver: Resolver) -> CodeSet:
    if url is None or resolver.resolve(url, library, VALUE_SETS) is None:
        return CodeSet(())
    return resolver.value_sets[url]


# -- lint ---------------------------------------------------------------------------------------


def quieting_findings(
    conditions: Iterable[Applicability],
    names: Mapping[str, NamedFact],
    requirements: Mapping[str, Requirement],
) -> Iterator[Finding]:
    """Results that hold a card back by being there, whatever they say, without a word why."""
    reader = _Quieting(names, requirements)
    for condition in conditions:
        reader.read(condition.expression.tree, True)
    for name in sorted(reader.found):
        requirement = requirements[name]
        reading = requirement.reading
        any_value = reading is None or ResultState.STATED in reading.results
        if any_value and requirement.type in HELD and requirement.main.path == "code":
            if requirement.may_quiet is None:
                message = (
                    "holds a card back by exists() alone, even where its value cannot be read: "
                    "say which results count, or why any does (unread-may-quiet)"
                )
                yield Finding("libraries", f"dataRequirement {name}", message)
        elif requirement.may_quiet is not None:
            message = "says why an entry that cannot be read may hold a card back, and none can"
            yield Finding("libraries", f"dataRequirement {name}", message)


class _Quieting:
    """Finds the requirements that a bare ``exists()`` asks about where it speaks against a rule."""

    def __init__(
        self, names: Mapping[str, NamedFact], requirements: Mapping[str, Requirement]
    ) -> None:
        self.names = names
        self.requirements = requirements
        self.found: set[str] = set()
        self._read: set[tuple[str, bool]] = set()

    def read(self, node: nodes.Node, speaks_for: bool) -> None:
        """Reads an expression that is, or is not, in favour of a rule."""
        match node:
            case nodes.Variable(name=name):
                if name in self.names and (name, speaks_for) not in self._read:
                    self._read.add((name, speaks_for))
                    self.read(self.names[name].expression.tree, speaks_for)
            case nodes.Call(base=base, name="exists", arguments=()) if base is not None:
                if not speaks_for:
                    self.found.update(self._listed(base))
            case nodes.Call(base=base, name="not") if base is not None:
                self.read(base, False)
            case nodes.Call(base=None, name="iif", arguments=(criterion, *branches)):
                self.read(criterion, speaks_for and _is_counted(branches[0]))
                for branch in branches:
                    self.read(branch, False)
            case _:
                for child in nodes.children(node):
                    self.read(child, speaks_for)

    def _listed(self, node: nodes.Node) -> Iterator[str]:
        """The requirements whose entries a list holds unfiltered."""
        match node:
            case nodes.Variable(name=name) if name in self.requirements:
                yield name
            case nodes.Variable(name=name) if name in self.names:
                yield from self._listed(self.names[name].expression.tree)
            case nodes.Call(base=base, name="combine", arguments=arguments) if base is not None:
                for listed in (base, *arguments):
                    yield from self._listed(listed)


def _is_counted(node: Any) -> bool:
    return isinstance(node, nodes.Literal) and node.value in (True, 1)
