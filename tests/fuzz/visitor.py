"""A person who is all canary, and how they ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson

from demo.ehr import DemoEhr
from tests.fuzz.canaries import BORN, Canaries
from tests.support.clinic import PATIENT_VIEW, Clinic, active, chart_entry, concept
from tests.support.hostile_fhir import HostileServer
from tests.support.ward import MANY, of_patient

JSON = {"Content-Type": "application/json"}
HOOK = f"/cds-services/{PATIENT_VIEW}"


@dataclass
class Visitor:
    """One person, with the ways to every route."""

    port: int
    clinic: Clinic
    ehr: DemoEhr
    hostile: HostileServer
    canaries: Canaries = field(default_factory=Canaries)
    patient: str = ""
    answered: list[httpx.Response] = field(default_factory=list)
    cards: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.base = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.base, trust_env=False, timeout=60)
        self.patient = self.patient or self.canaries.new("the patient's id")

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request with canaries in its headers and its query."""
        headers = self.canaries.headers() | {"Connection": "close"} | more.pop("headers", {})
        if self.http.cookies:
            headers.pop("Cookie")  # httpx adds its own
        if method == "POST" and path.startswith(("/intake", "/forms")):
            headers["Origin"] = self.base  # of another site it is refused (CSRF)
        joint = "&" if "?" in path else "?"
        url = f"{path}{joint}q={self.canaries.new('the query')}"
        answer = self.http.request(method, url, headers=headers, **more)
        self.answered.append(answer)
        return answer

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """A JSON body, or bytes as they are."""
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        return self.ask("POST", path, content=content, headers=JSON | headers)

    # -- a chart that is all canary ------------------------------------------------------------

    def call(self, hook: str = "patient-view") -> dict[str, Any]:
        """A call with something in every field an EHR may send."""
        new, content = self.canaries.new, self.clinic.content
        now = datetime.now(UTC)
        answers = {**MANY, "private": "yes", "safe": "no", "other": new("own words")}
        about = {
            "birthDate": BORN,
            "identifier": [{"system": "urn:mrn", "value": new("record number")}],
            "telecom": [{"system": "phone", "value": new("telephone")}],
            "address": [{"line": [new("street")], "city": new("city"), "text": new("address")}],
            "contact": [{"name": {"text": new("a relative")}}],
            "text": {"status": "generated", "div": f"<div>{new('narrative')}</div>"},
        }
        coded = concept(content, "endometriosis")
        coded["coding"].append({"system": new("system"), "code": new("code"), "display": "x"})
        chart = [
            active(code=coded, recordedDate=(now - timedelta(days=9)).isoformat(), note=["n"]),
            chart_entry("Procedure", status="completed", code={"text": "procedure"}),
            chart_entry("Observation", status="final", valueString="v", code={"text": "c"}),
            chart_entry("Condition", code=new("a bad code"), clinicalStatus=7),
        ]
        response = self.clinic.response(answers, authored=now.isoformat())
        body = self.clinic.request(chart=chart, patient=about, responses=[response])
        body["prefetch"] = self.canaries.marked(body["prefetch"])
        body["prefetch"]["patient"] |= {"id": "person", "birthDate": BORN}
        for item in body["prefetch"]["questionnaireResponses"]["entry"][0]["resource"]["item"]:
            if item["linkId"] == "other":
                item["answer"] = [{"valueString": answers["other"]}]
        body |= {"hook": hook, "hookInstance": new("hookInstance"), "extension": {new("x"): "x"}}
        body["context"] |= {
            "userId": f"Practitioner/{new('userId')}",
            "encounterId": new("encounterId"),
            new("a field of the context"): new("its value"),
        }
        body["fhirServer"] = self.hostile.base
        body["fhirAuthorization"] = {
            "access_token": new("access token"),
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": new("scope"),
            "subject": new("subject"),
        }
        return of_patient(body, self.patient)


Round = Callable[[Visitor], None]
ROUNDS: dict[str, Round] = {}


def at(*endpoints: str) -> Callable[[Round], Round]:
    """The round that goes to these endpoints."""

    def keep(round_: Round) -> Round:
        ROUNDS.update(dict.fromkeys(endpoints, round_))
        return round_

    return keep


def said(answer: httpx.Response, *expected: int) -> httpx.Response:
    """An answer with one of these statuses."""
    assert answer.status_code in expected, (answer.request.url.path, answer.status_code)
    return answer


def chart_of(visitor: Visitor) -> list[dict[str, Any]]:
    """What the EHR of the visit holds: the same person."""
    call = visitor.call()
    patient = {"resourceType": "Patient", "id": visitor.patient, "birthDate": BORN}
    patient["name"] = [{"family": visitor.canaries.new("family"), "given": ["x"]}]
    condition = call["prefetch"]["conditions"]["entry"][0]["resource"]
    kept = {k: condition[k] for k in ("resourceType", "code", "subject", "clinicalStatus")}
    return [patient, {**kept, "id": "a-condition"}]
