"""The clinic's sample people: made up, kept as data in ``people/*.json`` (see its README).

A file holds one chart as FHIR R4 resources, and what the person answered. Moments are written
relative to the start, so that answers are always fresh: ``{{now-3h}}`` becomes an instant,
``{{today-30y}}`` a date. Offsets are hours, days or years and can be chained: ``{{now+2d+1h}}``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
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
    ``response`` are FHIR R4 resources at the moment the person was read for."""

    id: str
    title: str
    look_for: str
    expect: Mapping[str, list[str]]
    chart: list[dict[str, Any]]
    response: dict[str, Any] | None

    @property
    def name(self) -> str:
        """Given names and family name."""
        (name, *_) = self.chart[0]["name"]
        return " ".join([*name["given"], name["family"]])

    @property
    def resources(self) -> list[dict[str, Any]]:
        """Everything the EHR holds about the person, the Patient first."""
        return [*self.chart, self.response] if self.response else self.chart


def read_people(questionnaire: Mapping[str, Any], now: datetime) -> list[Person]:
    """Everybody at that moment (aware), in the order the files ask for (``place``)."""
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.json")]
    documents.sort(key=lambda document: document["place"])
    return [read_person(document, questionnaire, now) for document in documents]


def read_staff() -> list[dict[str, Any]]:
    """The clinic's own resources: who works there."""
    return json.loads(STAFF.read_text(encoding="utf-8"))


def read_person(
    document: Mapping[str, Any], questionnaire: Mapping[str, Any], now: datetime
) -> Person:
    """One person from the JSON of a file; raises ValueError on an answer the form does not have."""
    made = resolve(document, now)
    response = _response(made, questionnaire) if "answers" in made else None
    return Person(
        made["id"], made["title"], made["lookFor"], made["expect"], made["chart"], response
    )


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


def _response(made: Mapping[str, Any], questionnaire: Mapping[str, Any]) -> dict[str, Any]:
    """The QuestionnaireResponse of a file's short ``answers``: linkId -> code, codes or value."""
    items = {item["linkId"]: item for item in _items(questionnaire)}
    unknown = made["answers"].keys() - items.keys()
    if unknown:
        raise ValueError(f"{made['id']}: the form has no item {', '.join(sorted(unknown))}")
    subject = {"reference": f"Patient/{made['id']}"}
    return {
        "resourceType": "QuestionnaireResponse",
        "id": f"{made['id']}-answers",
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
