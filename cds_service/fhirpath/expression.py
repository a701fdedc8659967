"""Compiling and evaluating one expression: the front door of the package."""

from collections.abc import Callable, Collection, Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .compiler import Compiler, always_allowed
from .elements import Items, enter_all, plain
from .errors import FhirPathError
from .nodes import Node, Variable, walk
from .parser import parse
from .scope import Scope, Step

_TOO_DEEP = "the expression is nested too deeply"


@dataclass(frozen=True, eq=False)
class Expression:
    """A compiled expression; it holds no state and may be used by many threads at once.

    `variables` are the names it takes from outside, without those that are always there;
    `depth` is how deeply its operators, calls and steps are nested.
    """

    text: str
    tree: Node = field(repr=False)
    variables: frozenset[str]
    depth: int = field(repr=False)
    step: Step = field(repr=False)

    def evaluate(
        self,
        focus: Any,
        variables: Mapping[str, Any] | None = None,
        now: datetime | None = None,
    ) -> list[Any]:
        """The items of the answer, as dict, str, bool, int, Decimal, date, time or Quantity.

        `variables` may be lazy: a name is looked up only when it is reached. `now` is the clock
        of `now()`, `today()` and `timeOfDay()`. FhirPathError when there is no right answer.
        """
        items = enter_all(focus)
        memo: dict[str, Items] = {}

        def load(name: str) -> Items:
            memo[name] = found = _look_up({} if variables is None else variables, name)
            return found

        return [plain(item) for item in self.run(Scope(memo, load, items, now))]

    def run(self, scope: Scope) -> Items:
        """The answer as typed items; every error is a FhirPathError that names this expression."""
        try:
            return self.step(scope, scope.resource)
        except FhirPathError as error:
            raise error.within(self.text) from None
        except RecursionError:
            raise FhirPathError(_TOO_DEEP, self.text) from None
        except ArithmeticError:
            raise FhirPathError("a number is out of range", self.text) from None
        except (TypeError, AttributeError, KeyError, ValueError):
            raise FhirPathError("a value has a shape that FHIR does not allow", self.text) from None


def _look_up(variables: Mapping[str, Any], name: str) -> Items:
    # Bindings keep items with their FHIR types. Asking for the method, not for a protocol: an
    # isinstance() with one costs more than the look-up.
    items_of: Callable[[str], Items] | None = getattr(variables, "items_of", None)
    try:
        return items_of(name) if items_of else enter_all(variables[name])
    except KeyError:
        raise FhirPathError(f"%{name} has no value") from None


def compile_expression(
    text: str,
    variables: Iterable[str] | None = None,
    *,
    value_sets: Mapping[str, Container[tuple[str | None, str]]] | None = None,
) -> Expression:
    """The expression, ready to evaluate; FhirPathError when any of it is wrong or not supported.

    `variables` are the names that may be used, None for any. `value_sets` are the sets of
    (system, code) that `memberOf()` may name, by url.
    """
    names: Collection[str] | None = None if variables is None else frozenset(variables)
    tree = parse(text)
    compiler = Compiler(names, value_sets)
    try:
        step = compiler.step(tree)
    except FhirPathError as error:
        raise error.within(text) from None
    except RecursionError:
        raise FhirPathError(_TOO_DEEP, text) from None
    used = {node.name for node in walk(tree) if isinstance(node, Variable)}
    outside = frozenset(name for name in used if not always_allowed(name))
    return Expression(text, tree, outside, compiler.deepest, step)
