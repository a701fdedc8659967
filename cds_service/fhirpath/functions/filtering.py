"""Filtering, subsetting, combining and ordering (FHIRPath 2.0, 5.2, 5.3, 5.4 and 7)."""

from functools import cmp_to_key
from typing import Any

from ..building import Building
from ..comparison import KnownItems, distinct, key, order_items
from ..elements import EMPTY, Element, Items
from ..errors import FhirPathError
from ..limits import check_count, check_items
from ..nodes import Binary, Call, Unary, walk
from ..operators import union
from ..scope import Scope, Step, one
from ..static import type_argument
from ..typetests import build_of_type, build_type_test
from .arguments import integer_of
from .existence import answers
from .registry import plain, special


@special("where", 1)
def _where(compiler: Building, call: Call) -> Step:
    base, criterion = compiler.base(call), compiler.truth(call.arguments[0], strict=True)

    def step(scope: Scope, focus: Items) -> Items:
        items = base(scope, focus)
        if not items:
            return EMPTY
        kept = answers(scope, items, criterion)
        return [item for item, answer in zip(items, kept, strict=True) if answer]

    return step


def each(scope: Scope, items: Items, projection: Step) -> list[Items]:
    """The projection of each item, with `$this` and `$index` set to it."""
    outer = scope.index
    found = []
    for place, item in enumerate(items):
        scope.index = place
        found.append(projection(scope, [item]))
    scope.index = outer
    return found


@special("select", 1)
def _select(compiler: Building, call: Call) -> Step:
    base, projection = compiler.base(call), compiler.step(call.arguments[0])

    def step(scope: Scope, focus: Items) -> Items:
        found: Items = []
        for part in each(scope, base(scope, focus), projection):
            found += part
            check_items(found)
        return found

    return step


@special("repeat", 1)
def _repeat(compiler: Building, call: Call) -> Step:
    base, projection = compiler.base(call), compiler.step(call.arguments[0])

    mixed = any(isinstance(n, Binary) and n.operator == "|" for n in walk(call.arguments[0]))

    def step(scope: Scope, focus: Items) -> Items:
        known, found = KnownItems(), list[Any]()
        pending = base(scope, focus)
        if mixed:  # each round meets items of several types, of which few have all the elements
            pending = [_loose(item) for item in pending]
        while pending:
            pending = [
                item
                for part in each(scope, pending, projection)
                for item in part
                if known.add(item)
            ]
            found += pending
            check_count(len(found))
        return found

    return step


def _loose(item: Any) -> Any:
    if type(item) is not Element:
        return item
    return Element(item.value, item.type, item.extra, loose=True)


@special("aggregate", 1, 2)
def _aggregate(compiler: Building, call: Call) -> Step:
    base, fold = compiler.base(call), compiler.step(call.arguments[0])
    start = compiler.step(call.arguments[1]) if call.arguments[1:] else None

    def step(scope: Scope, focus: Items) -> Items:
        total, index = scope.total, scope.index
        items = base(scope, focus)
        scope.total = start(scope, focus) if start else EMPTY
        for place, item in enumerate(items):
            scope.index = place
            scope.total = fold(scope, [item])
        answer, scope.total, scope.index = scope.total, total, index
        return answer

    return step


def _type_name(call: Call) -> str:
    name = type_argument(call.arguments[0])
    if name is None:
        raise FhirPathError(f"{call.name}() takes the name of a type, as in {call.name}(Quantity)")
    return name


@special("ofType", 1)
def _of_type(compiler: Building, call: Call) -> Step:
    return build_of_type(compiler.base(call), _type_name(call))


@special("is", 1)
def _is(compiler: Building, call: Call) -> Step:
    return build_type_test("is", compiler.base(call), _type_name(call), call.position)


@special("as", 1)
def _as(compiler: Building, call: Call) -> Step:
    return build_type_test("as", compiler.base(call), _type_name(call), call.position)


@plain("single")
def _single(items: Items) -> Items:
    one(items, "for single()")
    return items


@plain("first", ordered=True)
def _first(items: Items) -> Items:
    return items[:1]


@plain("last", ordered=True)
def _last(items: Items) -> Items:
    return items[-1:]


@plain("tail", ordered=True)
def _tail(items: Items) -> Items:
    return items[1:]


def _number(items: Items) -> int:
    number = integer_of(items)
    if number is None:
        raise FhirPathError("expected a number of items")
    return max(0, number)


@plain("skip", 1, ordered=True)
def _skip(items: Items, number: Items) -> Items:
    return items[_number(number) :]


@plain("take", 1, ordered=True)
def _take(items: Items, number: Items) -> Items:
    return items[: _number(number)]


@plain("intersect", 1)
def _intersect(items: Items, others: Items) -> Items:
    wanted = set(map(key, others))
    return distinct([item for item in items if key(item) in wanted])


@plain("exclude", 1)
def _exclude(items: Items, others: Items) -> Items:
    unwanted = set(map(key, others))
    return [item for item in items if key(item) not in unwanted]


@plain("distinct")
def _distinct(items: Items) -> Items:
    return distinct(items)


@plain("union", 1)
def _union(items: Items, others: Items) -> Items:
    return union(items, others)


@plain("combine", 1)
def _combine(items: Items, others: Items) -> Items:
    return check_items([*items, *others])


@special("sort", 0, 9)
def _sort(compiler: Building, call: Call) -> Step:
    """`sort(-family, given.first())`: a minus means descending, for any type of key."""
    base, position = compiler.base(call), call.position
    keys = [_sort_key(compiler, argument) for argument in call.arguments] or [(_this, 1)]

    def compare(left: tuple[Any, ...], right: tuple[Any, ...]) -> int:
        for one_key, other, (_, sign) in zip(left, right, keys, strict=False):
            found = order_items(one_key, other)
            if found is None:
                raise FhirPathError("sort() found keys without an order")
            if found:
                return sign * found
        return 0

    def step(scope: Scope, focus: Items) -> Items:
        items = base(scope, focus)
        found = [[one(part) for part in each(scope, items, get)] for get, _ in keys]
        rows = [*zip(zip(*found, strict=True), items, strict=True)]
        by_keys = cmp_to_key(compare)
        try:
            return [item for _, item in sorted(rows, key=lambda row: by_keys(row[0]))]
        except FhirPathError as error:
            raise error.locate(position) from None

    return step


def _this(scope: Scope, focus: Items) -> Items:
    return focus


def _sort_key(compiler: Building, node: Any) -> tuple[Step, int]:
    if isinstance(node, Unary) and node.operator == "-":
        return compiler.step(node.operand), -1
    return compiler.step(node), 1
