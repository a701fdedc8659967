"""One request for each status a caller can cause, at every described path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.fhir_api.test_apply_route import APPLY as PLAN_APPLY
from tests.fhir_api.test_apply_route import sent
from tests.fhir_api.test_populate_route import POPULATE as FORM_POPULATE
from tests.fhir_api.test_populate_route import SUBJECT, context, parameters
from tests.support.ward import CALL, FEEDBACK, REPORT, VALIDATE, Trusted, Ward, accepted, visit

JSON = "application/json"
HTML = {"Accept": "text/html"}
REPORTS = f"{REPORT}.{{kind}}"
APPLY = "/fhir/PlanDefinition/{plan_id}/$apply"
POPULATE = "/fhir/Questionnaire/{questionnaire_id}/$populate"
SEARCH, READ = "/fhir/{resource_type}", "/fhir/{resource_type}/{resource_id}"
LARGE = b" " * 200_001  # over the limit of the application that is asked

Probe = tuple[str, str, int, TestResponse]  # method, described path, expected status, answer


def answers(ward: Ward, trusted: Trusted) -> Iterator[Probe]:
    """``ward`` is without tokens, ``trusted`` requires them."""
    client, whole = ward.client, visit(ward)
    card = ward.cards(whole)[0]
    yield "GET", "/cds-services", 200, client.get("/cds-services")
    yield "GET", "/cds-services", 401, trusted.client.get("/cds-services")
    yield "POST", CALL, 200, ward.post(whole)
    yield "POST", CALL, 400, ward.post({})
    yield "POST", CALL, 401, trusted.post(whole)
    yield "POST", CALL, 412, ward.post({**whole, "prefetch": {}})
    yield "POST", CALL, 413, ward.post(LARGE)
    yield "POST", CALL, 415, ward.post(whole, content_type="text/plain")
    yield "POST", FEEDBACK, 200, ward.feedback(accepted(card))
    yield "POST", FEEDBACK, 400, ward.feedback({})
    yield "POST", FEEDBACK, 401, trusted.client.post(FEEDBACK, json={})
    yield "POST", FEEDBACK, 413, client.post(FEEDBACK, data=LARGE, content_type=JSON)
    yield "POST", FEEDBACK, 415, client.post(FEEDBACK, data=b"{}")
    yield "POST", VALIDATE, 200, client.post(VALIDATE, json={})
    yield "POST", VALIDATE, 400, client.post(VALIDATE, data=b"{", content_type=JSON)
    yield "POST", VALIDATE, 401, trusted.client.post(VALIDATE, json={})
    yield "POST", VALIDATE, 406, client.post(VALIDATE, json={}, headers=HTML)
    yield "POST", VALIDATE, 413, client.post(VALIDATE, data=LARGE, content_type=JSON)
    yield "POST", VALIDATE, 415, client.post(VALIDATE, data=b"{}")
    yield from _of_content(client)
    yield from _of_apply(ward, trusted.client)
    yield from _of_populate(client, trusted.client)
    yield "GET", "/health/live", 200, client.get("/health/live")
    yield "GET", "/health/ready", 200, client.get("/health/ready")
    yield "GET", "/openapi.json", 200, client.get("/openapi.json")
    token = {"Authorization": "Bearer open"}
    yield "GET", "/metrics", 200, client.get("/metrics", headers=token)
    yield "GET", "/metrics", 401, client.get("/metrics")
    for kind in ("csv", "json"):
        yield "GET", REPORTS, 200, client.get(f"{REPORT}.{kind}", headers=token)
    yield "GET", REPORTS, 401, client.get(f"{REPORT}.json")
    yield "GET", REPORTS, 404, trusted.client.get(f"{REPORT}.json")


def _of_content(client: FlaskClient) -> Iterator[Probe]:
    """What can be read and searched."""
    one = "/fhir/Questionnaire/dyspareunia-intake"
    for path, address in (
        ("/fhir/metadata", "/fhir/metadata"),
        (SEARCH, "/fhir/PlanDefinition?_count=1"),
        (READ, one),
    ):
        answer = client.get(address)
        yield "GET", path, 200, answer
        had = {"If-None-Match": answer.headers["ETag"]}
        yield "GET", path, 304, client.get(address, headers=had)
        yield "GET", path, 406, client.get(address, headers=HTML)
    yield "GET", SEARCH, 400, client.get("/fhir/PlanDefinition?code=x")
    yield "GET", SEARCH, 404, client.get("/fhir/Patient")
    yield "GET", READ, 404, client.get(f"{one}-x")


def _of_apply(ward: Ward, closed: FlaskClient) -> Iterator[Probe]:
    client, subject = ward.client, parameters(SUBJECT)
    for method in ("GET", "POST"):
        yield method, APPLY, 401, closed.open(PLAN_APPLY, method=method, json={})
        yield (
            method,
            APPLY,
            404,
            client.open("/fhir/PlanDefinition/x/$apply", method=method, json=subject),
        )
        yield method, APPLY, 406, client.open(PLAN_APPLY, method=method, headers=HTML)
    yield "GET", APPLY, 400, client.get(PLAN_APPLY)
    yield "GET", APPLY, 412, client.get(f"{PLAN_APPLY}?subject=Patient/x")
    yield "POST", APPLY, 200, client.post(PLAN_APPLY, json=sent(ward))
    yield "POST", APPLY, 400, client.post(PLAN_APPLY, json={})
    yield "POST", APPLY, 412, client.post(PLAN_APPLY, json=subject)
    yield "POST", APPLY, 413, client.post(PLAN_APPLY, data=LARGE, content_type=JSON)
    yield "POST", APPLY, 415, client.post(PLAN_APPLY, data=b"{}")


def _of_populate(client: FlaskClient, closed: FlaskClient) -> Iterator[Probe]:
    other: Any = context("chart", {"resourceType": "Patient", "id": "other"})
    for method in ("GET", "POST"):
        yield method, POPULATE, 401, closed.open(FORM_POPULATE, method=method, json={})
        yield (
            method,
            POPULATE,
            404,
            client.open("/fhir/Questionnaire/x/$populate", method=method, json=parameters(SUBJECT)),
        )
        yield method, POPULATE, 406, client.open(FORM_POPULATE, method=method, headers=HTML)
    yield "GET", POPULATE, 200, client.get(f"{FORM_POPULATE}?subject=Patient/x")
    yield "GET", POPULATE, 400, client.get(FORM_POPULATE)
    yield "POST", POPULATE, 200, client.post(FORM_POPULATE, json=parameters(SUBJECT))
    yield "POST", POPULATE, 400, client.post(FORM_POPULATE, json={})
    yield "POST", POPULATE, 412, client.post(FORM_POPULATE, json=parameters(SUBJECT, other))
    yield "POST", POPULATE, 413, client.post(FORM_POPULATE, data=LARGE, content_type=JSON)
    yield "POST", POPULATE, 415, client.post(FORM_POPULATE, data=b"{}")
