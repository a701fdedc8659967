"""The clinic's sample people: made up, kept as data in ``people/*.json`` (see its README).

A file holds one chart as FHIR R4 resources, and what the person answered. Moments are written
relative to the start, so that answers are always fresh: ``{{now-3h}}`` becomes an instant,
``{{today-30y}}`` a date. Offsets are hours, days or years and can be chained: ``{{now+2d+1h}}``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "people"
STAFF = Path(__file__).parent / "staff.json"

_MOMENT = re.compile(r"\{\{(now|today)((?:[+-]\d+[hdy])*)\}\}")
_OFFSET = re.compile(r"([+-]\d+)([hdy])")


@dataclass(frozen=True)
class Person:
    """One sample person. ``expect`` maps a hook to the topics of its cards, in order; ``chart`` and
    ``response`` (to the needed form) are FHIR R4 resources at the moment the person was read for,
    ``others`` the responses to other forms."""

    id: str
    title: str
    look_for: str
    expect: Mapping[str, list[str]]
    chart: list[dict[str, Any]]
    response: dict[str, Any] | None
    others: list[dict[str, Any]]

    @property
    def name(self) -> str:
        """Given names and family name."""
        (name, *_) = self.chart[0]["name"]
        return " ".join([*name["given"], name["family"]])

    @property
    def resources(self) -> list[dict[str, Any]]:
        """Everything the EHR holds about the person, the Patient first."""
        return [*self.chart, *([self.response] if self.response else ()), *self.others]


def read_people(forms: Sequence[Mapping[str, Any]], now: datetime) -> list[Person]:
    """Everybody at that moment (aware), in the order the files ask for (``place``). ``forms`` are
    the Questionnaires, the needed one first."""
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.json")]
    documents.sort(key=lambda document: document["place"])
    return [read_person(document, forms, now) for document in documents]


def read_staff() -> list[dict[str, Any]]:
    """The clinic's own resources: who works there."""
    return json.loads(STAFF.read_text(encoding="utf-8"))


def read_person(
    document: Mapping[str, Any], forms: Sequence[Mapping[str, Any]], now: datetime
) -> Person:
    """One person from the JSON of a file; raises ValueError on an answer the form does not have."""
    made, by_id = resolve(document, now), {form["id"]: form for form in forms}
    response = _response(made["id"], made, forms[0]) if "answers" in made else None
    others = [_response(made["id"], one, by_id[one["form"]]) for one in made.get("others", ())]
    about = (made[key] for key in ("id", "title", "lookFor", "expect", "chart"))
    return Person(*about, response, others)


def transaction(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """A FHIR transaction that puts each resource under its own id."""
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "resource": resource,
                "request": {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"},
            }
            for resource in resources
        ],
    }


# -- moments -------------------------------------------------------------------------------


def resolve(value: Any, now: datetime) -> Any:
    """A copy of a JSON document with every relative moment in its texts worked out."""
    if isinstance(value, dict):
        return {key: resolve(child, now) for key, child in value.items()}
    if isinstance(value, list):
        return [resolve(child, now) for child in value]
    if isinstance(value, str):
        return _MOMENT.sub(lambda found: _moment(found, now), value)
    return value


def _moment(found: re.Match[str], now: datetime) -> str:
    moment = now.astimezone(UTC)
    for amount, unit in _OFFSET.findall(found[2]):
        if unit == "y":
            # 28 February instead of 29 February, which most years do not have.
            day = 28 if (moment.month, moment.day) == (2, 29) else moment.day
            moment = moment.replace(year=moment.year + int(amount), day=day)
        else:
            moment += timedelta(**{{"h": "hours", "d": "days"}[unit]: int(amount)})
    if found[1] == "today":
        return moment.date().isoformat()
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


# -- answers -------------------------------------------------------------------------------


def _response(
    person: str, made: Mapping[str, Any], questionnaire: Mapping[str, Any]
) -> dict[str, Any]:
    """The QuestionnaireResponse of a person's short ``answers``: linkId -> code, codes or value."""
    items = {item["linkId"]: item for item in _items(questionnaire)}
    unknown = made["answers"].keys() - items.keys()
    if unknown:
        raise ValueError(f"{person}: the form has no item {', '.join(sorted(unknown))}")
    subject = {"reference": f"Patient/{person}"}
    name = "answers" if "form" not in made else f"answers-{made['form']}"
    return {
        "resourceType": "QuestionnaireResponse",
        "id": f"{person}-{name}",
        "questionnaire": f"{questionnaire['url']}|{questionnaire['version']}",
        "status": "completed",
        "subject": subject,
        "author": subject,
        "authored": made["answered"],
        "item": [
            {"linkId": link_id, "answer": list(_answers(item, made["answers"][link_id]))}
            for link_id, item in items.items()  # in the order of the form
            if link_id in made["answers"]
        ],
    }


def _items(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for item in node.get("item", ()):
        yield item
        yield from _items(item)


def _answers(item: Mapping[str, Any], value: Any) -> Iterator[dict[str, Any]]:
    listed = [o["valueCoding"] for o in item.get("answerOption", ()) if "valueCoding" in o]
    options = {coding["code"]: coding for coding in listed}
    for one in value if isinstance(value, list) else [value]:
        if options:
            if one not in options:
                raise ValueError(f"the form's item {item['linkId']} has no option {one!r}")
            coding = options[one]
            kept = {k: coding[k] for k in ("system", "code", "display") if k in coding}
            yield {"valueCoding": kept}
        else:
            yield {"valueInteger" if isinstance(one, int) else "valueString": one}
