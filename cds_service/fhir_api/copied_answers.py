"""Answers of one form that another one may begin with: coded alike, and as restricted or more.

Content says which item is copied from which (``prefill-from`` on an item); nothing else is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from cds_service.content.model import Content, Question, Questionnaire, Resource
from cds_service.decision.form_of_response import FormMatch, FormMatcher, FormUrls
from cds_service.decision.responses import Candidate, read_responses
from cds_service.decision.view_responses import Visit, newest_response
from cds_service.fhir.references import References


def copied_answers(
    content: Content,
    form: Questionnaire,
    responses: Iterable[Resource],
    references: References,
    now: datetime,
    urls: FormUrls,
) -> Iterator[tuple[str, list[dict[str, Any]], Resource]]:
    """The linkId, the answers (``valueCoding``) and the response they are from, of every item that
    another form's usable response answers. ``urls`` are those of forms that the
    content does not hold."""
    wanted = [item for item in form.items.values() if item.copied_from]
    if not wanted:
        return
    matcher = FormMatcher(content.forms, urls)
    matches = [m for r in responses if (m := matcher.match(r, references)) is not None]
    for item in wanted:
        url, link_id = item.copied_from or ("", "")
        source = next(f for f in content.forms if f.url == url)
        used = _used(source, [m for m in matches if m.form is source], references, now)
        answer = used.sheet(source, now).view.get(link_id) if used else None
        chosen = (
            [code for code, is_chosen in answer.items() if is_chosen]
            if isinstance(answer, dict)
            else []
        )
        answers = list(_codings(item, chosen))
        if used and answers:
            yield item.link_id, answers, used.response


def _used(
    form: Questionnaire, matches: list[FormMatch], references: References, now: datetime
) -> Candidate | None:
    if not form.is_needed:
        return newest_response(form, matches, Visit(now, None, references)).used
    return next(iter(read_responses(form, matches, now).candidates), None)


def _codings(item: Question, codes: Iterable[str]) -> Iterator[dict[str, Any]]:
    for code in codes:
        if code in item.options:
            coding = {"system": item.system[code], "code": code, "display": item.displays[code]}
            yield {"valueCoding": coding}
