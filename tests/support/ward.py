"""One application with a clock of its own, and how the tests of the routes speak to it."""

from __future__ import annotations

import re
import sqlite3
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from werkzeug.test import TestResponse

from cds_service import create_app
from cds_service.content import Content
from tests.access.signing import ISSUER, claims, good_keys, token, write_keys
from tests.support.clinic import NOW, PATIENT_VIEW, PERSON, QUIET, Clinic, ago, settings_in

requirement = pytest.mark.requirement
BASE = "https://cds.example.org"
DISCOVERY = "/cds-services"
CALL = f"/cds-services/{PATIENT_VIEW}"
FEEDBACK = f"{CALL}/feedback"
VALIDATE = "/fhir/QuestionnaireResponse/$validate"
REPORT = "/reports/feedback"
BROWSER = "https://ehr.example.org"
REASONS = "https://dyspareunia-cds.example/fhir/CodeSystem/override-reasons"
CANARY = "Quetzal-Canary"
URINARY = {**QUIET, "urine": ["burn"]}


@dataclass
class Clock:
    """The time of one application; tests move it."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


class Ward(Clinic):
    """One application with a clock of its own."""

    def __init__(self, content: Content, folder: Path, **settings: Any) -> None:
        self.clock = Clock()
        self.app = create_app(settings_in(folder, **settings), self.clock)
        super().__init__(content, self.app.test_client())

    def feedback(self, *items: Any, service: str = PATIENT_VIEW, **more: Any) -> TestResponse:
        """The answer to feedback items."""
        return self.client.post(
            f"/cds-services/{service}/feedback", json={"feedback": list(items)}, **more
        )

    def rows(self, token: str = "open") -> dict[tuple[str, str], dict[str, Any]]:
        """The report's rows over all versions, by state and card."""
        answer = self.client.get(f"{REPORT}.json", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200
        found = answer.get_json()
        return {(r["state"], r["id"]): r for r in found if r["by"] == "card" and not r["version"]}


Make = Callable[..., Ward]


def visit(clinic: Clinic, answers: dict[str, Any] = URINARY, **more: Any) -> dict[str, Any]:
    """A call for a patient nobody has seen before."""
    body = {**clinic.request(answers, **more), "hookInstance": str(uuid.uuid4())}
    return of_patient(body, f"p-{uuid.uuid4()}")


def of_patient(body: Any, patient: str) -> Any:
    """The same call about another patient."""
    text = orjson.dumps(body).decode()
    renamed = re.sub(rf'"(Patient/)?{PERSON}"', lambda m: f'"{m[1] or ""}{patient}"', text)
    return orjson.loads(renamed)


def again(body: dict[str, Any]) -> dict[str, Any]:
    """The call as an EHR makes it the next time the chart is opened."""
    return {**body, "hookInstance": str(uuid.uuid4())}


def accepted(card: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Feedback that takes up all suggestions of a card."""
    return {
        "card": card["uuid"],
        "outcome": "accepted",
        "acceptedSuggestions": [{"id": one["uuid"]} for one in card["suggestions"]],
        "outcomeTimestamp": ago(minutes=0),
        **changes,
    }


def overridden(card: dict[str, Any], reason: str | None = None, **changes: Any) -> dict[str, Any]:
    """Feedback that overrides a card."""
    found = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": ago(minutes=0)}
    if reason:
        found["overrideReason"] = {"reason": {"code": reason, "system": REASONS}}
    return {**found, **changes}


def expressions(answer: TestResponse) -> list[str]:
    """The places an OperationOutcome names."""
    assert answer.get_json()["resourceType"] == "OperationOutcome"
    return [e for issue in answer.get_json()["issue"] for e in issue.get("expression", [])]


CORS = {
    "Access-Control-Allow-Origin": BROWSER,
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": (
        "Authorization, Content-Type, If-None-Match, Prefer, X-Request-Id"
    ),
    "Access-Control-Expose-Headers": "ETag, Retry-After, X-Request-Id",
    "Access-Control-Max-Age": "600",
}


def sent(ward: Ward, route: tuple[str, str, Any, int], origin: str | None) -> TestResponse:
    """The answer at a route, asked from an origin."""
    method, path, body, status = route
    if body in ("whole", "bare"):
        whole = visit(ward)
        body = whole if body == "whole" else {**whole, "prefetch": {}}
    headers = {"Origin": origin} if origin else {}
    answer = ward.client.open(path, method=method, json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer


def cors_headers(answer: TestResponse) -> dict[str, str]:
    return {k: v for k, v in answer.headers.items() if k.startswith("Access-Control-")}


class Trusted(Ward):
    """An application that requires tokens, and knows one client for each dialect."""

    OTHERS: dict[str, dict[str, Any]] = {  # noqa: RUF012 - never changed
        "first": {"specification": "1.0"},
        "third": {"specification": "3.0"},
        "any-only": {"selectionBehaviors": ["any"]},
        "one-only": {"selectionBehaviors": ["at-most-one"]},
        "one-first": {"selectionBehaviors": ["at-most-one", "any"]},
    }

    def __init__(self, content: Content, folder: Path, **settings: Any) -> None:
        self.key_file = write_keys(folder / "keys.json", *good_keys())
        known: dict[str, dict[str, Any]] = {"ehr": {}, **self.OTHERS}
        clients = [
            {"id": name, "issuer": issuer_of(name), "jwksFile": str(self.key_file), **more}
            for name, more in known.items()
        ]
        file = folder / "clients.json"
        file.write_bytes(orjson.dumps({"clients": clients}))
        whole = {"auth": "required", "cors_origins": BROWSER, **settings}
        super().__init__(content, folder, clients=file, **whole)

    def ask(self, path: str, body: Any = None, name: str = "ehr", **more: Any) -> TestResponse:
        """A call with a good token of a client; GET without a body."""
        method = "GET" if body is None else "POST"
        return self.client.open(path, method=method, json=body, headers=signed(path, name, **more))

    def cards_for(self, name: str, body: Any) -> list[dict[str, Any]]:
        """The cards a client gets."""
        answer = self.ask(CALL, body, name)
        assert answer.status_code == 200, answer.text
        return answer.get_json()["cards"]


def issuer_of(name: str) -> str:
    return ISSUER if name == "ehr" else f"https://{name}.example.org"


def signed(path: str, name: str = "ehr", **more: Any) -> dict[str, str]:
    """The header with a good token for a path, at the moment of the tests."""
    now = int(NOW.timestamp())
    times = {"iat": now, "exp": now + 300}
    said = claims(iss=issuer_of(name), aud=BASE + path, **times)
    return {"Authorization": f"Bearer {token(said, **more)}"}


MANY = {
    **URINARY,
    "bowel": ["diarrhea"],
    "stirisk": ["newpartner"],
    "dry": "yes",
    "genital": ["discharge"],
    "trauma": "yes",
}


def rows_stored(folder: Path) -> list[str]:
    """The rows of all tables as SQL: the files' bytes change when SQLite tidies them up."""
    with closing(sqlite3.connect(folder / "cds.sqlite3")) as connection:
        return list(connection.iterdump())


def stored(folder: Path) -> bytes:
    """Everything the database files hold."""
    return b"".join(path.read_bytes() for path in folder.glob("cds.sqlite3*"))
