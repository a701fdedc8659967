"""Which response each of the other forms is read from: the newest that may be used, alone.

Unlike one of the needed form, a response that cannot be used never stops a call: why it was not
used is an input of rules, so that content can say it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from cds_service.content.model import AnsweredBy, Questionnaire, View, view_inputs
from cds_service.decision.belief import is_believed
from cds_service.decision.chart import FUTURE
from cds_service.decision.form_of_response import FormMatch
from cds_service.decision.responses import BEGUN, FINISHED, Candidate, is_over, newness, span_of
from cds_service.decision.unread import Unread, Why, unread
from cds_service.fhir.dates import parse_span
from cds_service.fhir.references import References, read_literal, reference_text
from cds_service.fhir.statuses import read_codes

LAY = frozenset({"Patient", "RelatedPerson"})  # who is no health professional, among R4 sources


class Unusable(StrEnum):
    """Reasons for not using a response, as rules read them (``plan_definitions/README.md``)."""

    BY = "not-by-professional"
    UNDATED = "undated"
    FUTURE = "future"
    TOO_OLD = "too-old"
    NOT_FINISHED = "not-finished"
    NOT_UNDERSTOOD = "not-understood"
    ITEMS = "items"


COUNTED = {Unusable.BY: Why.AUTHOR, Unusable.UNDATED: Why.DATE, Unusable.FUTURE: Why.DATE}


@dataclass(frozen=True, slots=True)
class ViewResponse:
    """``used`` is the response in use; ``dated`` are all finished ones with a date. ``reasons`` say
    why others are not used, ``unread`` counts those that may have told something."""

    used: Candidate | None = None
    dated: tuple[Candidate, ...] = ()
    reasons: frozenset[Unusable] = frozenset()
    unread: tuple[Unread, ...] = ()


@dataclass(frozen=True, slots=True)
class Visit:
    """The moment and the encounter of a call; ``references`` are those of all that came."""

    now: datetime
    encounter: str | None
    references: References


def newest_response(
    form: Questionnaire, matches: Iterable[FormMatch], visit: Visit
) -> ViewResponse:
    """The response of a form that rules read; never raises for what a response holds. One that
    cannot be used is passed over in silence where it is older than the one in use, or too old."""
    read = [(match.response, _read(form, match, visit)) for match in matches]
    found = [one for _, one in read if isinstance(one, Candidate)]
    usable = [c for c in found if _is_usable(form, c, visit)]
    used = max(usable, key=newness, default=None)
    refused = [
        (response, why)
        for response, why in read
        if why is not None
        and not isinstance(why, Candidate)
        and _may_matter(form, response, used, visit)
    ]
    reasons = {why if isinstance(why, Unusable) else Unusable.NOT_UNDERSTOOD for _, why in refused}
    if used is None and found:
        reasons.add(Unusable.TOO_OLD)
    not_read = tuple(_unread(form, *one) for one in refused if one[1] is not Unusable.NOT_FINISHED)
    return ViewResponse(used, tuple(found), frozenset(reasons), not_read)


def _unread(form: Questionnaire, response: Mapping[str, Any], why: Unusable | Why) -> Unread:
    """A response that may have told something; rules that read why can word it."""
    if isinstance(why, Why):
        return unread(response, why)
    *_, told_by = view_inputs(form.view, is_derived=False)
    return replace(unread(response, COUNTED[why]), told_by=told_by)


def _may_matter(
    form: Questionnaire, response: Mapping[str, Any], used: Candidate | None, visit: Visit
) -> bool:
    """Checks whether a response that cannot be used may be newer than the one in use, and hold."""
    authored = parse_span(response.get("authored"))
    if authored is None:
        return True
    candidate = Candidate(response, authored, True)
    is_older = used is not None and authored.start < span_of(used).start
    return not is_older and _is_usable(form, candidate, visit)


def _read(form: Questionnaire, match: FormMatch, visit: Visit) -> Candidate | Unusable | Why | None:
    """A finished response with a date, or why it is not one; None for one to pass over."""
    response, believed = match.response, is_believed(match.response)
    if believed is not True:
        return believed or None
    status = read_codes(response, "status")
    if not match.is_certain or not status or not status <= FINISHED | BEGUN:
        return Why.STATUS if match.is_certain else Why.FORM
    if not status <= FINISHED:
        return Unusable.NOT_FINISHED
    if form.answered_by is AnsweredBy.PROFESSIONAL and _is_by_lay_person(response, visit):
        return Unusable.BY
    authored = parse_span(response.get("authored"))
    if authored is None:
        return Unusable.UNDATED
    if authored.start > visit.now + FUTURE:
        return Unusable.FUTURE
    return Candidate(response, authored, True)


def _is_usable(form: Questionnaire, candidate: Candidate, visit: Visit) -> bool:
    if not is_over(form.valid_hours, span_of(candidate), visit.now):
        return True
    return form.same_encounter and _is_of_visit(candidate.response, visit)


def _is_of_visit(response: Mapping[str, Any], visit: Visit) -> bool:
    reference = response.get("encounter")
    literal = read_literal(reference_text(reference))
    named = visit.references.resolve(reference, response) if literal is None else None
    kind = literal.type if literal else (named or {}).get("resourceType")
    name = literal.id if literal else (named or {}).get("id")
    return visit.encounter is not None and (kind, name) == ("Encounter", visit.encounter)


def _is_by_lay_person(response: Mapping[str, Any], visit: Visit) -> bool:
    return any(
        _type_of(response[name], response, visit.references) in LAY
        for name in ("author", "source")
        if isinstance(response.get(name), Mapping)
    )


def _type_of(
    element: Mapping[str, Any], within: Mapping[str, Any], references: References
) -> object:
    """The type of what a Reference names, by the reference, what it leads to, or its ``type``."""
    literal = read_literal(reference_text(element))
    if literal is not None:
        return literal.type
    named = references.resolve(element, within)
    return named.get("resourceType") if named is not None else element.get("type")


def earlier_response(view: View, used: Candidate, dated: Sequence[Candidate]) -> Candidate | None:
    """The newest finished response of the form of a derived view, so long before another one."""
    latest = span_of(used).start
    least, most = timedelta(hours=view.least_hours), timedelta(hours=view.most_hours)
    earlier = (c for c in dated if least <= latest - span_of(c).start <= most)
    return max(earlier, key=newness, default=None)
