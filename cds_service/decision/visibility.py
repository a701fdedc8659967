"""Plans and services that must not be shown: switched off, or silent. Pure.

**Switched off** is as if it were not in the content: not evaluated, not recorded. **Silent** is
evaluated and recorded, and not shown. What other rules say of a cause that does not speak is the
same in both: its rule answers unknown (decision: ``docs/decisions/silent-and-switched-off.md``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from cds_service.content import extensions as ext
from cds_service.content.model import Content


@dataclass(frozen=True, slots=True)
class Selection:
    """Parts of the content: service ids, and clinical ids of sources and of cards."""

    services: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    cards: frozenset[str] = frozenset()

    def __or__(self, other: Selection) -> Selection:
        return Selection(
            self.services | other.services,
            self.sources | other.sources,
            self.cards | other.cards,
        )

    def __bool__(self) -> bool:
        return bool(self.services or self.sources or self.cards)


NO_SELECTION = Selection()


@dataclass(frozen=True, slots=True)
class Visibility:
    """The parts that are not shown at a moment, and the names they were given."""

    off: Selection = NO_SELECTION
    silent: Selection = NO_SELECTION
    off_names: tuple[str, ...] = ()
    silent_names: tuple[str, ...] = ()


ALL_VISIBLE = Visibility()
CurrentVisibility = Callable[[], Visibility]


class UnknownName(ValueError):
    """A name that is no service or plan of the content, or one that has to speak."""


class ContentNames:
    """The names by which services, causes, flags and cards of one content can be chosen: ids of
    services and of plans, and clinical ids. The strategy's own id stands for all services. Before
    each name may stand that id and a slash, which tells topics apart: ``topic/REC-UA``."""

    def __init__(self, content: Content, services: Iterable[str]) -> None:
        failed = content.strategy.failed
        self.always_enabled = (
            {content.cards[failed].id, content.cards[failed].plan["id"]} if failed else set()
        )
        self.prefix = f"{content.topic}/"
        self.known: dict[str, Selection] = {}
        everything = frozenset(services)
        self._add(str(content.strategy.plan["id"]), Selection(services=everything))
        for service in everything:
            self._add(service, Selection(services=frozenset({service})))
        for source in content.sources:
            for name in (source.id, source.plan["id"]):
                self._add(name, Selection(sources=frozenset({source.id})))
        for card in content.cards.values():
            for name in (card.id, card.plan["id"]):
                self._add(name, Selection(cards=frozenset({card.id})))

    def _add(self, name: str, selection: Selection) -> None:
        """A plan of several flags goes by one name."""
        self.known[name] = self.known.get(name, Selection()) | selection

    def knows(self, name: str) -> bool:
        """Checks whether this content has what a name stands for."""
        return name.removeprefix(self.prefix) in self.known

    def select(self, names: Iterable[str]) -> Selection:
        """Everything these names stand for; raises UnknownName for the first that is none."""
        found = Selection()
        for name in (name.removeprefix(self.prefix) for name in names):
            if name in self.always_enabled:
                raise UnknownName(
                    f"{name!r} is the card for rules that failed, and it has to speak: "
                    "an error must never be an empty list of cards"
                )
            if name not in self.known:
                raise UnknownName(
                    f"{name!r} is no service or plan of this content: write ids such as "
                    f"{', '.join(self._examples())}"
                )
            found |= self.known[name]
        return found

    def _examples(self) -> Iterator[str]:
        yield next(iter(sorted(n for n, s in self.known.items() if s.services)))
        yield next(iter(sorted(n for n, s in self.known.items() if s.cards)))
        yield next(iter(sorted(n for n, s in self.known.items() if s.sources)))

    def still_known(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of the names that this content has and that may be muted, in order."""
        return tuple(n for n in sorted(names) if self.knows(n) and not self.must_speak(n))

    def must_speak(self, name: str) -> bool:
        """Checks whether a name is that of the card for rules that failed."""
        return name.removeprefix(self.prefix) in self.always_enabled


class Names(Protocol):
    """The names of one content or of several."""

    def select(self, names: Iterable[str]) -> Selection:
        """Everything these names stand for; raises UnknownName."""

    def still_known(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of the names that there are and that may be muted, in order."""


def visibility_of(names: Names, silent: Iterable[str], off: Iterable[str]) -> Visibility:
    """Returns what these names mean for a content. Silent names have to be known (UnknownName);
    switches may name what another content had, and are then passed over."""
    silent = tuple(dict.fromkeys(silent))
    off = names.still_known(off)
    return Visibility(names.select(off), names.select(silent), off, silent)


def silent_plans(content: Content) -> tuple[str, ...]:
    """Ids of the plans that the content itself marks as silent."""
    plans = (r for r in content.resources.values() if r["resourceType"] == "PlanDefinition")
    return tuple(sorted(p["id"] for p in plans if ext.value(p, ext.SILENT, False)))


def disabled_rules(content: Content, excluded: Selection) -> Mapping[str, None]:
    """Rule names of left-out sources, with nothing as their value: unknown to whoever asks."""
    return {s.rule: None for s in content.sources if s.rule and s.id in excluded.sources}
