"""Answers by linkId as a QuestionnaireResponse (FHIR R4), whole or in progress. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cds_service.content import extensions as ext
from cds_service.fhir.questionnaire_response.form import SECURITY_LABEL
from cds_service.web.form import model as m

Answers = Mapping[str, list[dict[str, Any]]]
UUID_SYSTEM = "urn:ietf:rfc:3986"


@dataclass(frozen=True, slots=True)
class Heading:
    """The header of a response. ``identifier`` is a UUID, ``authored`` aware; ``prefilled``
    are linkIds whose answers are as the chart gave them, ``confirmed`` those of them that the
    person was shown; ``age`` is in whole years."""

    language: str
    identifier: str
    authored: datetime
    prefilled: frozenset[str] = frozenset()
    confirmed: frozenset[str] = frozenset()
    age: int | None = None


def in_progress(form: m.IntakeForm, answers: Answers) -> dict[str, Any]:
    """All answers given so far, those of hidden items too, in the shape of the form.

    Groups are there whether or not something in them is answered, so that what may stand in them
    can be asked about.
    """
    items = list(_items(_top(form), answers, lambda _: True, groups=True))
    return _response(form, "in-progress", items)


def answered(
    form: m.IntakeForm, answers: Answers, keep: Callable[[m.FormItem], bool], status: str
) -> dict[str, Any]:
    """The answers of the items to keep, and nothing else."""
    return _response(form, status, list(_items(_top(form), answers, keep, groups=False)))


def completed(
    form: m.IntakeForm, answers: Answers, keep: Callable[[m.FormItem], bool], heading: Heading
) -> dict[str, Any]:
    """Returns what is sent: the answers of the items to keep, with the words they were asked in.

    Restricted answers carry the labels of their items, and the whole all of these, and what the
    form says of the person's age.
    """
    language = heading.language
    items = list(_items(_top(form), answers, keep, groups=False, language=language))
    _mark(items, heading, ext.full_url(form.canonical, ext.ANSWER_CONFIRMED))
    whole = [dict(one.label) for one in form.age_labels if one.is_for(heading.age)]
    labels = _once([*_labels(form, items), *whole])
    return {
        **_response(form, "completed", items),
        "language": language,
        "identifier": {"system": UUID_SYSTEM, "value": f"urn:uuid:{heading.identifier}"},
        "authored": heading.authored.isoformat(timespec="seconds"),
        **({"meta": {"security": labels}} if labels else {}),
    }


def _response(form: m.IntakeForm, status: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    response = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": form.canonical,
        "status": status,
    }
    return response | ({"item": items} if items else {})


def _top(form: m.IntakeForm) -> Iterable[m.FormItem]:
    return (part for step in form.steps for part in step.parts)


def _items(
    parts: Iterable[m.FormItem],
    answers: Answers,
    keep: Callable[[m.FormItem], bool],
    *,
    groups: bool,
    language: str | None = None,
) -> Iterator[dict[str, Any]]:
    for part in parts:
        if part.control == m.DISPLAY or not keep(part):
            continue
        inner = list(_items(part.parts, answers, keep, groups=groups, language=language))
        node: dict[str, Any] = {"linkId": part.link_id}
        if language is not None:
            node |= _said(part, language)
        if part.control == m.GROUP:
            if inner or groups:
                yield {**node, "item": inner}
            continue
        given = [dict(answer) for answer in answers.get(part.link_id, ())]
        if given:
            if inner:
                given[0]["item"] = inner  # below the first answer: items stand there once here
            yield {**node, "answer": given}


def _said(part: m.FormItem, language: str) -> dict[str, Any]:
    """The words of the question and the labels of its answers."""
    answer_text: dict[str, Any] = {}
    if part.item.labels:
        answer_text["extension"] = [
            {"url": SECURITY_LABEL, "valueCoding": dict(label)} for label in part.item.labels
        ]
    return answer_text | ({"text": part.text.in_language(language)} if part.text else {})


def _mark(items: list[dict[str, Any]], heading: Heading, confirmed_url: str) -> None:
    """Says of answers that came from the chart that they did (SDC: information-origin), and
    whether the person has seen them."""
    for item in items:
        _mark(item.get("item", []), heading, confirmed_url)
        for answer in item.get("answer", ()):
            _mark(answer.get("item", []), heading, confirmed_url)
            if item["linkId"] in heading.prefilled:
                marks = (ext.INFORMATION_ORIGIN, confirmed_url)
                known = [e for e in answer.get("extension", ()) if e.get("url") not in marks]
                shown = confirmed_url if item["linkId"] in heading.confirmed else None
                answer["extension"] = [*known, *_marks(shown)]


def _marks(confirmed_url: str | None) -> Iterator[dict[str, Any]]:
    source = {"url": "source", "valueCode": "auto-server"}
    yield {"url": ext.INFORMATION_ORIGIN, "extension": [source]}
    if confirmed_url:
        yield {"url": confirmed_url, "valueBoolean": True}


def _labels(form: m.IntakeForm, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The labels of everything that is answered, each once."""
    found: list[dict[str, Any]] = []
    for item in items:
        if "answer" in item:
            found += map(dict, form.parts[item["linkId"]].item.labels)
        below = [
            *item.get("item", ()),
            *(i for a in item.get("answer", ()) for i in a.get("item", ())),
        ]
        found += _labels(form, below)
    return _once(found)


def _once(labels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({(one.get("system"), one.get("code")): one for one in labels}.values())
