"""Emergency checks that a site does not show, and that count all the same. Pure.

A flag that is silent or switched off asks for nothing, and its rule answers unknown to whoever asks
for it by name. But "do not show" never means "the person is well": a named fact marked
``counts-hidden`` (``CRIT``) reads the flag's real answer (clinical specification 1.5; decision:
``docs/decisions/silent-and-switched-off.md``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cds_service.content.model import Content, Source
from cds_service.decision.visibility import Selection, disabled_rules
from cds_service.fhirpath import FhirPathError

NOT_ASKED: Mapping[str, Any] = {"hiddenChecks": [], "hiddenChecksTrue": []}


@dataclass(frozen=True, slots=True)
class HiddenChecks:
    """``ids`` are the clinical ids of the hidden flags that count, ``true`` those that hold for
    this person; ``inputs`` the values of names with them (``plan_definitions/README.md``)."""

    ids: tuple[str, ...] = ()
    true: tuple[str, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)


NO_HIDDEN_CHECKS = HiddenChecks()


def without_a_card(content: Content, excluded: Selection) -> Selection:
    """The selection with the counting flags whose every card is left out: they cannot be shown."""
    if not excluded.cards:
        return excluded
    mute = {s.id for s in _counting(content) if _has_no_card(content, s, excluded)}
    return replace(excluded, sources=excluded.sources | mute)


def hidden_checks(
    content: Content, variables: Mapping[str, Any], now: datetime, excluded: Selection
) -> HiddenChecks:
    """Asks the counting flags of ``excluded`` for this call's inputs. A rule that fails counts as
    unknown: it may have been switched off because it fails."""
    if not excluded.sources:
        return NO_HIDDEN_CHECKS
    hidden = {str(s.rule): s.id for s in _counting(content) if s.id in excluded.sources}
    real = content.expressions.bind(variables, now)
    answers = {rule: _value(real, rule) for rule in hidden}
    seen = {**variables, **disabled_rules(content, excluded), **answers}
    bindings = content.expressions.bind(seen, now)
    ids = tuple(hidden.values())
    true = tuple(hidden[rule] for rule, answer in answers.items() if answer == [True])
    told: dict[str, Any] = {"hiddenChecks": list(ids), "hiddenChecksTrue": list(true)}
    for fact in content.names.values():
        value = _value(bindings, fact.name) if fact.counts_hidden else None
        if value is not None:  # one that fails is asked again where it is needed, and reported
            told[fact.name] = value
    return HiddenChecks(ids, true, told)


def _counting(content: Content) -> Iterator[Source]:
    """The sources whose rule a fact marked ``counts-hidden`` reads by name."""
    facts = [f for f in content.names.values() if f.counts_hidden]
    read = frozenset().union(*(f.expression.variables for f in facts))
    return (s for s in content.sources if s.rule in read)


def _has_no_card(content: Content, source: Source, excluded: Selection) -> bool:
    asked = {
        content.cards[card].id
        for card, contributions in content.contributions.items()
        if any(c.source.id == source.id and not c.advice for c in contributions)
    }
    return bool(asked) and asked <= excluded.cards


def _value(bindings: Mapping[str, list[Any]], name: str) -> list[Any] | None:
    """The value of a name; None if it fails."""
    try:
        return bindings[name]
    except FhirPathError:
        return None
