"""The header of a response: its elements, its status, and the form it answers (4.5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cds_service.fhir.dates import Span, parse_span

from .datatypes import COMPLEX, element_problems
from .form import as_dict
from .run import STATUSES, Run

ROOT = "QuestionnaireResponse"
_FORM = f"{ROOT}.questionnaire"


def is_response(response: Any, run: Run) -> bool:
    """Checks whether it is a QuestionnaireResponse at all."""
    if isinstance(response, dict) and response.get("resourceType") == ROOT:
        return True
    text = f"This is not a QuestionnaireResponse. Send one, with resourceType '{ROOT}'."
    run.report.error("structure", text, ROOT)
    return False


def check_header(run: Run) -> None:
    """The elements of the response itself, and whether its Questionnaire may be answered."""
    for path, text in element_problems(COMPLEX[ROOT], run.response, ROOT):
        run.report.error("structure", text, path)
    _check_status(run)
    _check_canonical(run)
    if run.form.resource.get("status") == "retired":
        text = "The Questionnaire is retired. Use its successor."
        run.report.warn("business-rule", text, _FORM)
    _check_period(run)
    for doubt in dict.fromkeys(run.form.doubts):
        run.report.warn("not-supported", doubt, ROOT)


def _check_status(run: Run) -> None:
    status = run.response.get("status")
    path = f"{ROOT}.status"
    if status is None:
        run.report.error("required", f"The status is missing. Send {_list(STATUSES)}.", path)
    elif status not in STATUSES:
        run.report.error("code-invalid", f"The status is not {_list(STATUSES)}.", path)


def _list(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _check_canonical(run: Run) -> None:
    """The canonical and version answered are those checked against (a warning, 4.5)."""
    sent, form = run.response.get("questionnaire"), run.form.resource
    if not isinstance(sent, str):
        text = "It does not say which Questionnaire it answers. Send questionnaire."
        run.report.warn("incomplete", text, ROOT)
        return
    url, _, version = sent.partition("|")
    if url != form.get("url"):
        text = "It answers another Questionnaire than the one it was checked against."
        run.report.warn("business-rule", text, _FORM)
    elif version and version != form.get("version"):
        text = "It answers another version of the Questionnaire than it was checked against."
        run.report.warn("business-rule", text, _FORM)


def _check_period(run: Run) -> None:
    """Answered while the Questionnaire was in use; judged by authored, else by the clock."""
    period = as_dict(run.form.resource.get("effectivePeriod"))
    start, end = parse_span(period.get("start")), parse_span(period.get("end"))
    authored = parse_span(run.response.get("authored")) or _span(run.now)
    if authored is None:
        return
    if (start and _before(authored, start)) or (end and _before(end, authored)):
        text = "The Questionnaire was not in use when this was answered (effectivePeriod)."
        run.report.warn("business-rule", text, _FORM)


def _before(one: Span, other: Span) -> bool:
    return one.end <= other.start and one.start < other.start


def _span(now: datetime | None) -> Span | None:
    return None if now is None else Span(now, now, "")
