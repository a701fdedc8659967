"""The scope of closures while an expression is evaluated."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from .dates import FhirDateTime, from_datetime
from .elements import EMPTY, Items
from .errors import FhirPathError


class Scope:
    """One evaluation: variables already read, the resource, the clock, `$index` and `$total`.

    `memo` holds the variables read so far, by name; `load` reads one that is not there yet.
    """

    __slots__ = ("_instant", "_now", "index", "load", "memo", "resource", "total")

    def __init__(
        self,
        memo: dict[str, Items],
        load: Callable[[str], Items],
        resource: Items,
        now: datetime | None,
    ) -> None:
        self.memo = memo
        self.load = load
        self.resource = resource
        self.index: int | None = None
        self.total = EMPTY
        self._now = now
        self._instant: FhirDateTime | None = None

    def now(self) -> FhirDateTime:
        """The instant of this evaluation; the same however often it is asked for."""
        if self._instant is None:
            self._instant = from_datetime(self._now or datetime.now().astimezone())
        return self._instant


Step = Callable[[Scope, Items], Items]  # from the focus to a collection
Truth = Callable[[Scope, Items], bool | None]  # the same for a boolean; None is no item

TRUE: Items = [True]
FALSE: Items = [False]


def as_step(truth: Truth) -> Step:
    """A boolean as a collection."""

    def step(scope: Scope, focus: Items) -> Items:
        answer = truth(scope, focus)
        return EMPTY if answer is None else TRUE if answer else FALSE

    return step


def one(items: Items, what: str = "here") -> Any:
    """The only item of a collection, None when there is none; FhirPathError for several."""
    if not items:
        return None
    if len(items) > 1:
        raise FhirPathError(f"expected at most one item {what} but found {len(items)}")
    return items[0]
