"""The part "still open" of a card: questions that could make it more pressing, and parts of the
chart that were not read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cds_service.content.model import PRESSING, Content
from cds_service.decision.evaluate import Evaluation, WantedCard
from cds_service.decision.support import VITAL_SIGNS, All, Values, could
from cds_service.decision.support_reader import SupportReader
from cds_service.hooks.quotes import Quotes
from cds_service.hooks.unread_lines import unread_lines

MAX_ITEMS = 3  # named on a card; the rest are counted


class StillOpen:
    """Writes the part of one content."""

    def __init__(self, content: Content, quotes: Quotes, reader: SupportReader) -> None:
        self.content = content
        self.quotes = quotes
        self.reader = reader
        self.say = content.strategy.wording
        self.in_order = sorted(content.items, key=lambda i: not content.items[i].is_emergency)
        self.parts = {c: reader.of(c) for cs in content.contributions.values() for c in cs}
        self.offers = {
            s.id: All(tuple(reader.part(c.expression.tree) for c in s.conditions))
            for card in content.cards.values()
            for s in card.suggestions
        }

    def lines(
        self, evaluation: Evaluation, wanted: WantedCard, values: Values, asks_now: bool
    ) -> Iterator[str]:
        """One line for each kind; ``asks_now``: another card names the emergency questions."""
        if wanted.card.style.still_open:
            yield from self._questions(evaluation, wanted, values, asks_now)
        yield from self._chart(evaluation)

    def _questions(
        self, evaluation: Evaluation, wanted: WantedCard, values: Values, asks_now: bool
    ) -> Iterator[str]:
        asked = self._open(wanted, values)
        sheet, items = evaluation.facts.answers, self.content.items
        named = [
            link_id
            for link_id in self.in_order
            if link_id in asked
            and link_id in (*sheet.unanswered, *sheet.stale, *sheet.unusable)  # it was shown
            and items[link_id].quoted_only_on in (None, wanted.card.plan["id"])
            and not (asks_now and items[link_id].is_emergency)
        ]
        kinds: dict[tuple[str, str], list[str]] = {}  # by kind and view
        for link_id in named:
            if link_id in sheet.stale:
                kind = "too-old"
            elif link_id in sheet.unusable:
                kind = "answers-unusable"
            else:
                kind = "left-open" if link_id in sheet.view else "not-answered"
            kinds.setdefault((kind, items[link_id].view), []).append(items[link_id].label)
        for kind in ("not-answered", "left-open", "too-old", "answers-unusable"):
            for view in self.content.views:
                if (kind, view) in kinds:
                    yield self._told(evaluation, kind, view, kinds[kind, view])
        if VITAL_SIGNS in asked:
            yield self.say["no-vital-signs"]

    def _told(self, evaluation: Evaluation, kind: str, view: str, labels: list[str]) -> str:
        """The open questions of one form in a line, behind its heading."""
        heading, listed = self.quotes.heading(evaluation, view), self._listed(labels)
        items = f"{heading}: {listed}" if heading else listed
        return self.say[kind].format(items=items, ago=self.quotes.ago(evaluation, view))

    def _open(self, wanted: WantedCard, values: Values) -> frozenset[str]:
        """Questions that could make the card more pressing, or change its first suggestion."""
        found: frozenset[str] = frozenset()
        pressing = PRESSING.index(wanted.priority)
        for contribution in self.content.contributions[wanted.card.plan["id"]]:
            if contribution.advice or PRESSING.index(contribution.priority) <= pressing:
                continue
            found |= could(self.parts[contribution], values) or frozenset()
        for suggestion in wanted.card.suggestions:
            if suggestion in wanted.suggestions:
                break
            if suggestion.order is not None:
                found |= could(self.offers[suggestion.id], values) or frozenset()
        return found

    def _listed(self, labels: list[str]) -> str:
        if len(labels) <= MAX_ITEMS:
            return "; ".join(labels)
        more = self.say["and-more"].format(count=len(labels) - MAX_ITEMS)
        return "; ".join((*labels[:MAX_ITEMS], more))

    # -- the chart ---------------------------------------------------------------------

    def _chart(self, evaluation: Evaluation) -> Iterator[str]:
        facts = evaluation.facts
        if facts.unavailable:
            parts = ", ".join(self._words(facts.unavailable))
            yield self.say["chart-unavailable"].format(parts=parts)
        if facts.incomplete:
            yield self.say["chart-incomplete"].format(
                parts=", ".join(self._words(facts.incomplete))
            )
        yield from unread_lines(self.content, self.quotes, evaluation)

    def _words(self, keys: Iterable[str]) -> list[str]:
        """Prefetch keys as parts of a chart in words, each once."""
        words = {_key(kind): text for kind, text in self.content.strategy.chart_parts.items()}
        return list(dict.fromkeys(words.get(key, key) for key in sorted(keys)))


def _key(kind: str) -> str:
    """The prefetch key of a resource type: ``Condition`` is under ``conditions``."""
    name = kind[:1].lower() + kind[1:]
    return name if kind == "Patient" else f"{name}s"
