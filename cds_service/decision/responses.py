"""Which response to the needed form the rules read, and which others may be the newest.

A response that may be ours and cannot be read is never passed over: an emergency may be ticked in
it. Clinical specification, section 9 (freshness); order: R4 QuestionnaireResponse.authored.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cds_service.content.model import Questionnaire, Resource
from cds_service.decision.answers import AnswerSheet, read_answers
from cds_service.decision.belief import is_believed
from cds_service.decision.chart import FUTURE
from cds_service.decision.form_of_response import FormMatch
from cds_service.decision.unread import Unread, Why, unread
from cds_service.fhir.dates import Span, parse_span
from cds_service.fhir.statuses import read_codes

FINISHED = frozenset({"completed", "amended"})
BEGUN = frozenset({"in-progress", "stopped"})
MAX_CANDIDATES = 4  # responses that are looked at when more than one may be the newest


@dataclass(frozen=True, slots=True)
class Candidate:
    """A response that may be the newest; ``authored`` is None where its date cannot be told."""

    response: Resource
    authored: Span | None
    is_finished: bool

    def sheet(
        self, form: Questionnaire, now: datetime, *, hold_for_ever: bool = False
    ) -> AnswerSheet:
        """The answers it gives."""
        authored = self.authored.start if self.authored else None
        return read_answers(
            form, self.response, authored, now, self.is_finished, hold_for_ever=hold_for_ever
        )


@dataclass(frozen=True, slots=True)
class ReadResponses:
    """``candidates`` begin with the one to use; the others count where they tell an emergency.
    ``expired`` is the newest where it is too old, ``unfinished`` the newest that was begun since
    where none is to be used. ``begun`` is that newest one while its shortest answer holds, whether
    another is used or not. ``unread`` may be ours and cannot be used. ``dated`` are all finished
    ones with a date, however old."""

    candidates: tuple[Candidate, ...]
    expired: Resource | None
    unfinished: Resource | None
    begun: Candidate | None
    unread: tuple[Unread, ...]
    dated: tuple[Candidate, ...]


def read_responses(
    form: Questionnaire, matches: Iterable[FormMatch], now: datetime
) -> ReadResponses:
    """The responses to a form among those that answer, or may answer, it."""
    not_read: list[Unread] = []
    found: list[Candidate] = []
    for match in matches:
        read = _read(form, match, now)
        if isinstance(read, Candidate):
            found.append(read)
        elif read is not None:
            not_read.append(read)
    finished = [c for c in found if c.is_finished]
    dated = [c for c in finished if c.authored]
    newest, expired = _newest(form, dated, now)
    undated = [c for c in finished if c.authored is None]
    begun = [c for c in found if not c.is_finished and _is_later(c, newest)]
    latest = max((c for c in begun if c.authored), key=newness, default=None)
    unfinished = next((c for c in begun if c.authored is None), latest)
    finished = [*newest, *undated]
    return ReadResponses(
        tuple(finished[:MAX_CANDIDATES]),
        None if finished else expired,
        unfinished.response if unfinished and not finished else None,
        unfinished if unfinished and _holds(form, unfinished, now) else None,
        tuple(not_read),
        tuple(dated),
    )


def _read(form: Questionnaire, match: FormMatch, now: datetime) -> Candidate | Unread | None:
    """A response to our form, one that may be and cannot be used, or None for one to pass over."""
    response, believed = match.response, is_believed(match.response)
    if believed is False:
        return None
    authored = parse_span(response.get("authored"))
    if authored is not None and authored.start > now + FUTURE:
        authored = None
    if believed is not True:
        return unread(response, believed, when=authored)
    if not match.is_certain:
        too_old = authored is not None and is_over(form.valid_hours, authored, now)
        return None if too_old else unread(response, Why.FORM, when=authored)
    status = read_codes(response, "status")
    if status is None or not status or not status <= FINISHED | BEGUN:
        return unread(response, Why.STATUS, when=authored)
    candidate = Candidate(response, authored, status <= FINISHED)
    if candidate.is_finished or authored is None:
        return candidate
    return None if is_over(form.valid_hours, authored, now) else candidate


def _holds(form: Questionnaire, begun: Candidate, now: datetime) -> bool:
    """Checks whether every answer of a form that was begun may still hold."""
    shortest = min((q.valid_hours for q in form.items.values() if q.valid_hours), default=None)
    return begun.authored is None or not is_over(shortest, begun.authored, now)


def is_over(hours: float | None, authored: Span, now: datetime) -> bool:
    """Checks whether answers of that date are older than so many hours."""
    return hours is not None and now - authored.start > timedelta(hours=hours)


def _newest(
    form: Questionnaire, dated: list[Candidate], now: datetime
) -> tuple[list[Candidate], Resource | None]:
    """The dated responses that may be the newest, the likeliest first; or the newest, too old."""
    if not dated:
        return [], None
    ordered = sorted(dated, key=newness, reverse=True)
    first, latest = ordered[0], span_of(ordered[0])
    if is_over(form.valid_hours, latest, now):
        return [], first.response
    others = [
        c
        for c in ordered[1:]
        if c.response != first.response
        and _may_follow(span_of(c), latest)
        and not _is_before(c, first)
    ]
    return [first, *others], None


def span_of(candidate: Candidate) -> Span:
    """The date of a candidate that has one."""
    return candidate.authored or Span(datetime.min, datetime.min, "")


def newness(candidate: Candidate) -> tuple[float, float, int]:
    """Later authored, then later changed, then a higher version."""
    meta = candidate.response.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    updated = parse_span(meta.get("lastUpdated"))
    version = str(meta.get("versionId", ""))
    return (
        span_of(candidate).start.timestamp(),
        updated.start.timestamp() if updated else 0.0,
        int(version) if version.isdecimal() else 0,
    )


def _is_before(candidate: Candidate, first: Candidate) -> bool:
    """Checks whether the same moment was written down for both, and this one is known to be
    replaced."""
    same = span_of(candidate) == span_of(first) and span_of(first).start == span_of(first).end
    mine, its = newness(candidate)[1:], newness(first)[1:]
    updated = mine[0] and its[0] and mine[0] != its[0]
    same_id = candidate.response.get("id") == first.response.get("id")
    return bool(same and (updated or (same_id and mine[1] and its[1] and mine != its)))


def _is_later(begun: Candidate, newest: list[Candidate]) -> bool:
    """Checks whether a form that was begun may be newer than the newest that was finished."""
    if not newest or begun.authored is None:
        return True
    return _may_follow(begun.authored, span_of(newest[0]))


def _may_follow(span: Span, other: Span) -> bool:
    return span.start >= other.start or span.end > other.start
