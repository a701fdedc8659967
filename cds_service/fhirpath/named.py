"""Expressions that name one another, evaluated on first use and remembered."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from .elements import EMPTY, Items, enter_all, plain
from .errors import FhirPathError
from .expression import Expression
from .limits import FRAMES_A_LEVEL, FRAMES_A_NAME, MAX_FRAMES
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
        frames: dict[str, int] = {}
        for name in self.expressions:
            self._measure(name, frames)

    def _measure(self, start: str, frames: dict[str, int]) -> None:
        """Find how deep the names below `start` go; FhirPathError for a cycle or for too deep."""
        path = [start]
        while path:
            name = path[-1]
            expression = self.expressions[name]
            below = sorted(expression.variables & self.expressions.keys())
            waiting = next((one for one in below if one not in frames), None)
            if waiting is None:
                own = FRAMES_A_NAME + FRAMES_A_LEVEL * expression.depth
                frames[name] = own + max((frames[one] for one in below), default=0)
                if frames[name] > MAX_FRAMES:
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
        self._given = frozenset(inputs)
        self._now = now
        self._memo: dict[str, Items] = {}
        self._errors: dict[str, FhirPathError] = {}

    def _load(self, name: str) -> Items:
        if name in self._errors:
            raise self._errors[name].copy()
        given = name in self._given
        self._memo[name] = items = enter_all(self._inputs[name]) if given else self._evaluate(name)
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

    def answer(self, expression: Expression) -> list[Any]:
        """The answer of an expression over these names, without a focus; what it reads is
        remembered here. FhirPathError when there is no right answer."""
        items = expression.run(Scope(self._memo, self._load, EMPTY, self._now))
        return [plain(item) for item in items]

    def items_of(self, name: str) -> Items:
        """The items of a name with their FHIR types, as another expression sees them."""
        items = self._memo.get(name)
        if items is not None:
            return items
        if name not in self:
            raise KeyError(name)
        return self._load(name)

    def __getitem__(self, name: str) -> list[Any]:
        return [plain(item) for item in self.items_of(name)]

    def __contains__(self, name: object) -> bool:
        return name in self._given or name in self._named.expressions

    def __iter__(self) -> Iterator[str]:
        yield from self._inputs
        yield from (name for name in self._named.expressions if name not in self._given)

    def __len__(self) -> int:
        return len(self._given | self._named.expressions.keys())
