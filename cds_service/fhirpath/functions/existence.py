"""Existence (FHIRPath 2.0, 5.1), `not()` and `iif()`."""

from ..building import Building
from ..comparison import distinct, key
from ..elements import EMPTY, Element, Items, system_value
from ..errors import FhirPathError
from ..limits import MAX_CHAIN
from ..nodes import Call, Literal
from ..scope import Scope, Step, Truth
from .arguments import boolean_of
from .registry import plain, special


@special("empty", result="Boolean")
def _empty(compiler: Building, call: Call) -> Truth:
    base = compiler.base(call)
    return lambda scope, focus: not base(scope, focus)


@special("exists", 0, 1, result="Boolean")
def _exists(compiler: Building, call: Call) -> Truth:
    base = compiler.base(call)
    if not call.arguments:
        return lambda scope, focus: bool(base(scope, focus))
    criterion = compiler.truth(call.arguments[0], strict=True)
    return lambda scope, focus: True in answers(scope, base(scope, focus), criterion)


def answers(scope: Scope, items: Items, criterion: Truth) -> list[bool | None]:
    """The criterion's answer for each item, with `$this` and `$index` set to it."""
    outer = scope.index
    found = []
    for place, item in enumerate(items):
        scope.index = place
        found.append(criterion(scope, [item]))
    scope.index = outer
    return found


@special("all", 1, result="Boolean")
def _all(compiler: Building, call: Call) -> Truth:
    base, criterion = compiler.base(call), compiler.truth(call.arguments[0], strict=True)

    def truth(scope: Scope, focus: Items) -> bool | None:
        return all(answer is True for answer in answers(scope, base(scope, focus), criterion))

    return truth


@special("not", result="Boolean")
def _not(compiler: Building, call: Call) -> Truth:
    if call.base is None:
        raise FhirPathError("not() needs something before it", hint="write (...).not()")
    base = compiler.truth(call.base)

    def truth(scope: Scope, focus: Items) -> bool | None:
        answer = base(scope, focus)
        return None if answer is None else not answer

    return truth


def _iif_focus(compiler: Building, call: Call) -> Step | None:
    """Returns what the arguments of `base.iif(...)` see; None when it is called without a base."""
    if call.base is None:
        return None
    base = compiler.step(call.base)

    def step(scope: Scope, focus: Items) -> Items:
        items = base(scope, focus)
        if len(items) > 1:
            raise FhirPathError(f"iif() on {len(items)} items", None, call.position)
        return items

    return step


def _iif_truth(compiler: Building, call: Call) -> Truth:
    criterion = compiler.truth(call.arguments[0], strict=True)
    chosen = compiler.truth(call.arguments[1])
    otherwise = compiler.truth(call.arguments[2]) if call.arguments[2:] else _nothing
    base = _iif_focus(compiler, call)
    if base is None:
        return lambda scope, focus: (chosen if criterion(scope, focus) else otherwise)(scope, focus)

    def truth(scope: Scope, focus: Items) -> bool | None:
        items = base(scope, focus)
        return (chosen if criterion(scope, items) else otherwise)(scope, items)

    return truth


def _nothing(scope: Scope, focus: Items) -> None:
    return None


def _no_items(scope: Scope, focus: Items) -> Items:
    return EMPTY


@special("iif", 2, 3, truth=_iif_truth)
def _iif(compiler: Building, call: Call) -> Step:
    criterion = compiler.truth(call.arguments[0], strict=True)
    chosen = compiler.step(call.arguments[1])
    otherwise = compiler.step(call.arguments[2]) if call.arguments[2:] else _no_items
    base = _iif_focus(compiler, call)
    if base is None:
        return lambda scope, focus: (chosen if criterion(scope, focus) else otherwise)(scope, focus)

    def step(scope: Scope, focus: Items) -> Items:
        items = base(scope, focus)
        return (chosen if criterion(scope, items) else otherwise)(scope, items)

    return step


@special("atLeast", 2, MAX_CHAIN, result="Boolean")
def _at_least(compiler: Building, call: Call) -> Truth:
    """`atLeast(n, a, b, ...)`, of this dialect: true when n of the criteria are true, false when
    fewer could be, else unknown."""
    if call.base is not None:
        raise FhirPathError("atLeast() stands alone", hint="write atLeast(2, %a, %b, %c)")
    match call.arguments[0]:
        case Literal(value=int(least)) if 1 <= least < len(call.arguments):
            pass
        case _:
            raise FhirPathError("atLeast() begins with a number, at most that of its criteria")
    criteria = [compiler.truth(one, strict=True) for one in call.arguments[1:]]

    def truth(scope: Scope, focus: Items) -> bool | None:
        found = [criterion(scope, focus) for criterion in criteria]
        if found.count(True) >= least:
            return True
        return False if len(found) - found.count(False) < least else None

    return truth


def _booleans(items: Items) -> list[bool | None]:
    return [boolean_of(item) for item in items]


@plain("allTrue", result="Boolean")
def _all_true(items: Items) -> bool:
    return False not in _booleans(items)


@plain("anyTrue", result="Boolean")
def _any_true(items: Items) -> bool:
    return True in _booleans(items)


@plain("allFalse", result="Boolean")
def _all_false(items: Items) -> bool:
    return True not in _booleans(items)


@plain("anyFalse", result="Boolean")
def _any_false(items: Items) -> bool:
    return False in _booleans(items)


@plain("count", result="Integer")
def _count(items: Items) -> Items:
    return [len(items)]


@plain("subsetOf", 1, result="Boolean")
def _subset(items: Items, others: Items) -> bool:
    return set(map(key, items)) <= set(map(key, others))


@plain("supersetOf", 1, result="Boolean")
def _superset(items: Items, others: Items) -> bool:
    return set(map(key, items)) >= set(map(key, others))


@plain("isDistinct", result="Boolean")
def _is_distinct(items: Items) -> bool:
    return len(distinct(items)) == len(items)


@plain("hasValue", result="Boolean")
def _has_value(items: Items) -> bool:
    """One primitive with a value (FHIR R4, 2.1.25)."""
    if len(items) != 1:
        return False
    item = items[0]
    if type(item) is Element and not item.type.primitive:
        return False
    return not isinstance(item, dict) and system_value(item) is not None
