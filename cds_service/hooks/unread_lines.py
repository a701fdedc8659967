"""Lines of a card's "unknown" part: data that could not be understood, in the strategy's words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from cds_service.content.model import Content, Note
from cds_service.content.wording import UNREAD_TYPES
from cds_service.decision.evaluate import Evaluation
from cds_service.decision.unread import Unread, Why
from cds_service.hooks.quotes import Quotes

MAX_NAMED = 5  # results and readings named one by one; the rest are counted
# What is named with its date; everything else is counted by type.
NAMED = {Why.RESULT: "unread-result", Why.VALUE: "unread-value", Why.NO_VALUE: "no-value"}


def unread_lines(content: Content, quotes: Quotes, evaluation: Evaluation) -> Iterator[str]:
    """Returns what is doubtful about the response; results and readings by name and date; the rest
    as a count for each kind of thing. What a note of the content words is not said twice."""
    facts, noted = evaluation.facts, set(_noted(evaluation.notes))
    say, unread = content.strategy.wording, [o for o in facts.unread if o.told_by not in noted]
    if facts.response is not None and facts.answers.authored is None:
        yield say["answers-undated"]
    if facts.is_other:
        yield say["answers-undecided"]
    named = list(dict.fromkeys(one for one in unread if one.why in NAMED and one.value_set))
    for one in named[:MAX_NAMED]:
        title = content.resources[one.value_set or ""]["title"]
        date = quotes.calendar_day(one.when) if one.when else say["no-date"]
        yield say[NAMED[one.why]].format(name=title, date=date)
    counted = [one for one in unread if one.why not in NAMED or not one.value_set]
    yield from _counts(say, counted + named[MAX_NAMED:])
    unknown = sum(path not in content.items for path in facts.answers.unusable)
    if unknown:
        yield say["unread-answers"].format(count=unknown)


def _noted(notes: Iterable[Note]) -> Iterator[str]:
    """The inputs of rules that the conditions of these notes read."""
    for note in notes:
        for condition in note.conditions:
            yield from condition.expression.variables


def _counts(say: Mapping[str, str], unread: list[Unread]) -> Iterator[str]:
    """One line for each wording: types that have the same words are counted together."""
    counts: Counter[str] = Counter()
    for one in unread:
        counts[say[f"unread-{one.type if one.type in UNREAD_TYPES else 'other'}"]] += 1
    for words, count in counts.items():
        yield words.format(count=count)
