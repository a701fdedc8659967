"""From a syntax tree to closures, once; what cannot be run is refused here.

A node becomes a Step (focus to collection) or, where a boolean is wanted, a Truth (focus to True,
False or None), so that rules run without making collections. Lists are shared, never changed.
"""

from collections.abc import Collection, Container, Mapping

from .elements import EMPTY, Items
from .errors import FhirPathError, closest
from .functions import FUNCTIONS, RESULTS, Function
from .limits import MAX_CHAIN, MAX_DEPTH
from .nodes import (
    CONNECTIVES,
    TRUTHS,
    Binary,
    Call,
    Empty,
    Index,
    Literal,
    Member,
    Node,
    Special,
    TypeTest,
    Unary,
    Variable,
)
from .operators import build_binary, build_connective, build_truth, build_unary
from .paths import build_path_truth, build_variable_path
from .scope import Scope, Step, Truth, as_step, one
from .static import Types, member_types, types_of
from .steps import (
    SPECIALS,
    constant,
    first_member_step,
    focus_step,
    member_step,
    resource_step,
    singleton,
    variable_step,
)
from .typetests import build_type_test

ALWAYS = frozenset({"context", "resource", "rootResource", "ucum", "sct", "loinc"})
CONSTANTS = {
    "ucum": "http://unitsofmeasure.org",
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
}
PREFIXES = {
    "vs-": "http://hl7.org/fhir/ValueSet/",
    "ext-": "http://hl7.org/fhir/StructureDefinition/",
}
ValueSets = Mapping[str, Container[tuple[str | None, str]]]
BOOLEANS = ("System.Boolean", "boolean")
_UNORDERED = ("children", "descendants")


class Compiler:
    """Makes closures for one expression; `depth` grows on the way down the tree."""

    def __init__(self, variables: Collection[str] | None, value_sets: ValueSets | None) -> None:
        self.variables = variables
        self.value_sets = value_sets
        self.depth = 0
        self.deepest = 0

    def step(self, node: Node) -> Step:
        """A closure for the node's collection."""
        self._enter(node)
        try:
            return self._step(node)
        except FhirPathError as error:
            raise error.locate(node.position) from None
        finally:
            self.depth -= 1

    def truth(self, node: Node, *, strict: bool = False) -> Truth:
        """A closure for the node as a boolean (FHIRPath 2.0, 4.5: a single other item is true).

        `strict` refuses another item than a boolean.
        """
        self._enter(node)
        try:
            types = self.types(node) if strict else None
            if types is not None and types.isdisjoint(BOOLEANS):
                raise FhirPathError("expected a boolean", hint="compare it or use exists()")
            return self._truth(node, strict)
        except FhirPathError as error:
            raise error.locate(node.position) from None
        finally:
            self.depth -= 1

    def types(self, node: Node) -> Types:
        """Returns what is known about the node's type."""
        return types_of(node, RESULTS)

    def _enter(self, node: Node) -> None:
        self.depth += 1
        self.deepest = max(self.deepest, self.depth)
        if self.depth > MAX_DEPTH:
            raise FhirPathError(f"nested more than {MAX_DEPTH} deep", None, node.position)

    def _step(self, node: Node) -> Step:  # noqa: PLR0911 (one for each kind of node)
        match node:
            case Literal(value=value):
                return constant([value])
            case Empty():
                return constant(EMPTY)
            case Variable():
                return self._variable(node)
            case Special(name=name):
                return SPECIALS[name]
            case Member():
                return self._member(node)
            case Index():
                return self._index(node)
            case Unary():
                return build_unary(self, node)
            case Binary(operator=operator):
                if operator in TRUTHS or operator in CONNECTIVES:
                    return as_step(self._truth(node))
                return build_binary(self, node)
            case TypeTest(operator=operator, operand=operand, type_name=name):
                return build_type_test(operator, self.step(operand), name, node.position)
            case Call():
                function = self._function(node)
                if function.boolean:
                    return as_step(function.build(self, node))
                step: Step = function.build(self, node)
                return step

    def _truth(self, node: Node, strict: bool = False) -> Truth:
        match node:
            case Literal(value=bool(value)):
                return lambda scope, focus: value
            case Binary(operator=operator) if operator in CONNECTIVES:
                return build_connective(operator, [self.truth(one) for one in terms_of(node)])
            case Binary(operator=operator) if operator in TRUTHS:
                return build_truth(self, node)
            case Call():
                function = self._function(node)
                if function.boolean or function.truth is not None:
                    build = function.truth or function.build
                    truth: Truth = build(self, node)
                    return truth
            case Member() | Variable():
                path = variable_path(node)
                if path is not None and not always_allowed(path[0]):
                    general = singleton(self._step(node), node.position, strict)
                    return build_path_truth(*path, general)
        return singleton(self._step(node), node.position, strict)

    def base(self, node: Call) -> Step:
        """The closure for what a function is called on."""
        return focus_step if node.base is None else self.step(node.base)

    def _function(self, node: Call) -> Function:
        function = FUNCTIONS.get(node.name)
        if function is None:
            hint = closest(node.name, FUNCTIONS)
            raise FhirPathError(f"unknown function {node.name}()", None, node.position, hint)
        least, most = function.arguments
        if not least <= len(node.arguments) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            raise FhirPathError(
                f"{node.name}() takes {wanted} arguments, not {len(node.arguments)}",
                None,
                node.position,
            )
        if function.ordered and isinstance(node.base, Call) and node.base.name in _UNORDERED:
            raise FhirPathError(f"{node.base.name}() has no order for {node.name}()")
        return function

    def _check_variable(self, name: str, node: Node) -> None:
        if self.variables is None or name in self.variables or always_allowed(name):
            return
        hint = closest(name, [*self.variables, *ALWAYS])
        raise FhirPathError(f"unknown variable %{name}", None, node.position, hint)

    def _variable(self, node: Variable) -> Step:
        name = node.name
        self._check_variable(name, node)
        fixed = constant_of(name)
        if fixed is not None:
            return constant([fixed])
        if name in ALWAYS:
            return resource_step
        return variable_step(name, node.position)

    def _member(self, node: Member) -> Step:
        if node.base is None:
            return first_member_step(node.name, node.position)
        path = variable_path(node)
        if path is not None and not always_allowed(path[0]):
            general = member_step(self.step(node.base), node.name, node.position)
            return build_variable_path(*path, general)
        base = self.step(node.base)
        member_types(self.types(node.base), node.name)
        return member_step(base, node.name, node.position)

    def _index(self, node: Index) -> Step:
        if isinstance(node.base, Call) and node.base.name in _UNORDERED:
            raise FhirPathError(f"{node.base.name}() has no order for an index")
        base, index, position = self.step(node.base), self.step(node.index), node.position

        def step(scope: Scope, focus: Items) -> Items:
            items = base(scope, focus)
            place = one(index(scope, focus), "as an index")
            if place is None:
                return EMPTY
            if type(place) is not int:
                raise FhirPathError("an index must be an integer", None, position)
            return items[place : place + 1] if place >= 0 else EMPTY

        return step


def always_allowed(name: str) -> bool:
    """Checks whether a variable is known everywhere: the resource, and the specification's
    constants."""
    return name in ALWAYS or constant_of(name) is not None


def constant_of(name: str) -> str | None:
    """The text of `%ucum`, `%sct`, `%loinc`, `%vs-...` and `%ext-...` (FHIR R4, 2.1.25)."""
    for prefix, url in PREFIXES.items():
        if name.startswith(prefix):
            return url + name.removeprefix(prefix)
    return CONSTANTS.get(name)


def terms_of(node: Binary) -> list[Node]:
    """The terms of a chain of one operator, left to right: `a or b or c` is compiled flat."""
    found: list[Node] = []
    left: Node = node
    while isinstance(left, Binary) and left.operator == node.operator:
        found.append(left.right)
        left = left.left
    if len(found) >= MAX_CHAIN:
        raise FhirPathError(f"more than {MAX_CHAIN} terms in one chain", None, node.position)
    return [left, *reversed(found)]


def variable_path(node: Node) -> tuple[str, tuple[str, ...]] | None:
    """The variable and the names of a plain path `%a.b.c`; None for any other node."""
    names: list[str] = []
    while isinstance(node, Member) and node.base is not None:
        names.append(node.name)
        node = node.base
    return (node.name, tuple(reversed(names))) if isinstance(node, Variable) else None
