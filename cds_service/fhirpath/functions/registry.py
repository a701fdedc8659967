"""Declarations of functions: name, how many arguments it takes, how it is built.

A plain function gets collections: the one it is called on, and each argument evaluated on the
focus of the call (FHIRPath 2.0, 4.1). A special one builds its own closure, because it evaluates
an argument once for each item, or not at all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..building import Building
from ..elements import EMPTY, Items
from ..errors import FhirPathError
from ..nodes import Call
from ..scope import Scope, Step, Truth

Build = Callable[[Building, Call], Any]  # answers a Truth if the function is boolean, else a Step


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language.

    `truth` builds the same as a Truth where that is quicker; `ordered`: asks for an order of items.
    """

    arguments: tuple[int, int]
    build: Build
    boolean: bool
    truth: Build | None
    ordered: bool


FUNCTIONS: dict[str, Function] = {}
RESULTS: dict[str, str | None] = {}  # result types by function name, None where they vary


def special(
    name: str, least: int = 0, most: int | None = None, *, result: str | None = None,
    truth: Build | None = None, ordered: bool = False,
) -> Callable[[Build], Build]:  # fmt: skip
    """Declare a function that builds its own closure; a Truth if `result` is Boolean."""

    def declare(build: Build) -> Build:
        arguments = (least, least if most is None else most)
        FUNCTIONS[name] = Function(arguments, build, result == "Boolean", truth, ordered)
        RESULTS[name] = result
        return build

    return declare


def plain(
    name: str, least: int = 0, most: int | None = None, *, result: str | None = None,
    ordered: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:  # fmt: skip
    """Declare a function of collections that answers a collection, or a bool or None if Boolean."""

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        def build(compiler: Building, call: Call) -> Step | Truth:
            return applied(compiler, call, function)

        special(name, least, most, result=result, ordered=ordered)(build)
        return function

    return declare


def value(
    name: str, least: int = 0, most: int | None = None, *, result: str | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a function of collections that answers one value, or None for no item."""

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        def build(compiler: Building, call: Call) -> Step:
            single = applied(compiler, call, function)

            def step(scope: Scope, focus: Items) -> Items:
                found = single(scope, focus)
                return EMPTY if found is None else [found]

            return step

        special(name, least, most)(build)
        RESULTS[name] = result
        return function

    return declare


def applied(
    compiler: Building, call: Call, function: Callable[..., Any]
) -> Callable[[Scope, Items], Any]:
    """A closure that applies the function to its base and arguments, errors told their place."""
    base, position = compiler.base(call), call.position
    arguments = [compiler.step(argument) for argument in call.arguments]

    def apply(scope: Scope, focus: Items) -> Any:
        try:
            return function(base(scope, focus), *[one(scope, focus) for one in arguments])
        except FhirPathError as error:
            raise error.locate(position) from None

    return apply
