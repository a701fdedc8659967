"""Expectations of vignettes: how they are written, checked, and told in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from cds_service.content.model import INDICATORS, Content, Contribution
from cds_service.decision.evaluate import Evaluation, WantedCard

LISTS = ("has", "lacks", "are")
ANSWERS = ("yes", "no", "unknown", "not yes")
# Key of an expectation -> the keys below it; None: keys are ids, and what they hold is a word.
KEYS: dict[str, tuple[str, ...] | None] = {
    "rules": None,
    "cards": (*LISTS, "deferred"),
    "indicators": None,
    "suggestions": None,
    "reasons": None,
    "advice": LISTS,
    "notes": LISTS,
}

# -- how it is written ---------------------------------------------------------------------


def misspelt(expect: Mapping[str, Any]) -> Iterator[str]:
    """Returns what nobody would ever look at, and values no rule can have: where, and what to
    write."""
    yield from _unknown_keys(expect, tuple(KEYS), "expect")
    for key, allowed in KEYS.items():
        if allowed:
            yield from _unknown_keys(expect.get(key, {}), allowed, f"expect.{key}")
    for key in ("suggestions", "reasons"):
        for card, wanted in expect.get(key, {}).items():
            yield from _unknown_keys(wanted, LISTS, f"expect.{key}.{card}")
    for rule, answer in expect.get("rules", {}).items():
        if answer not in ANSWERS:
            yield f"expect.rules.{rule} is {answer!r}: write one of {_quoted(ANSWERS)}, with quotes"
    for card, indicator in expect.get("indicators", {}).items():
        words = tuple(dict.fromkeys(INDICATORS.values()))
        if indicator not in words:
            yield f"expect.indicators.{card} is {indicator!r}: write one of {_quoted(words)}"


def _unknown_keys(node: Any, allowed: tuple[str, ...], path: str) -> Iterator[str]:
    if not isinstance(node, Mapping):
        yield f"{path} must hold {', '.join(allowed)}"
        return
    for key in node:
        if key not in allowed:
            yield f"{path}.{key} is not read: write one of {', '.join(allowed)}"


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def mistaken(expect: Mapping[str, Any], content: Content) -> Iterator[str]:
    """Ids that the content does not have, so that they could neither be met nor missed."""
    cards = {card.id: card for card in content.cards.values()}
    rules = [*(source.id for source in content.sources if source.rule), *content.names]
    yield from _no_such("rule", expect.get("rules", {}), rules)
    named = [one for listed in expect.get("cards", {}).values() for one in listed]
    for key in ("indicators", "suggestions", "reasons"):
        named += expect.get(key, {})
    yield from _no_such("card", named, cards)
    for card_id, wanted in expect.get("suggestions", {}).items():
        offered = [s.id for s in cards[card_id].suggestions] if card_id in cards else []
        if card_id in cards:
            yield from _no_such(f"suggestion of {card_id}", _all_of(wanted), offered)
    asking = [c for contributions in content.contributions.values() for c in contributions]
    every = [_name(c) for c in asking]
    of_card = [_on_card(c, content.cards[c.card].id) for c in asking]
    yield from _no_such("advice", _all_of(expect.get("advice", {})), [*every, *of_card])
    reasons = (one for wanted in expect.get("reasons", {}).values() for one in _all_of(wanted))
    yield from _no_such("reason", reasons, [*every, *(s.id for s in content.sources)])
    notes = [note.id for moment in content.strategy.moments for note in moment.notes]
    yield from _no_such("note", _all_of(expect.get("notes", {})), notes)


def _all_of(lists: Mapping[str, Iterable[str]]) -> Iterator[str]:
    return (one for listed in lists.values() for one in listed)


def _no_such(what: str, named: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    known = list(known)
    for one in dict.fromkeys(named):
        if one not in known:
            close = get_close_matches(one, known, 1)
            yield f"there is no {what} {one}" + (f": write {close[0]}?" if close else "")


# -- whether it is met ---------------------------------------------------------------------


def mismatches(expect: Mapping[str, Any], evaluation: Evaluation) -> list[str]:
    """Returns what differs from the expectation, in words; empty when all is as expected."""
    wrong = list(_rule_mismatches(expect.get("rules", {}), evaluation))
    shown = {w.card.id: w for w in evaluation.shown}
    deferred = [w.card.id for w in evaluation.deferred]
    wrong += _card_mismatches(expect.get("cards", {}), list(shown), deferred)
    for card, indicator in expect.get("indicators", {}).items():
        actual = INDICATORS[shown[card].priority] if card in shown else "not shown"
        if actual != indicator:
            wrong.append(f"{card} is {actual}, expected {indicator}")
    for card, wanted in expect.get("suggestions", {}).items():
        offered = [s.id for s in shown[card].suggestions] if card in shown else []
        wrong += _listed(wanted, offered, f"{card} offers")
    for card, wanted in expect.get("reasons", {}).items():
        wrong += _reason_mismatches(card, wanted, shown.get(card))
    wrong += _advice_mismatches(expect.get("advice", {}), evaluation)
    wrong += _listed(expect.get("notes", {}), [n.id for n in evaluation.notes], "the notes hold")
    if evaluation.errors:
        wrong.append(f"failed: {'; '.join(evaluation.errors.values())}")
    return wrong


def _reason_mismatches(card: str, wanted: Mapping[str, Any], shown: WantedCard | None) -> list[str]:
    """Contributions in their order, or ids of sources in any."""
    if any("." in one for one in _all_of(wanted)):
        return _listed(wanted, [_name(c) for c in shown.told] if shown else [], f"{card} tells")
    sources = sorted(r.source.id for r in shown.reasons) if shown else []
    in_order = {key: sorted(listed) for key, listed in wanted.items()}
    return _listed(in_order, sources, f"{card} rests on")


def _advice_mismatches(wanted: Mapping[str, Any], evaluation: Evaluation) -> list[str]:
    """Contributions by plan, or sources by card."""
    advice = [(w.card.id, c) for w in evaluation.shown for c in w.advice]
    named, by_card = [_name(c) for _, c in advice], [_on_card(c, card) for card, c in advice]
    exact = {key: listed for key, listed in wanted.items() if key == "are"}
    others = {key: listed for key, listed in wanted.items() if key != "are"}
    words = "the advice holds"
    return [*_listed(exact, named, words), *_listed(others, [*named, *by_card], words)]


def _on_card(contribution: Contribution, card: str) -> str:
    """The id of an advice line in expectations by the card's id and the source's."""
    return f"{card}.{contribution.source.id}"


def _name(contribution: Contribution) -> str:
    """The id of a contribution in expectations: its plan's id and its own."""
    return f"{contribution.source.plan['id']}.{contribution.id}"


def _rule_mismatches(rules: Mapping[str, str], evaluation: Evaluation) -> Iterator[str]:
    known = {name: name for name in evaluation.content.names}
    known |= {s.id: s.rule for s in evaluation.content.sources if s.rule}
    for rule, wanted in rules.items():
        name = known.get(rule)
        answer = str(evaluation.evaluator.rule(name)) if name else "no such rule"
        met = answer != "yes" if wanted == "not yes" else answer == wanted
        if not met:
            yield f"{rule} is {answer}, expected {wanted}"


def _card_mismatches(wanted: Mapping[str, Any], shown: list[str], deferred: list[str]) -> list[str]:
    wrong = _listed(wanted, shown, "shown are")
    if "deferred" in wanted and deferred != list(wanted["deferred"]):
        wrong.append(f"deferred are {deferred}, expected {list(wanted['deferred'])}")
    return wrong


def _listed(wanted: Mapping[str, Any], found: list[str], words: str) -> list[str]:
    """``has``, ``lacks`` and the exact, ordered ``are``."""
    wrong = [f"{words} no {one}" for one in wanted.get("has", ()) if one not in found]
    wrong += [f"{words} {one}, unexpected" for one in wanted.get("lacks", ()) if one in found]
    if "are" in wanted and found != list(wanted["are"]):
        wrong.append(f"{words} {found}, expected {list(wanted['are'])}")
    return wrong


# -- in words ------------------------------------------------------------------------------


def in_words(expect: Mapping[str, object]) -> str:
    """The rules and cards a vignette expects, as one line."""
    rules = expect.get("rules")
    cards = expect.get("cards")
    words = [f"{rule} {answer}" for rule, answer in _pairs(rules)]
    for kind, listed in _pairs(cards):
        names = ", ".join(listed) if isinstance(listed, list) else str(listed)
        words.append(f"cards {kind}: {names or 'none'}")
    return "; ".join(words)


def _pairs(node: object) -> Iterable[tuple[object, object]]:
    return node.items() if isinstance(node, Mapping) else ()
