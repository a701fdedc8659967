"""The answers that a vignette gives, as QuestionnaireResponses (manual: README.md of vignettes).

Each view of the content is a key: the needed form's is filled with the defaults, the others are
blank but for what is copied from another form.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from cds_service.content.model import AnsweredBy, Content, Question, Questionnaire, View
from cds_service.fhir.questionnaire_response import Item, Showing
from cds_service.fhir.questionnaire_response.tree import Answer

VISIT = "visit"  # id of the encounter of the call
NO_FORM = "none"
ENCOUNTERS = {"same": VISIT, "other": "other-visit"}
AUTHORS = {"professional": "Practitioner/example", "patient": "Patient/person"}

Given = Mapping[str, Any]


def given_responses(
    given: Given, defaults: Given, content: Content, now: datetime
) -> Iterator[dict[str, Any]]:
    """The responses of a vignette at a moment; raises ValueError for items no form has."""
    form = content.questionnaire
    answers: dict[str, Any] = {}
    if given.get(form.view) != NO_FORM:
        answers = answers_of(given, defaults, form)
        answered = now - timedelta(hours=given.get("answeredHoursAgo", 0))
        status = given.get("answerStatus", "completed")
        yield _response("response", form, answers, answered, status=status)
    for view in content.views.values():
        if view.name in given and view.name != form.view:
            yield _view_response(view, given, {form.url: answers}, now)


def _view_response(
    view: View, given: Given, others: Mapping[str, Given], now: datetime
) -> dict[str, Any]:
    form, answers = view.form, dict(given[view.name])
    for link_id, question in form.items.items():
        if question.copied_from and link_id not in answers:
            copied = list(_copied(question, others))
            answers |= {link_id: copied} if copied else {}
    _refuse_others(answers, form)
    author = given.get(f"{view.name}By")
    if author is None and form.answered_by is AnsweredBy.PROFESSIONAL:
        author = "professional"
    elements: dict[str, Any] = {"author": {"reference": AUTHORS[author]}} if author else {}
    if form.same_encounter:
        encounter = ENCOUNTERS[given.get(f"{view.name}Encounter", "same")]
        elements["encounter"] = {"reference": f"Encounter/{encounter}"}
    authored = now - timedelta(hours=given.get(f"{view.name}HoursAgo", 0))
    return _response(f"response-{view.name}", form, answers, authored, **elements)


def _copied(question: Question, others: Mapping[str, Given]) -> Iterator[str]:
    url, link_id = question.copied_from or ("", "")
    value = others.get(url, {}).get(link_id, ())
    for code in value if isinstance(value, list) else [value]:
        if code in question.options:
            yield code


def _response(
    name: str, form: Questionnaire, answers: Given, authored: datetime, **elements: Any
) -> dict[str, Any]:
    response: dict[str, Any] = {
        "resourceType": "QuestionnaireResponse",
        "id": name,
        "questionnaire": f"{form.url}|{form.resource['version']}",
        "status": "completed",
        "subject": {"reference": "Patient/person"},
        "authored": authored.isoformat(),
        **elements,
    }
    items = list(_items(form, form.form.top, answers))
    return {**response, "item": items} if items else response


def _items(
    form: Questionnaire, level: Mapping[str, Item], answers: Given
) -> Iterator[dict[str, Any]]:
    """The answered items of a level, groups around those they hold."""
    for link_id, item in level.items():
        nested = list(_items(form, item.children, answers))
        if link_id in answers:
            yield {
                "linkId": link_id,
                "answer": list(_answers(form.items[link_id], answers[link_id])),
            }
        elif nested:
            yield {"linkId": link_id, "item": nested}


def answers_of(given: Given, defaults: Given, form: Questionnaire) -> dict[str, Any]:
    """linkId -> code, codes or number, in form order, defaults filled in where the form asks."""
    said = dict(given.get(form.view, {}))
    _refuse_others(said, form)
    blank = given.get("blank", ())
    filling = {} if blank == "others" else _filling(said, defaults, form.view, blank)
    answers: dict[str, Any] = {}
    usable: dict[str, list[Answer]] = {}
    for link_id, question in form.items.items():
        value = said.get(link_id)
        if value is None and link_id in filling:
            shown = Showing.of_answers(form.form, usable).shown(question.item)
            value = filling[link_id] if shown else None
        if value is not None:
            answers[link_id] = value
            usable[link_id] = [
                Answer(name.removeprefix("value"), typed, "")
                for answer in _answers(question, value)
                for name, typed in answer.items()
            ]
    return answers


def _refuse_others(answers: Given, form: Questionnaire) -> None:
    unknown = [link_id for link_id in answers if link_id not in form.items]
    if unknown:
        raise ValueError(f"the form {form.id} has no item {', '.join(unknown)}")


def _filling(said: Given, defaults: Given, view: str, blank: Iterable[str]) -> dict[str, Any]:
    filling = dict(defaults.get(view, {}))
    by_answer = defaults.get("byAnswer", {"item": None, "rules": ()})
    answered = set(said.get(by_answer["item"], ()))
    for rule in by_answer["rules"]:
        if answered & set(rule["anyOf"]):
            filling |= rule[view]
            break
    return {link_id: v for link_id, v in filling.items() if link_id not in blank}


def _answers(question: Question, value: Any) -> Iterator[dict[str, Any]]:
    for one in value if isinstance(value, list) else [value]:
        if question.kind == "choice":
            yield {"valueCoding": {"system": question.system.get(one), "code": one}}
        elif question.kind in ("integer", "decimal"):
            yield {f"value{question.kind.capitalize()}": one}
        else:
            yield {"valueString": one}
