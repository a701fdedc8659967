"""Names of parts of several contents, and which of them each content means. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_

from cds_service.decision.visibility import (
    ContentNames,
    CurrentVisibility,
    Selection,
    UnknownName,
    Visibility,
    visibility_of,
)


class TopicNames:
    """The names of all topics of a process. ``topic/NAME`` means one topic; a name alone means
    every topic that has it, so that nothing that is off speaks again when a topic is added."""

    def __init__(self, topics: Sequence[ContentNames]) -> None:
        self.topics = topics

    def check(self, names: Iterable[str]) -> None:
        """Raises UnknownName for the first name that no topic has, that must not be muted, or that
        several topics have and that does not say which of them is meant."""
        for name in names:
            having = [topic for topic in self.topics if topic.knows(name)]
            if len(having) > 1:
                ways = " or ".join(f"{topic.prefix}{name}" for topic in having)
                raise UnknownName(f"{name!r} is in several topics: write {ways}")
            (having or self.topics)[0].select([name])

    def select(self, names: Iterable[str]) -> Selection:
        """Everything these names stand for, in each topic that has it; raises UnknownName for the
        first that no topic has."""
        parts = [
            topic.select([name])
            for name in names
            for topic in [t for t in self.topics if t.knows(name)] or self.topics[:1]
        ]
        return reduce(or_, parts, Selection())

    def still_known(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of the names that a topic has and that may be muted, in order."""
        names = list(names)
        return tuple(sorted({n for topic in self.topics for n in topic.still_known(names)}))


class TopicVisibility:
    """The names that are off and silent in one of several topics, of those that are so in any;
    worked out again only when these change."""

    def __init__(self, names: ContentNames, everywhere: CurrentVisibility) -> None:
        self._names = names
        self._everywhere = everywhere
        self._kept: tuple[Visibility, Visibility] | None = None

    def __call__(self) -> Visibility:
        """Returns what holds at this moment."""
        now, kept = self._everywhere(), self._kept
        if kept is None or kept[0] is not now:
            silent = filter(self._names.knows, now.silent_names)
            kept = self._kept = (now, visibility_of(self._names, silent, now.off_names))
        return kept[1]
