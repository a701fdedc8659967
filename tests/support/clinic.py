"""People, charts and calls for tests. Everything is derived from the content, nothing is hidden.

``Clinic`` stands for one running service: a content, its call path and its HTTP client, all at the
fixed moment ``NOW``.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cds_service.authoring.vignettes import first_coding
from cds_service.content import Content
from cds_service.content.model import Requirement
from cds_service.fhir_api.populate import Populator
from cds_service.hooks.pipeline import Pipeline, Result
from cds_service.settings import Settings
from cds_service.store.migrations import upgrade
from cds_service.store.pseudonyms import Pseudonyms

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PERSON = "person"
FORM = "https://dyspareunia-cds.example/fhir/Questionnaire/dyspareunia-intake"
PATIENT_VIEW = "dyspareunia-workup-patient-view"
ENCOUNTER_START = "dyspareunia-workup-encounter-start"
KEY = bytes(32)  # of every test that needs none of its own, so that uuids are known
MAKE_UUID = Pseudonyms(KEY).uuid
INTAKE_URL = "https://example.org/intake"
CLINICAL_STATUS = "http://terminology.hl7.org/CodeSystem/condition-clinical"

# Somebody with no emergency, in no need of anything but self-care, who answered every question.
QUIET: dict[str, Any] = {
    "private": "yes",
    "rfgen": ["none"],
    "organs": ["uterus", "cervix", "ovary", "vagina"],
    "rfvag": ["none"],
    "preg": "no",
    "postpartum": "no",
    "menses": "regular",
    "surg": "none",
    "sextype": ["handtoy"],
    "when": ["other"],
    "where": ["muscle"],
    "dur": "6w3m",
    "lasting": "minutes",
    "sev": 2,
    "onset": "acquired",
    "trigger": ["none"],
    "entry": "fine",
    "bleed": ["none"],
    "genital": ["none"],
    "urine": ["none"],
    "bowel": ["none"],
    "dry": "no",
    "gyn": ["none"],
    "stirisk": ["none"],
    "meds": ["none"],
    "trauma": "no",
    "safe": "yes",
    "unwanted": "no",
    "distress": "little",
}


# The same person, after one time of burning when passing urine.
URINARY: dict[str, Any] = {**QUIET, "urine": ["burn"], "dur": "once"}


def to_now(body: Any) -> Any:
    """The same call with every date moved as far as NOW is from the real present, for servers that
    run on the real clock."""
    moved = datetime.now(UTC) - NOW

    def later(match: re.Match[str]) -> str:
        day, rest = match[1], match[2] or ""
        if not rest:
            return f'"{date.fromisoformat(day) + timedelta(days=moved.days)}"'
        return f'"{(datetime.fromisoformat(day + rest) + moved).isoformat()}"'

    text = json.dumps(body)
    return json.loads(re.sub(r'"(\d{4}-\d\d-\d\d)(T[0-9:.]+(?:Z|[+-]\d\d:\d\d))?"', later, text))


def ago(**parts: float) -> str:
    """An instant that long before NOW, as FHIR writes it."""
    return (NOW - timedelta(**parts)).isoformat()


def bundle(resources: Iterable[Any]) -> dict[str, Any]:
    """A search result."""
    entries = [{"resource": r, "search": {"mode": "match"}} for r in resources]
    empty = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
    return {**empty, "entry": entries} if entries else empty


def concept(content: Content, value_set: str) -> dict[str, Any]:
    """A CodeableConcept with the first code of a value set."""
    return {"coding": [first_coding(content, value_set)]}


def active(**elements: Any) -> dict[str, Any]:
    """An active Condition of the person."""
    status = {"coding": [{"system": CLINICAL_STATUS, "code": "active"}]}
    return chart_entry("Condition", clinicalStatus=status, **elements)


def chart_entry(kind: str, **elements: Any) -> dict[str, Any]:
    """A resource about the person."""
    return {
        "resourceType": kind,
        "id": f"a-{kind.lower()}",
        "subject": {"reference": f"Patient/{PERSON}"},
        **elements,
    }


def observation(**elements: Any) -> dict[str, Any]:
    """A final Observation of the person."""
    return chart_entry("Observation", **{"status": "final", **elements})


@cache
def empty_database() -> bytes:
    """A migrated SQLite file: migrating takes a second, copying none."""
    with TemporaryDirectory() as folder:
        upgrade(f"sqlite:///{folder}/empty.sqlite3")
        return (Path(folder) / "empty.sqlite3").read_bytes()


def settings_in(folder: Path, **more: Any) -> Settings:
    """Settings of a service without authentication that keeps its files in a folder, where its
    database is, unless another is named."""
    file = folder / "cds.sqlite3"
    if "database_url" not in more and not file.exists():
        file.touch(mode=0o600)
        file.write_bytes(empty_database())
    key_file = folder / "cds.key"
    if not key_file.exists():
        key_file.touch(mode=0o600)
        key_file.write_text(KEY.hex())
    given: dict[str, Any] = {
        "auth": "off",
        "content": ROOT,
        "public_base_url": "https://cds.example.org",
        "database_url": f"sqlite:///{file}",
        "key_file": key_file,
    }
    return Settings(**given | more)


_DATED = {
    "Condition": "recordedDate",
    "Procedure": "performedDateTime",
    "MedicationRequest": "authoredOn",
    "MedicationDispense": "whenHandedOver",
}


def _value(wanted: Requirement) -> dict[str, Any]:
    """A value that meets what a chart key is read for."""
    if wanted.reading is None:
        return {}
    if wanted.reading.units:
        return {"valueQuantity": {"value": 37, "unit": next(iter(wanted.reading.units))}}
    is_report = wanted.type == "DiagnosticReport"
    if "positive" not in wanted.reading.results:
        return {"conclusion": "clear"} if is_report else {"valueDateTime": "2026-11-01"}
    system, code = min(wanted.reading.positive)
    if is_report:
        return {"conclusionCode": [{"coding": [{"system": system, "code": code}]}]}
    return {"valueCodeableConcept": {"coding": [{"system": system, "code": code}]}}


def meeting(wanted: Requirement, when: str, **elements: Any) -> dict[str, Any]:
    """An entry that meets every filter of a chart key, at that date."""
    for code_filter in wanted.filters:
        system, code = min(code_filter.codes)
        concept = {"coding": [{"system": system, "code": code}]}
        name = {"medication": "medicationCodeableConcept"}.get(code_filter.path, code_filter.path)
        elements.setdefault(name, code if name in {"status", "intent"} else concept)
    if not any(name.startswith(("value", "interpretation", "component")) for name in elements):
        elements |= _value(wanted)
    if wanted.type == "Encounter":
        elements["period"] = {"start": when}
    else:
        elements[_DATED.get(wanted.type, "effectiveDateTime")] = when
    return chart_entry(wanted.type, **elements)


def key_of(kind: str) -> str:
    """The prefetch key under which the service asks for a resource type."""
    return f"{kind[0].lower()}{kind[1:]}s"


def topics(cards: Iterable[Mapping[str, Any]]) -> list[str]:
    """The topic codes of cards, in order."""
    return [card["source"]["topic"]["code"] for card in cards]


def card_about(cards: Iterable[dict[str, Any]], topic: str) -> dict[str, Any]:
    """The card of that topic; fails when it is not there."""
    found = {card["source"]["topic"]["code"]: card for card in cards}
    assert topic in found, f"no {topic} card among {list(found)}"
    return found[topic]


def walk(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every value of a JSON document with its path, the root first."""
    yield path, node
    steps = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for step, child in steps:
        yield from walk(child, (*path, step))


ABSENT = object()


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy of a document with one value replaced, or taken out (``ABSENT``)."""
    document = copy.deepcopy(document)
    parent = document
    for step in path[:-1]:
        parent = parent[step]
    if value is ABSENT:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    return document


def log_lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The fields of every line the service logged."""
    return [record.msg for record in caplog.records if isinstance(record.msg, dict)]


class Clinic:
    """One service at NOW, and the calls a test makes of it."""

    def __init__(self, content: Content, client: FlaskClient) -> None:
        self.content = content
        self.client = client
        self.form = content.questionnaire
        self.pipeline = Pipeline(content, INTAKE_URL, make_uuid=MAKE_UUID)
        self.populator = Populator.of(self.pipeline)
        self.keys = list(self.pipeline.service(PATIENT_VIEW).prefetch)

    # -- what is sent ----------------------------------------------------------------

    def items(self, answers: Mapping[str, Any]) -> list[dict[str, Any]]:
        """QuestionnaireResponse items: a code, a list of codes, a number or a text each."""
        return [
            {"linkId": link_id, "answer": [self._answer(link_id, v) for v in _as_list(value)]}
            for link_id, value in sorted(answers.items(), key=self._place)
        ]

    def _place(self, answer: tuple[str, Any]) -> int:
        """Where the form has a question; a stranger's linkId comes last."""
        order = list(self.form.items)
        return order.index(answer[0]) if answer[0] in order else len(order)

    def _answer(self, link_id: str, value: Any) -> dict[str, Any]:
        item = self.form.items[link_id]
        if item.kind == "choice":
            return {"valueCoding": {"system": item.system.get(value), "code": value}}
        return {"valueInteger" if item.kind == "integer" else "valueString": value}

    def response(self, answers: Mapping[str, Any], **elements: Any) -> dict[str, Any]:
        """A completed response of the person, answered an hour ago."""
        return chart_entry(
            "QuestionnaireResponse",
            **{
                "questionnaire": f"{FORM}|{self.form.resource['version']}",
                "status": "completed",
                "authored": ago(hours=1),
                "item": self.items(answers),
                **elements,
            },
        )

    def request(
        self,
        answers: Mapping[str, Any] | None = None,
        chart: Iterable[dict[str, Any]] = (),
        *,
        patient: Mapping[str, Any] | None = None,
        responses: Iterable[dict[str, Any]] | None = None,
    ) -> dict[str, Any]:
        """A patient-view call with every prefetch key; no answers means no response."""
        chart = list(chart)
        if responses is None:
            responses = [] if answers is None else [self.response(answers)]
        prefetch: dict[str, Any] = {
            key: bundle(r for r in chart if key_of(r["resourceType"]) == key) for key in self.keys
        }
        prefetch["patient"] = {
            "resourceType": "Patient",
            "id": PERSON,
            "birthDate": "1990-03-01",
            **(patient or {}),
        }
        prefetch["questionnaireResponses"] = bundle(responses)
        return {
            "hook": "patient-view",
            "hookInstance": "5c1b0a63-0b0e-4a39-9d3b-0e0d5f1a7c11",
            "context": {"userId": "Practitioner/example", "patientId": PERSON},
            "prefetch": prefetch,
        }

    # -- what comes back ---------------------------------------------------------------

    def result(self, body: Any, now: datetime = NOW) -> Result:
        """The evaluation and cards of a request."""
        return self.pipeline.answer(self.pipeline.service_for(body["hook"]), body, now)

    def found(
        self,
        answers: Mapping[str, Any] | None = None,
        chart: Iterable[dict[str, Any]] = (),
        **more: Any,
    ) -> Result:
        """The evaluation and cards for a person."""
        return self.result(self.request(answers, chart, **more))

    def post(self, body: Any, service: str = PATIENT_VIEW, **more: Any) -> TestResponse:
        """The HTTP answer to a body: JSON of an object, or bytes as they are."""
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        more.setdefault("content_type", "application/json")
        return self.client.post(f"/cds-services/{service}", data=data, **more)

    def cards(self, body: Any, service: str = PATIENT_VIEW) -> list[dict[str, Any]]:
        """The cards of a call that is answered."""
        answer = self.post(body, service)
        assert answer.status_code == 200, answer.text
        return answer.get_json()["cards"]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def sent(body: dict[str, Any], **values: Any) -> dict[str, Any]:
    """A call with other prefetch under some keys."""
    return {**body, "prefetch": {**body["prefetch"], **values}}
