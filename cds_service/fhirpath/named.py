"""Expressions that name one another, evaluated on first use and remembered."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from .elements import EMPTY, Items, enter_all, plain
from .errors import FhirPathError
from .expression import Expression
from .limits import MAX_CHAINED_DEPTH
from .scope import Scope


class NamedExpressions:
    """A set of named expressions without cycles; an expression refers to another as `%name`.

    `focus` gives the expressions' focus by name (a plan, for its rules); none means empty.
    """

    def __init__(
        self, expressions: Mapping[str, Expression], focus: Mapping[str, Any] | None = None
    ) -> None:
        self.expressions = dict(expressions)
        self.focus = {name: enter_all(one) for name, one in (focus or {}).items()}
        depths: dict[str, int] = {}
        for name in self.expressions:
            self._measure(name, depths)

    def _measure(self, start: str, depths: dict[str, int]) -> None:
        """Find how deep the names below `start` go; FhirPathError for a cycle or for too deep."""
        path = [start]
        while path:
            name = path[-1]
            expression = self.expressions[name]
            below = sorted(expression.variables & self.expressions.keys())
            waiting = next((one for one in below if one not in depths), None)
            if waiting is None:
                depths[name] = expression.depth + max((depths[one] for one in below), default=0)
                if depths[name] > MAX_CHAINED_DEPTH:
                    raise FhirPathError(f"%{name} and the names it uses are nested too deeply")
                path.pop()
            elif waiting in path:
                circle = [*path[path.index(waiting) :], waiting]
                raise FhirPathError(f"names go in a circle: {' -> '.join(circle)}")
            else:
                path.append(waiting)

    def bind(self, inputs: Mapping[str, Any], now: datetime) -> "Bindings":
        """The values of all names for these inputs at this instant, none evaluated yet."""
        return Bindings(self, inputs, now)


class Bindings(Mapping[str, list[Any]]):
    """Inputs and named expressions by name, inputs first; each is read once.

    A name whose expression fails raises the same FhirPathError every time. Not for many threads.
    """

    def __init__(self, named: NamedExpressions, inputs: Mapping[str, Any], now: datetime) -> None:
        self._named = named
        self._inputs = inputs
        self._now = now
        self._memo: dict[str, Items] = {}
        self._errors: dict[str, FhirPathError] = {}

    def _load(self, name: str) -> Items:
        if name in self._errors:
            raise self._errors[name].copy()
        if name in self._inputs:
            items = enter_all(self._inputs[name])
        else:
            items = self._evaluate(name)
        self._memo[name] = items
        return items

    def _evaluate(self, name: str) -> Items:
        expression = self._named.expressions.get(name)
        if expression is None:
            raise FhirPathError(f"%{name} has no value")
        focus = self._named.focus.get(name, EMPTY)
        try:
            return expression.run(Scope(self._memo, self._load, focus, self._now))
        except FhirPathError as error:
            self._errors[name] = error
            raise error.copy() from None

    def __getitem__(self, name: str) -> list[Any]:
        if name not in self:
            raise KeyError(name)
        items = self._memo.get(name)
        return [plain(item) for item in (self._load(name) if items is None else items)]

    def __contains__(self, name: object) -> bool:
        return name in self._inputs or name in self._named.expressions

    def __iter__(self) -> Iterator[str]:
        yield from self._inputs
        yield from (name for name in self._named.expressions if name not in self._inputs)

    def __len__(self) -> int:
        return len(self._inputs.keys() | self._named.expressions.keys())
