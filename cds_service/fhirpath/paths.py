"""The quickest way through `%answers.urine.burn`: plain dicts walked by key.

Whenever anything else is met (a list, a resource, a number with decimals), the general closure of
the same path takes over, so both always answer alike.
"""

from .elements import EMPTY, Items
from .errors import FhirPathError
from .scope import Scope, Step, Truth

_READY = (bool, int, str)  # JSON values that are items as they are


def build_path_truth(name: str, path: tuple[str, ...], general: Step, position: int) -> Truth:
    """A path from a variable, as a boolean."""

    def slow(scope: Scope, focus: Items) -> bool | None:
        items = general(scope, focus)
        if len(items) > 1:
            raise FhirPathError(f"expected one boolean but found {len(items)} items", None, position)
        if not items:
            return None
        item = getattr(items[0], "value", items[0])
        return item if item is None or type(item) is bool else True

    def truth(scope: Scope, focus: Items) -> bool | None:
        items = scope.memo.get(name)
        if items is None or len(items) != 1:
            return slow(scope, focus)
        item = items[0]
        for step in path:
            if type(item) is not dict:
                return slow(scope, focus)
            item = item.get(step)
            if item is None:
                return None
        if item is True or item is False:
            return item
        return slow(scope, focus)

    return truth


def build_variable_path(name: str, path: tuple[str, ...], general: Step) -> Step:
    """A path from a variable, as a collection."""

    def step(scope: Scope, focus: Items) -> Items:
        items = scope.memo.get(name)
        if items is None or len(items) != 1:
            return general(scope, focus)
        item = items[0]
        for key in path:
            if type(item) is not dict:
                return general(scope, focus)
            item = item.get(key)
            if item is None:
                return EMPTY
        return [item] if type(item) in _READY else general(scope, focus)

    return step
