"""The quickest way through `%answers.urine.burn`: plain dicts walked by key.

Whenever anything else is met (a list, a resource, a number with decimals), the general closure of
the same path takes over, so both always answer alike.
"""

from typing import Any

from .elements import EMPTY, Items
from .scope import Scope, Step, Truth

_READY = (bool, int, str)  # JSON values that are items as they are


def build_path_truth(name: str, path: tuple[str, ...], general: Truth) -> Truth:
    """A path from a variable, as a boolean."""

    def truth(scope: Scope, focus: Items) -> bool | None:
        items = scope.memo.get(name)
        if items is None or len(items) != 1:
            return general(scope, focus)
        item: Any = items[0]
        for key in path:
            if type(item) is not dict or "resourceType" in item:
                return general(scope, focus)
            item = item.get(key)
            if item is None:
                return None
        if item is True or item is False:
            return item is True
        return general(scope, focus)

    return truth


def build_variable_path(name: str, path: tuple[str, ...], general: Step) -> Step:
    """A path from a variable, as a collection."""

    def step(scope: Scope, focus: Items) -> Items:
        items = scope.memo.get(name)
        if items is None or len(items) != 1:
            return general(scope, focus)
        item: Any = items[0]
        for key in path:
            if type(item) is not dict or "resourceType" in item:
                return general(scope, focus)
            item = item.get(key)
            if item is None:
                return EMPTY
        return [item] if type(item) in _READY else general(scope, focus)

    return step
