"""Where a person feels it: the drawings of the form, with the regions that were chosen filled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cds_service.content.drawings import BodyMap
from cds_service.content.questionnaires import walk_items
from cds_service.decision.evaluate import Evaluation
from cds_service.web.form.from_questionnaire import read_form
from cds_service.web.form.model import FormItem, filled


@dataclass(frozen=True, slots=True)
class FilledMap:
    """A question with drawings, those to show, and the tokens and words of what was chosen."""

    part: FormItem
    maps: list[BodyMap]
    chosen: list[str]
    words: list[tuple[int | None, str]]


def filled_maps(evaluation: Evaluation) -> list[FilledMap]:
    """The answered questions with drawings, of the form whose answers the evaluation used."""
    facts, content = evaluation.facts, evaluation.content
    if facts.response is None:
        return []
    form = read_form(content.questionnaire.form, {}, content.drawings)
    found = (_filled(part, facts.response) for part in form.parts.values() if part.maps)
    return [one for one in found if one.maps]


def _filled(part: FormItem, response: Mapping[str, Any]) -> FilledMap:
    options = [o for answer in _answers(part, response) if (o := part.option_of(answer))]
    chosen = [option.token for option in options]
    words = [(part.numbers.get(o.token), o.text.in_language("en")) for o in options]
    return FilledMap(part, filled(part, chosen), chosen, words)


def _answers(part: FormItem, response: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for item in walk_items(response.get("item", ())):
        if item.get("linkId") == part.link_id:
            yield from item.get("answer", ())
