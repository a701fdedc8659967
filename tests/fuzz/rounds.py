"""What a person who is all canary does at each route: the good way, and every way it can go wrong.

A route that no round goes to fails ``test_every_route_has_its_round``.
"""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from typing import Any

import orjson

from tests.fuzz.canaries import KEPT
from tests.fuzz.visitor import HOOK, Visitor, at, said
from tests.support.clinic import chart_entry
from tests.support.hostile_fhir import resource, status
from tests.support.ward import of_patient

APPLY = "/fhir/PlanDefinition/dyspareunia-workup/$apply"
POPULATE = "/fhir/Questionnaire/dyspareunia-intake/$populate"


# -- hooks -------------------------------------------------------------------------------------


@at("hooks.discover")
def discovery(visitor: Visitor) -> None:
    token = visitor.canaries.new("a token")
    said(visitor.ask("GET", "/cds-services", headers={"Authorization": f"Bearer {token}"}), 200)
    said(visitor.ask("PUT", "/cds-services"), 405)
    said(visitor.ask("OPTIONS", "/cds-services"), 200)


@at("hooks.call")
def calls(visitor: Visitor) -> None:
    new, body = visitor.canaries.new, visitor.call()
    visitor.cards = said(visitor.post(HOOK, body), 200).json()["cards"]
    assert len(visitor.cards) > 2
    for service in visitor.clinic.pipeline.services.values():
        asked = visitor.call(service.hook)
        entries = {
            "resourceType": "Bundle",
            "entry": [
                {
                    "resource": visitor.canaries.marked(
                        chart_entry("ServiceRequest", status="draft", code={"text": "x"})
                    )
                }
            ],
        }
        asked["context"] |= dict.fromkeys(("draftOrders", "conditions", "appointments"), entries)
        asked["context"]["selections"] = [f"ServiceRequest/{new('selection')}"]
        said(visitor.post(f"/cds-services/{service.id}", of_patient(asked, visitor.patient)), 200)
    _calls_that_fail(visitor, body)
    _calls_that_fetch(visitor)


def _calls_that_fail(visitor: Visitor, body: dict[str, Any]) -> None:
    new = visitor.canaries.new
    wrong: list[Any] = [
        orjson.dumps(body)[:-1],
        {**body, "hook": new("hook")},
        {**body, "hookInstance": [new("hookInstance")]},
        {**body, "context": {**body["context"], "patientId": f"{new('patientId')} x"}},
        {**body, "context": {**body["context"], "userId": new("userId")}},
        {**body, "fhirServer": new("fhirServer")},
        {**body, "fhirAuthorization": new("fhirAuthorization")},
        {**body, "prefetch": new("prefetch")},
        visitor.canaries.marked([body]),
        new("a whole body"),
    ]
    for one in wrong:
        said(visitor.post(HOOK, one), 400)
    for key in ("patient", "questionnaireResponses"):
        for value in (new("a key"), {"resourceType": new("a type"), "id": new("an id")}):
            said(
                visitor.post(HOOK, {**body, "prefetch": {**body["prefetch"], key: value}}), 200, 412
            )
    patient = {**body["prefetch"]["patient"], "id": new("another patient")}
    said(visitor.post(HOOK, {**body, "prefetch": {**body["prefetch"], "patient": patient}}), 412)
    said(visitor.post(f"/cds-services/{new('a service')}", body), 404)
    said(visitor.post(HOOK, body, **{"Content-Type": f"text/{new('a media type')}"}), 415)
    said(visitor.post(HOOK, (new("a large body") * 40_000).encode()), 413)
    said(visitor.ask(new("a method").upper(), HOOK), 400, 405, 501)


def _calls_that_fetch(visitor: Visitor) -> None:
    """From a server that puts canaries into everything it says."""
    new, hostile = visitor.canaries.new, visitor.hostile
    headers = {"X_Reason": new("a header of the FHIR server")}
    page = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": new("a type")}}]}
    answers = [
        status(500, new("an error of the FHIR server").encode(), **headers),
        status(200, new("an answer that is no JSON").encode(), **headers),
        status(302, b"", Location=f"https://{new('a redirect')}.example.org"),
        resource({"resourceType": "OperationOutcome", "text": new("an outcome")}),
        resource({**page, "link": [{"relation": "next", "url": new("a link")}]}),
        resource(page),
    ]
    for answer in answers:
        body = visitor.call()
        del body["prefetch"]["conditions"]
        hostile.on("Condition", answer)
        said(visitor.post(HOOK, body), 200)
    for server in (hostile.base, "https://nobody.invalid/r4"):
        body = {**visitor.call(), "fhirServer": server}
        said(visitor.post(HOOK, {**body, "prefetch": {}}), 412)


@at("hooks.feedback")
def feedback(visitor: Visitor) -> None:
    new = visitor.canaries.new
    now = datetime.now(UTC).isoformat()
    reason = {name: new(name, KEPT) for name in ("code", "system", "display")}
    good = [
        {
            "card": card,
            "outcome": "overridden",
            "outcomeTimestamp": now,
            "overrideReason": {"reason": reason, "userComment": new("a comment", KEPT)},
            new("an element's name"): new("an element"),
        }
        for card in (visitor.cards[0]["uuid"], new("a card"))
    ]
    taken = {"card": new("a card"), "outcome": "accepted", "outcomeTimestamp": now}
    taken["acceptedSuggestions"] = [{"id": new("a suggestion")}]
    path = f"{HOOK}/feedback"
    said(visitor.post(path, {"feedback": [*good, taken], new("x"): new("y")}), 200)
    bad = [
        {"feedback": new("feedback")},
        {"feedback": [new("an item"), {}, {**taken, "outcome": new("an outcome")}]},
        {"feedback": [{**taken, "outcomeTimestamp": new("a time"), "card": f"{new('card')} x"}]},
        {"feedback": [{**good[0], "overrideReason": {"userComment": {new("x"): new("y")}}}]},
        new("a whole body"),
    ]
    for body in bad:
        said(visitor.post(path, body), 400)
    said(visitor.post(f"/cds-services/{new('a service')}/feedback", {"feedback": good}), 404)


# -- operations --------------------------------------------------------------------------------


@at(
    "operations.live",
    "operations.ready",
    "operations.numbers",
    "operations.feedback_report",
    "reports.page",
    "openapi.openapi",
    "site.start",
    "static_files.static",
    "content.index",
    "content.one",
    "content.sheet",
)
def reading(visitor: Visitor) -> None:
    new = visitor.canaries.new
    pages = ("/openapi.json", "/", "/content", f"/content/sheet?x={new('a query')}")
    for path in ("/health/live", "/health/ready", "/metrics", *pages):
        said(visitor.ask("GET", path), 200)
    said(visitor.ask("GET", "/static/site.css"), 200)
    bearer = {"Authorization": f"Bearer {new('a token')}"}
    said(visitor.ask("GET", f"/reports/feedback.{new('a kind')}", headers=bearer), 401, 404)
    said(visitor.ask("GET", f"/reports/feedback.csv?days={new('days')}"), 401, 404)
    said(visitor.ask("GET", f"/reports?days={new('days')}", headers=bearer), 401)
    said(visitor.ask("GET", f"/reports?days={new('days')}"), 401)
    for path in ("/static/{}", "/content/{}/{}", "/content/plans/{}", "/{}", "/metrics/{}"):
        said(visitor.ask("GET", path.format(new("a path"), new("a path"))), 404)
    said(visitor.ask("POST", "/", content=new("a body")), 405)


# -- FHIR --------------------------------------------------------------------------------------


@at("fhir.metadata", "fhir.search", "fhir.read", "fhir.validate_response")
def fhir(visitor: Visitor) -> None:
    new = visitor.canaries.new
    said(visitor.ask("GET", "/fhir/metadata"), 200)
    said(visitor.ask("GET", f"/fhir/PlanDefinition?name={new('a search')}"), 200, 400)
    said(visitor.ask("GET", f"/fhir/PlanDefinition?{new('a parameter')}=x"), 200, 400)
    said(visitor.ask("GET", f"/fhir/{new('a type')}"), 404)
    said(visitor.ask("GET", f"/fhir/Questionnaire/{new('an id')}"), 404)
    path = "/fhir/QuestionnaireResponse/$validate"
    prefetch = visitor.call()["prefetch"]
    said(visitor.post(path, prefetch["questionnaireResponses"]["entry"][0]["resource"]), 200)
    said(visitor.post(path, visitor.canaries.marked({"item": [{"linkId": "x"}]})), 200)
    said(visitor.post(path, new("no resource")), 200, 400)
    said(visitor.post(path, new("no JSON").encode()), 400)


@at("fhir.apply", "fhir.populate")
def fhir_operations(visitor: Visitor) -> None:
    new, body = visitor.canaries.new, visitor.call()
    subject = {"name": "subject", "valueString": f"Patient/{visitor.patient}"}
    sent = [
        {
            "name": "prefetchData",
            "part": [{"name": "key", "valueString": key}, {"name": "data", "resource": value}],
        }
        for key, value in body["prefetch"].items()
    ]
    parameters = {"resourceType": "Parameters", "parameter": [subject, *sent]}
    applied = said(visitor.post(APPLY, parameters), 200)
    assert applied.json()["resourceType"] == "CarePlan"
    patient = {"name": "content", "resource": body["prefetch"]["patient"]}
    chart = {"name": "content", "resource": body["prefetch"]["conditions"]}
    context = {"name": "context", "part": [{"name": "name", "valueString": "patient"}, patient]}
    more = {"name": "context", "part": [{"name": "name", "valueString": "chart"}, chart]}
    reference = {"name": "subject", "valueReference": {"reference": f"Patient/{visitor.patient}"}}
    asked = {"resourceType": "Parameters", "parameter": [reference, context, more]}
    said(visitor.post(POPULATE, asked), 200)
    for path in (APPLY, POPULATE):
        said(visitor.ask("GET", f"{path}?subject=Patient/{new('a subject')}"), 200, 400, 412)
        said(visitor.ask("GET", f"{path}?{new('a parameter')}={new('its value')}"), 200, 400, 412)
        said(visitor.post(path, visitor.canaries.marked(parameters)), 200, 400, 412)
        said(visitor.post(path, new("no JSON").encode()), 400)
        elsewhere = path.replace("dyspareunia", new("an id"))
        said(visitor.post(elsewhere, parameters), 404)


# -- below HTTP --------------------------------------------------------------------------------


def broken_requests(visitor: Visitor) -> None:
    """What gunicorn refuses before our code runs."""
    new = visitor.canaries.new
    heads = [
        f"{new('a request line')}\r\n\r\n",
        f"GET /{new('a path')} HTTP/9.9\r\n\r\n",
        f"GET / HTTP/1.1\r\n{new('a header without a colon')}\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: {new('a length')}\r\n\r\n",
        f"POST {HOOK} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{new('no size')}\r\n",
        f"POST {HOOK} HTTP/1.1\r\nContent-Length: 1\r\n\r\n{{{new('a rest')}\r\n\r\n",
        f"GET /{new('a long path') * 800} HTTP/1.1\r\nHost: x\r\n\r\n",
    ]
    for head in heads:
        with socket.create_connection(("127.0.0.1", visitor.port), timeout=30) as caller:
            caller.sendall(head.encode())
            caller.shutdown(socket.SHUT_WR)
            while caller.recv(65_536):
                pass
