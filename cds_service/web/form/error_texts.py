"""Errors of an answer, in words for the person who gave it. Pure.

The validator says that something is wrong and of which kind; what the item allows says the rest.
"""

from __future__ import annotations

from typing import Any

from cds_service.fhir.questionnaire_response.form import MAX_OCCURS, MIN_OCCURS
from cds_service.web.form import model as m
from cds_service.web.form.form_state import REQUIRED, UNREADABLE, FormState
from cds_service.web.form.texts import Texts


def error_text(state: FormState, part: m.FormItem, code: str, texts: Texts) -> str:
    """One sentence or two: what is wrong, and what to do."""
    if code == REQUIRED:
        return _required(state, part, texts)
    if code == "too-long" and part.item.max_length is not None:
        return texts("error_too_long", most=part.item.max_length)
    if code == "business-rule":
        return _together(state, part, texts)
    return _of_type(part, code, texts)


def _of_type(part: m.FormItem, code: str, texts: Texts) -> str:
    if part.control in m.LISTED:
        return texts("error_one" if code == "structure" else "error_option")
    if part.control in (m.NUMBER, m.QUANTITY):
        return _number(part, texts)
    if part.control in _PLAIN:
        known, out_of_range = _PLAIN[part.control]
        return texts(known if code == UNREADABLE or not _has_range(part) else out_of_range)
    if part.item.kind == "url":
        return texts("error_url")
    if part.control in m.TYPED:
        return texts("error_line" if code == UNREADABLE else "error_format")
    return texts("error_other")


_PLAIN = {
    m.DATE: ("error_date", "error_date_range"),
    m.DATE_TIME: ("error_date", "error_date_range"),
    m.TIME: ("error_time", "error_time"),
    m.BOOLEAN: ("error_option", "error_option"),
}


def _has_range(part: m.FormItem) -> bool:
    return part.least is not None or part.most is not None


def _required(state: FormState, part: m.FormItem, texts: Texts) -> str:
    least = part.item.count(MIN_OCCURS)
    if part.control == m.GROUP:
        return texts("error_group")
    if least and state.answers.get(part.link_id):
        return texts("error_too_few", least=least)
    return texts("error_required")


def _together(state: FormState, part: m.FormItem, texts: Texts) -> str:
    """Answers that do not stand side by side."""
    chosen = [part.option_of(answer) for answer in state.answers.get(part.link_id, ())]
    alone = next((o for o in chosen if o is not None and o.exclusive), None)
    if alone is not None and len(chosen) > 1:
        return texts("error_exclusive", option=alone.text.in_language(texts.language))
    most = part.item.count(MAX_OCCURS)
    return texts("error_too_many", most=most) if most is not None else texts("error_other")


def _number(part: m.FormItem, texts: Texts) -> str:
    limits = number_limits(part, texts, "error")
    return limits or texts("error_whole" if part.item.kind == "integer" else "error_number")


def number_limits(part: m.FormItem, texts: Texts, prefix: str) -> str:
    """The range of a number in words, in the voice of ``prefix``; empty when it has none."""
    least, most = part.least, part.most
    if least is not None and most is not None:
        return texts(f"{prefix}_between", least=plain(least), most=plain(most))
    if least is not None:
        return texts(f"{prefix}_least", least=plain(least))
    return "" if most is None else texts(f"{prefix}_most", most=plain(most))


def plain(value: Any) -> str:
    """A number without a needless point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
