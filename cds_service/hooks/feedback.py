"""Feedback on cards, read and checked (``docs/conformance.md`` section 5). Pure: a parsed body in.

Every item stands for itself: a bad one is refused and named, the good ones are kept (5.8).
Words about a refused item never repeat what was sent, because it may be about a patient.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cds_service.fhir.errors import Issue
from cds_service.store.records import FeedbackItem, Outcome, Reason

MAX_ITEMS = 1_000  # items of one call
MAX_ID = 255  # characters of a card or suggestion id
MAX_SUGGESTIONS = 50  # accepted suggestions of one item
MAX_CODING = 500  # characters of a reason's system or code; longer is cut
MAX_COMMENT = 2_000  # characters of a clinician's comment; longer is cut (5.10)


@dataclass(frozen=True, slots=True)
class Feedback:
    """The items that can be kept, and an issue for each thing that was wrong."""

    items: tuple[FeedbackItem, ...]
    issues: tuple[Issue, ...]


class _Wrong(Exception):
    """An element that is wrong; carries its Issue."""

    def __init__(self, where: str, words: str, code: str = "value") -> None:
        super().__init__(where)
        self.issue = Issue(code, f"{where} {words}", where)


def parse_feedback(body: Any) -> Feedback:
    """Reads a parsed JSON body; never raises. Without a usable array there are no items (5.2)."""
    if not isinstance(body, dict):
        return Feedback((), (Issue("structure", "The body must be one JSON object."),))
    sent = body.get("feedback")
    if sent is None:
        words = "feedback is missing. It must be an array with one object for each card."
        return Feedback((), (Issue("required", words, "feedback"),))
    if not isinstance(sent, list) or not sent:
        words = "feedback must be an array with at least one object."
        return Feedback((), (Issue("value", words, "feedback"),))
    if len(sent) > MAX_ITEMS:
        words = f"feedback holds more than {MAX_ITEMS} items. Nothing was saved; send it in parts."
        return Feedback((), (Issue("too-long", words, "feedback"),))
    items: list[FeedbackItem] = []
    issues: list[Issue] = []
    for place, item in enumerate(sent):
        reader = _ItemReader(item, f"feedback[{place}]")
        read = reader.read()
        issues += reader.issues
        if read is not None:
            items.append(read)
    return Feedback(tuple(items), tuple(issues))


def refusal(feedback: Feedback, kept: int) -> tuple[Issue, ...]:
    """The issues of a 400, once ``kept`` good items are saved: the last says what was kept."""
    if not kept:
        return feedback.issues
    words = (
        f"The other items ({kept}) were saved. Correct the items named here and send them again; "
        "items that were already saved are counted once."
    )
    return (*feedback.issues, Issue("informational", words, "feedback", "information"))


class _ItemReader:
    """Reads one item, gathering everything that is wrong with it."""

    def __init__(self, item: Any, where: str) -> None:
        self.item = item
        self.where = where
        self.issues: list[Issue] = []

    def read(self) -> FeedbackItem | None:
        """The item; None when anything is wrong with it."""
        if not isinstance(self.item, dict):
            self.issues.append(
                Issue("structure", f"{self.where} must be a JSON object.", self.where)
            )
            return None
        card = self._try("card", _id)
        outcome = self._try("outcome", _outcome)
        at = self._try("outcomeTimestamp", _moment)
        suggestions: Any = ()
        reason: Any = (None, None)
        if outcome is Outcome.ACCEPTED:
            suggestions = self._try("acceptedSuggestions", _suggestions)
        elif outcome is Outcome.OVERRIDDEN:
            reason = self._try("overrideReason", _override_reason)
        if self.issues:
            return None
        return FeedbackItem(card, outcome, at, suggestions, *reason)

    def _try(self, name: str, read: Any) -> Any:
        """Returns what ``read`` makes of an element; None, and adds an issue, if it is wrong."""
        try:
            return read(self.item.get(name), f"{self.where}.{name}")
        except _Wrong as wrong:
            self.issues.append(wrong.issue)
            return None


# -- elements: each takes the value as sent and its place, and raises _Wrong --------------------


def _outcome(value: Any, where: str) -> Outcome:
    if value is None:
        raise _Wrong(where, "is missing. It must be accepted or overridden.", "required")
    if not isinstance(value, str) or value not in list(Outcome):
        raise _Wrong(where, "must be accepted or overridden.")
    return Outcome(value)


_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:)(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def _moment(value: Any, where: str) -> datetime:
    """RFC 3339, with or without a fraction; UTC is asked for, any offset is understood (5.3)."""
    meaning = "an RFC 3339 time in UTC, such as 2026-11-22T12:00:00Z"
    if value is None:
        raise _Wrong(where, f"is missing. It must be {meaning}.", "required")
    match = _RFC_3339.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise _Wrong(where, f"must be {meaning}.")
    day, clock, seconds, fraction, offset = match.groups()
    if seconds == "60":  # a leap second; datetime knows none
        seconds, fraction = "59", ".999999"
    offset = "+00:00" if offset in "Zz" else offset
    try:
        text = f"{day}T{clock}{seconds}{(fraction or '.0')[:7]}{offset}"
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _Wrong(where, f"must be {meaning}.") from None


def _suggestions(value: Any, where: str) -> tuple[str, ...]:
    """``acceptedSuggestions[].id``, at least one (5.4)."""
    if value is None:
        words = "is missing. An accepted card needs the suggestions that were accepted."
        raise _Wrong(where, words, "required")
    if not isinstance(value, list) or not value:
        raise _Wrong(where, "must be an array with at least one suggestion.")
    if len(value) > MAX_SUGGESTIONS:
        words = f"holds more than {MAX_SUGGESTIONS} suggestions. Send those that were accepted."
        raise _Wrong(where, words, "too-long")
    return tuple(sorted(set(_suggestion_ids(value, where))))


def _suggestion_ids(value: list[Any], where: str) -> Iterator[str]:
    for place, suggestion in enumerate(value):
        here = f"{where}[{place}]"
        if not isinstance(suggestion, dict):
            raise _Wrong(here, "must be a JSON object with an id.")
        yield _id(suggestion.get("id"), f"{here}.id")


def _override_reason(value: Any, where: str) -> tuple[Reason | None, str | None]:
    """A Coding, a comment, both, or no object at all; an empty object is refused (5.5)."""
    if value is None:
        return None, None
    if not isinstance(value, dict):
        raise _Wrong(where, "must be a JSON object.")
    if value.get("reason") is None and value.get("userComment") is None:
        raise _Wrong(where, "must hold a reason, a userComment or both; leave it out otherwise.")
    comment = _text(value.get("userComment"), f"{where}.userComment", MAX_COMMENT)
    return _reason(value.get("reason"), f"{where}.reason"), comment


def _reason(value: Any, where: str) -> Reason | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _Wrong(where, "must be a Coding: a JSON object with a code.")
    code = _text(value.get("code"), f"{where}.code", MAX_CODING)
    if code is None:
        raise _Wrong(f"{where}.code", "is missing. It must be the code of the reason.", "required")
    _text(value.get("display"), f"{where}.display", MAX_CODING)  # only checked: it is not kept
    return Reason(code, _text(value.get("system"), f"{where}.system", MAX_CODING))


def _text(value: Any, where: str, longest: int) -> str | None:
    """Cleans a string for the store and cuts it to a length; null and blank count as absent."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise _Wrong(where, "must be a string.")
    # PostgreSQL stores neither NUL nor half a surrogate pair.
    clean = value.replace("\x00", "").encode("utf-8", "replace").decode().strip()
    return (clean if len(clean) <= longest else clean[: longest - 1] + "…") or None


def _id(value: Any, where: str) -> str:
    """Checks an id without white space; ``urn:uuid:`` before it is tolerated."""
    if value is None:
        raise _Wrong(where, "is missing. It must be a uuid this service sent.", "required")
    id_ = value.removeprefix("urn:uuid:") if isinstance(value, str) else ""
    if not re.fullmatch(r"[!-~]+", id_) or len(id_) > MAX_ID:
        raise _Wrong(where, "must be a uuid this service sent.")
    return id_
