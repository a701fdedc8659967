"""The HTTP surface, route by route: browsers, tokens, dialects, feedback, repeats, a store that is
down, reports, and that nothing of a patient is left in logs, errors or the store."""

from __future__ import annotations

import csv
import io
import logging
import re
import uuid
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hostile_fhir import HostileServer
from support import (
    ABSENT,
    CLINICAL_STATUS,
    ENCOUNTER_START,
    NOW,
    PATIENT_VIEW,
    PERSON,
    QUIET,
    Clinic,
    active,
    ago,
    bundle,
    card_about,
    changed,
    chart_entry,
    concept,
    settings_in,
    topics,
    walk,
)
from trust.signing import ISSUER, by_ec, claims, ec_key, good_keys, heading, jwk, token, write_keys
from werkzeug.test import TestResponse

from cds_service import create_app, key_sets
from cds_service.assembly import DESK
from cds_service.clients import Client
from cds_service.content import Content
from cds_service.dialect import cards_for

requirement = pytest.mark.requirement

BASE = "https://cds.example.org"
DISCOVERY = "/cds-services"
CALL = f"/cds-services/{PATIENT_VIEW}"
FEEDBACK = f"{CALL}/feedback"
VALIDATE = "/fhir/QuestionnaireResponse/$validate"
REPORT = "/reports/feedback"
BROWSER = "https://ehr.example.org"
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


@pytest.fixture
def make(content: Content, tmp_path: Path) -> Make:
    return lambda **settings: Ward(content, tmp_path, **settings)


@pytest.fixture(scope="module")
def ward(content: Content, tmp_path_factory: pytest.TempPathFactory) -> Ward:
    """Without tokens; its store is shared, so every test brings patients of its own."""
    return Ward(content, tmp_path_factory.mktemp("ward"), cors_origins=BROWSER, report_token="open")


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
    """Feedback that takes up the first suggestion of a card."""
    return {
        "card": card["uuid"],
        "outcome": "accepted",
        "acceptedSuggestions": [{"id": card["suggestions"][0]["uuid"]}],
        "outcomeTimestamp": ago(minutes=0),
        **changes,
    }


def overridden(card: dict[str, Any], reason: str | None = None, **changes: Any) -> dict[str, Any]:
    """Feedback that overrides a card."""
    found = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": ago(minutes=0)}
    if reason:
        found["overrideReason"] = {"reason": {"code": reason, "system": "https://x.example"}}
    return {**found, **changes}


def expressions(answer: TestResponse) -> list[str]:
    """The places an OperationOutcome names."""
    assert answer.get_json()["resourceType"] == "OperationOutcome"
    return [e for issue in answer.get_json()["issue"] for e in issue.get("expression", [])]


# -- browsers ------------------------------------------------------------------------------

CORS = {
    "Access-Control-Allow-Origin": BROWSER,
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, X-Request-Id",
    "Access-Control-Expose-Headers": "X-Request-Id",
    "Access-Control-Max-Age": "600",
}
ROUTES: dict[str, tuple[str, str, Any, int]] = {
    "discovery": ("GET", DISCOVERY, None, 200),
    "call": ("POST", CALL, "whole", 200),
    "no-prefetch": ("POST", CALL, "bare", 412),
    "bad-call": ("POST", CALL, {}, 400),
    "unknown-service": ("POST", f"{CALL}-x", "whole", 404),
    "wrong-method": ("GET", CALL, None, 405),
    "feedback": ("POST", FEEDBACK, {"feedback": [{}]}, 400),
    "validate": ("POST", VALIDATE, {}, 200),
    "start": ("GET", "/", None, 200),
    "intake": ("GET", "/intake", None, 200),
    "live": ("GET", "/health/live", None, 200),
    "ready": ("GET", "/health/ready", None, 200),
    "report": ("GET", f"{REPORT}.json", None, 401),
    "unknown": ("GET", "/nowhere", None, 404),
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


@requirement("3.11")
@requirement("6.18")
@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)
def test_a_listed_origin_may_read_every_answer(
    route: tuple[str, str, Any, int], ward: Ward
) -> None:
    answer = sent(ward, route, BROWSER)

    assert cors_headers(answer) == CORS
    assert "Origin" in answer.headers["Vary"]


@requirement("6.18")
@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)
@pytest.mark.parametrize("origin", ["https://elsewhere.example", None], ids=["unlisted", "none"])
def test_another_origin_may_read_none(
    route: tuple[str, str, Any, int], origin: str | None, ward: Ward
) -> None:
    answer = sent(ward, route, origin)

    assert cors_headers(answer) == {}
    assert "Origin" in answer.headers["Vary"]  # or a cache hands one origin's answer to another


@requirement("6.18")
@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "*",
        "",
        f"{BROWSER}/",
        f"{BROWSER}:443",
        f"{BROWSER}.evil.example",
        BROWSER.replace("https", "http"),
        BROWSER.upper(),
        f"{BROWSER}, {BROWSER}",
        f"https://evil.example#{BROWSER}",
    ],
)
def test_an_origin_that_only_looks_listed_is_not(origin: str, ward: Ward) -> None:
    answer = ward.client.get(DISCOVERY, headers={"Origin": origin})

    assert cors_headers(answer) == {}


@requirement("3.11")
def test_a_failure_inside_can_be_read_by_a_browser(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise ZeroDivisionError(CANARY)

    monkeypatch.setattr(ward.app.extensions[DESK], "answer", fail)

    answer = ward.post(visit(ward), headers={"Origin": BROWSER, "X-Request-Id": "r-500"})

    assert (answer.status_code, cors_headers(answer)) == (500, CORS)
    assert answer.headers["X-Request-Id"] == "r-500"
    assert CANARY not in answer.text


@requirement("6.18")
@pytest.mark.parametrize("path", [DISCOVERY, CALL, FEEDBACK, VALIDATE, "/nowhere"])
def test_a_preflight_needs_no_token(path: str, trusted: Trusted) -> None:
    asking = {"Origin": BROWSER, "Access-Control-Request-Method": "POST"}

    answer = trusted.client.options(path, headers=asking)
    stranger = trusted.client.options(path, headers={**asking, "Origin": "https://x.example"})

    assert (answer.status_code, answer.data, cors_headers(answer)) == (204, b"", CORS)
    assert "Origin" in answer.headers["Vary"]
    assert cors_headers(stranger) == {}


@requirement("6.18")
def test_options_without_a_preflight_opens_nothing(trusted: Trusted) -> None:
    answer = trusted.client.options(DISCOVERY)

    assert answer.status_code in (200, 204)
    assert answer.data == b""


@requirement("6.18")
def test_without_listed_origins_there_are_none(clinic: Clinic) -> None:
    answer = clinic.client.get(DISCOVERY, headers={"Origin": BROWSER})

    assert cors_headers(answer) == {}


# -- request ids ---------------------------------------------------------------------------


@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)
def test_every_answer_has_a_request_id_of_its_own(
    route: tuple[str, str, Any, int], ward: Ward
) -> None:
    ids = [sent(ward, route, None).headers["X-Request-Id"] for _ in range(2)]

    assert all(re.fullmatch(r"[0-9a-f-]{36}", i) for i in ids)
    assert len(set(ids)) == 2


@pytest.mark.parametrize("path", [DISCOVERY, "/nowhere", f"{REPORT}.json"])
def test_a_request_id_that_was_sent_is_answered_and_logged(
    path: str, ward: Ward, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "cds_service")

    answer = ward.client.get(path, headers={"X-Request-Id": "abc-123"})

    assert answer.headers["X-Request-Id"] == "abc-123"
    assert [m.endswith("request abc-123)") for m in caplog.messages] == [True]


# -- tokens --------------------------------------------------------------------------------


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


@pytest.fixture(scope="module")
def trusted(content: Content, tmp_path_factory: pytest.TempPathFactory) -> Trusted:
    return Trusted(content, tmp_path_factory.mktemp("trusted"))


@requirement("6.3")
@requirement("6.15")
@requirement("3.11")
@requirement("5.9")
def test_without_a_token_every_hook_address_is_401_in_the_same_words(trusted: Trusted) -> None:
    answers = [
        trusted.client.open(path, method=method, json=body, headers={"Origin": BROWSER, **header})
        for method, path, body in (
            ("GET", DISCOVERY, None),
            ("POST", CALL, visit(trusted)),
            ("POST", CALL, {}),
            ("POST", f"{CALL}-x", {}),
            ("POST", FEEDBACK, {"feedback": []}),
            ("POST", VALIDATE, {}),
        )
        for header in ({}, {"Authorization": "Bearer x"}, signed("/elsewhere"))
    ]

    for answer in answers:
        assert (answer.status_code, cors_headers(answer)) == (401, CORS)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert len({a.data for a in answers}) == 1


@requirement("6.3")
@requirement("5.9")
def test_the_token_of_each_address_opens_it(trusted: Trusted) -> None:
    assert trusted.ask(DISCOVERY).status_code == 200
    assert trusted.ask(CALL, visit(trusted)).status_code == 200
    assert trusted.ask(VALIDATE, {}).status_code == 200
    item = {"card": "x", "outcome": "overridden", "outcomeTimestamp": ago(minutes=0)}
    for audience in (FEEDBACK, CALL):  # clients differ in the audience of feedback
        answer = trusted.feedback(item, headers=signed(audience))
        assert (answer.status_code, answer.get_json()) == (200, {"saved": 1})
    assert trusted.feedback(item, headers=signed(DISCOVERY)).status_code == 401


def test_what_is_no_hook_needs_no_token(trusted: Trusted) -> None:
    for path in ("/", "/intake", "/health/live", "/health/ready"):
        assert trusted.client.get(path).status_code == 200


@requirement("6.12")
def test_keys_can_be_rotated_while_serving(
    content: Content, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = Trusted(content, tmp_path)
    new = {"header": heading(kid="new"), "sign": by_ec(ec_key("new"))}
    assert served.ask(DISCOVERY).status_code == 200

    write_keys(served.key_file, *good_keys(), jwk(ec_key("new"), "new"))
    assert served.ask(DISCOVERY, **new).status_code == 401  # read a moment ago
    monkeypatch.setattr(key_sets, "COOL_DOWN", 0.0)
    assert served.ask(DISCOVERY, **new).status_code == 200
    assert served.ask(DISCOVERY).status_code == 200

    write_keys(served.key_file, jwk(ec_key("new"), "new"))
    monkeypatch.setattr(key_sets, "KEEP", 0.0)
    assert served.ask(DISCOVERY).status_code == 401
    assert served.ask(DISCOVERY, **new).status_code == 200


@requirement("6.9")
def test_the_token_is_judged_by_the_clock_of_the_service(content: Content, tmp_path: Path) -> None:
    served = Trusted(content, tmp_path)
    assert served.ask(DISCOVERY).status_code == 200

    served.clock.now += timedelta(hours=1)
    assert served.ask(DISCOVERY).status_code == 401
    served.clock.now -= timedelta(hours=2)
    assert served.ask(DISCOVERY).status_code == 401


@requirement("6.2")
@requirement("6.3")
def test_optional_tokens_tell_clients_apart(content: Content, tmp_path: Path) -> None:
    served = Trusted(content, tmp_path, auth="optional")

    anonymous = served.client.get(DISCOVERY).get_json()["services"]
    third = served.ask(DISCOVERY, name="third").get_json()["services"]

    assert "hookVersion" not in anonymous[0]
    assert "hookVersion" in third[0]
    assert served.client.get(DISCOVERY, headers={"Authorization": "x"}).status_code == 401


@requirement("2.9")
def test_a_token_for_another_patient_is_not_used(make: Make) -> None:
    with HostileServer(keep_alive=False) as server:
        ward = make(fhir_servers=server.base)
        body = {
            **visit(ward),
            "prefetch": {},
            "fhirServer": server.base,
            "fhirAuthorization": {"access_token": CANARY, "patient": "somebody-else"},
        }

        answer = ward.post(body)

    assert answer.status_code == 412
    assert "fhirAuthorization is for another patient" in answer.text
    assert "somebody-else" not in answer.text
    assert CANARY not in answer.text
    assert server.seen == []


# -- dialects ------------------------------------------------------------------------------

MANY = {
    **URINARY,
    "bowel": ["diarrhea"],
    "stirisk": ["newpartner"],
    "dry": "yes",
    "genital": ["discharge"],
    "trauma": "yes",
}
FIRST_CARD = {"summary", "detail", "indicator", "source", "suggestions", "selectionBehavior"}


@requirement("4.13")
def test_the_first_version_gets_its_subset(trusted: Trusted) -> None:
    body = visit(trusted, MANY)
    plain, first = trusted.cards_for("ehr", body), trusted.cards_for("first", again(body))

    assert [c["summary"] for c in first] == [c["summary"] for c in plain] != []
    for card in first:
        assert card.keys() <= FIRST_CARD | {"links"}
        assert card["source"].keys() <= {"label", "url", "icon"}
        for suggestion in card.get("suggestions", []):
            assert suggestion.keys() <= {"label", "uuid", "actions"}
            assert card["selectionBehavior"] == "at-most-one"


def test_the_first_version_is_discovered_without_later_fields(trusted: Trusted) -> None:
    for entry in trusted.ask(DISCOVERY, name="first").get_json()["services"]:
        assert entry.keys() == {"hook", "title", "description", "id", "prefetch"}


def test_the_third_version_names_versions_and_is_the_same_otherwise(trusted: Trusted) -> None:
    plain = trusted.ask(DISCOVERY).get_json()["services"]
    third = trusted.ask(DISCOVERY, name="third").get_json()["services"]
    body = visit(trusted, MANY)

    for entry, known in zip(third, plain, strict=True):
        assert re.fullmatch(r"\d+\.\d+\.\d+", entry.pop("version"))
        assert re.fullmatch(r"\d+\.\d+(\.\d+)?", entry.pop("hookVersion"))
        assert entry == known
    assert trusted.cards_for("third", body) == trusted.cards_for("ehr", body)


@requirement("4.13")
@pytest.mark.parametrize(
    ("name", "behaviors"),
    [
        ("any-only", {"any"}),
        ("one-only", {"at-most-one"}),
        ("one-first", {"any", "at-most-one"}),
        ("ehr", {"any", "at-most-one"}),
    ],
)
def test_a_client_gets_the_selection_behaviors_it_knows(
    name: str, behaviors: set[str], trusted: Trusted
) -> None:
    body = visit(trusted, MANY)
    plain, cards = trusted.cards_for("ehr", body), trusted.cards_for(name, body)

    assert [c["summary"] for c in cards] == [c["summary"] for c in plain]
    assert any(c.get("suggestions") for c in cards)
    for card, known in zip(cards, plain, strict=True):
        assert ("selectionBehavior" in card) == bool(card.get("suggestions"))
        if not card.get("suggestions"):
            continue
        assert card["selectionBehavior"] in behaviors
        if card["selectionBehavior"] == "at-most-one":
            assert sum(s.get("isRecommended", False) for s in card["suggestions"]) <= 1
        if known["selectionBehavior"] in behaviors:
            assert card == known
        assert [s["uuid"] for s in card["suggestions"]] == [s["uuid"] for s in known["suggestions"]]


@requirement("4.14")
@pytest.mark.parametrize("specification", ["2.0", "3.0"])
def test_where_one_may_be_chosen_only_the_first_stays_recommended(specification: str) -> None:
    client = Client(id="ehr", selection_behaviors=("at-most-one",), specification=specification)
    flags: list[dict[str, Any]] = [{}, {"isRecommended": True}, {"isRecommended": True}]
    suggestions = [{"uuid": str(n), "label": "x", **flag} for n, flag in enumerate(flags)]
    card = {"summary": "x", "selectionBehavior": "any", "suggestions": suggestions}
    before = deepcopy(card)

    (found,) = cards_for(client, [card])

    assert found["selectionBehavior"] == "at-most-one"
    assert [s.get("isRecommended") for s in found["suggestions"]] == [None, True, None]
    assert card == before


def test_clients_do_not_share_what_was_settled(trusted: Trusted) -> None:
    body = visit(trusted)
    card = card_about(trusted.cards_for("ehr", body), "urine-testing")
    assert trusted.feedback(accepted(card), headers=signed(FEEDBACK)).status_code == 200

    assert "urine-testing" not in topics(trusted.cards_for("ehr", again(body)))
    assert "urine-testing" in topics(trusted.cards_for("third", again(body)))


# -- the other hooks -----------------------------------------------------------------------

NEEDED = {
    "order-select": ("userId", "patientId", "selections", "draftOrders"),
    "order-sign": ("userId", "patientId", "draftOrders"),
    "appointment-book": ("userId", "patientId", "appointments"),
    "problem-list-item-create": ("userId", "patientId", "conditions"),
}
EVERY = [(hook, name) for hook, names in NEEDED.items() for name in names]
ODD_ENTRIES = [None, 5, {}, {"resource": 5}]
ENTRY_IDS = ["absent", "null", "empty", "text", "odd"]
BUNDLES = [(hook, name) for hook, name in EVERY if name.endswith("s") and name != "selections"]


def hooked(clinic: Clinic, hook: str) -> tuple[dict[str, Any], str]:
    """A good call of a hook, and its service."""
    order = chart_entry("ServiceRequest", status="draft", intent="proposal")
    fields = {
        "selections": ["ServiceRequest/a-servicerequest"],
        "draftOrders": bundle([order]),
        "appointments": bundle([{"resourceType": "Appointment", "id": "a"}]),
        "conditions": bundle([active(code={"text": "x"})]),
    }
    body = {**clinic.request(URINARY), "hook": hook, "hookInstance": str(uuid.uuid4())}
    body["context"] |= {n: fields[n] for n in NEEDED[hook] if n in fields}
    return body, clinic.pipeline.service_for(hook).id


@requirement("7.1")
@pytest.mark.parametrize("hook", NEEDED)
@pytest.mark.parametrize("encounter", [ABSENT, None, "visit"], ids=["absent", "null", "given"])
def test_a_hook_is_answered_with_what_it_requires(hook: str, encounter: Any, ward: Ward) -> None:
    body, service = hooked(ward, hook)
    if encounter is not ABSENT:
        body["context"]["encounterId"] = encounter

    assert ward.post(body, service).status_code == 200


@requirement("7.1")
@requirement("2.11")
@pytest.mark.parametrize(("hook", "name"), EVERY)
@pytest.mark.parametrize("value", [ABSENT, None], ids=["absent", "null"])
def test_each_required_field_is_missed_by_name(
    hook: str, name: str, value: Any, ward: Ward
) -> None:
    body, service = hooked(ward, hook)

    answer = ward.post(changed(body, ("context", name), value), service)

    assert (answer.status_code, expressions(answer)) == (400, [f"context.{name}"])
    assert answer.get_json()["issue"][0]["code"] == "required"


@requirement("7.1")
@pytest.mark.parametrize(("hook", "name"), BUNDLES)
@pytest.mark.parametrize(
    "value",
    [5, CANARY, [], {}, [{"resourceType": "ServiceRequest"}], {"resourceType": CANARY}],
    ids=["number", "text", "list", "empty", "resources", "another-type"],
)
def test_a_bundle_must_be_one(hook: str, name: str, value: Any, ward: Ward) -> None:
    body, service = hooked(ward, hook)

    answer = ward.post(changed(body, ("context", name), value), service)

    assert (answer.status_code, expressions(answer)) == (400, [f"context.{name}"])
    assert CANARY not in answer.text


@requirement("7.1")
@pytest.mark.parametrize(("hook", "name"), BUNDLES)
@pytest.mark.parametrize("entry", [ABSENT, None, [], "x", ODD_ENTRIES], ids=ENTRY_IDS)
def test_an_odd_bundle_is_an_empty_one(hook: str, name: str, entry: Any, ward: Ward) -> None:
    body, service = hooked(ward, hook)
    body["context"][name] = {"resourceType": "Bundle"} | (
        {} if entry is ABSENT else {"entry": entry}
    )

    assert ward.post(body, service).status_code == 200


@requirement("7.1")
@pytest.mark.parametrize("value", [[], "ServiceRequest/a", {}, [5], ["ServiceRequest"], [None]])
def test_selections_are_references(value: Any, ward: Ward) -> None:
    body, service = hooked(ward, "order-select")

    answer = ward.post(changed(body, ("context", "selections"), value), service)

    assert (answer.status_code, expressions(answer)) == (400, ["context.selections"])


@requirement("7.5")
@pytest.mark.parametrize("hook", [*NEEDED, "patient-view", "encounter-start"])
@pytest.mark.parametrize("kind", ["Practitioner", "PractitionerRole", "Patient", "RelatedPerson"])
def test_each_hook_has_its_users(hook: str, kind: str, ward: Ward) -> None:
    if hook in NEEDED:
        body, service = hooked(ward, hook)
    else:
        body = {**ward.request(URINARY), "hook": hook}
        body["context"]["encounterId"] = "visit"
        service = {"patient-view": PATIENT_VIEW, "encounter-start": ENCOUNTER_START}[hook]
    body["context"]["userId"] = f"{kind}/example"
    staff = kind.startswith("Practitioner")

    answer = ward.post(body, service)

    assert answer.status_code == (200 if staff or hook in OPEN_TO_ALL else 400)
    if answer.status_code == 400:
        assert expressions(answer) == ["context.userId"]


OPEN_TO_ALL = ("patient-view", "appointment-book")


@requirement("2.13")
@pytest.mark.parametrize("name", ["patientId", "encounterId"])
@pytest.mark.parametrize("steps", [".", "..", "Patient/..", "Encounter/."])
def test_steps_of_a_path_are_no_ids(name: str, steps: str, ward: Ward) -> None:
    answer = ward.post(changed(ward.request(URINARY), ("context", name), steps))

    assert (answer.status_code, expressions(answer)) == (400, [f"context.{name}"])


@requirement("6.21")
def test_links_come_from_our_own_settings(ward: Ward) -> None:
    status = {"coding": [{"code": "active", "system": CLINICAL_STATUS}]}
    reason = {"coding": [{"system": "http://snomed.info/sct", "code": "71315007"}]}
    known = {"resourceType": "Condition", "code": reason, "clinicalStatus": status}
    asked = {**ward.request(), "fhirServer": "https://evil.example/fhir"}
    asked["prefetch"]["conditions"] = bundle([known])
    told = visit(ward, {**MANY, "other": "See https://evil.example or [here](//evil.example)"})
    headers = {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "Forwarded": "host=evil.example",
        "Origin": "https://evil.example",
        "Referer": "https://evil.example/",
    }

    offer = ward.post(asked, headers=headers).get_json()["cards"]
    cards = ward.post(told, headers=headers).get_json()["cards"]

    assert [link["url"] for link in offer[0]["links"]] == [f"{BASE}/intake"]
    assert cards
    for path, value in walk([*offer, *cards]):
        if path and path[-1] in ("url", "appContext", "icon"):
            assert "evil" not in value
        elif isinstance(value, str):
            assert "://evil" not in value
            assert "](" not in value


# -- feedback ------------------------------------------------------------------------------


@requirement("5.1")
@requirement("5.2")
@requirement("5.3")
@requirement("5.4")
@requirement("5.5")
def test_feedback_of_every_shape_is_saved_and_counted(make: Make) -> None:
    ward = make(report_token="open")
    bodies = [visit(ward) for _ in range(5)]
    taken, reasoned, commented, bare, _ignored = (
        card_about(ward.cards(body), "urine-testing") for body in bodies
    )
    no_system = {"reason": {"code": "done-elsewhere"}}
    items = [
        accepted(taken),
        overridden(reasoned, overrideReason=no_system, outcomeTimestamp="2026-11-22T12:00:00Z"),
        overridden(commented, overrideReason={"userComment": "She was seen yesterday."}),
        overridden(bare, outcomeTimestamp="2026-11-22T12:00:00.123+00:00"),
    ]

    first, others = ward.feedback(items[0]), ward.feedback(*items[1:])

    assert (first.status_code, first.get_json()) == (200, {"saved": 1})
    assert (others.status_code, others.get_json()) == (200, {"saved": 3})
    ward.clock.now += timedelta(minutes=1)
    row = ward.rows()["shown", "REC-UA"]
    counted = {k: row[k] for k in ("fired", "accepted", "overridden", "ignored", "reasons")}
    assert counted == {
        "fired": 5,
        "accepted": 1,
        "overridden": 3,
        "ignored": 1,  # never reported, only counted (5.6)
        "reasons": {"(none)": 2, "done-elsewhere": 1},
    }


@requirement("5.7")
def test_feedback_sent_again_is_counted_once(make: Make) -> None:
    ward = make(report_token="open")
    card = card_about(ward.cards(visit(ward)), "urine-testing")

    for items in ([accepted(card)], [accepted(card)], [accepted(card), accepted(card)]):
        answer = ward.feedback(*items)
        assert (answer.status_code, answer.get_json()) == (200, {"saved": len(items)})

    ward.clock.now += timedelta(minutes=1)
    row = ward.rows()["shown", "REC-UA"]
    assert (row["fired"], row["accepted"], row["ignored"]) == (1, 1, 0)


@requirement("5.8")
def test_a_bad_item_is_named_and_the_good_ones_are_kept(make: Make) -> None:
    ward = make(report_token="open")
    good = card_about(ward.cards(visit(ward)), "urine-testing")
    other = card_about(ward.cards(visit(ward)), "urine-testing")

    answer = ward.feedback(
        accepted(good),
        {"outcome": CANARY, "outcomeTimestamp": "yesterday"},
        overridden(other, overrideReason={}),
        CANARY,
    )

    assert answer.status_code == 400
    assert expressions(answer) == [
        "feedback[1].card",
        "feedback[1].outcome",
        "feedback[1].outcomeTimestamp",
        "feedback[2].overrideReason",
        "feedback[3]",
        "feedback",
    ]
    last = answer.get_json()["issue"][-1]
    assert last["severity"] == "information"
    assert "The other items (1) were saved." in last["diagnostics"]
    assert CANARY not in answer.text
    ward.clock.now += timedelta(minutes=1)
    row = ward.rows()["shown", "REC-UA"]
    assert (row["accepted"], row["overridden"], row["ignored"]) == (1, 0, 1)


@requirement("5.8")
@pytest.mark.parametrize("card", ["8c5dd2e9-0000-4000-8000-000000000000", "not-a-uuid", "x" * 255])
def test_an_unknown_card_is_accepted(card: str, ward: Ward) -> None:
    answer = ward.feedback(overridden({"uuid": card}))

    assert (answer.status_code, answer.get_json()) == (200, {"saved": 1})


@requirement("5.8")
@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b"{}", "feedback"),
        (b'{"feedback":{}}', "feedback"),
        (b'{"feedback":[]}', "feedback"),
        (b'{"feedback":[null]}', "feedback[0]"),
        (b'{"feedback":' + b"[" * 5_000 + b"]" * 5_000 + b"}", None),
    ],
    ids=["empty", "cut-off", "list", "none", "object", "nothing", "null", "deep"],
)
def test_feedback_that_cannot_be_read_is_400(data: bytes, place: str | None, ward: Ward) -> None:
    answer = ward.client.post(FEEDBACK, data=data, content_type="application/json")

    assert answer.status_code == 400
    assert expressions(answer) == ([place] if place else [])
    assert "were saved" not in answer.text


@requirement("5.1")
def test_feedback_is_a_post_of_json_to_a_service_there_is(ward: Ward) -> None:
    item = overridden({"uuid": "x"})

    assert ward.feedback(item, service="nobody").status_code == 404
    assert ward.client.get(FEEDBACK).status_code == 405
    for media_type in ("text/plain", "", "application/x-www-form-urlencoded"):
        answer = ward.client.post(FEEDBACK, data=b"{}", content_type=media_type)
        assert answer.status_code == 415
        assert "application/json" in answer.text


@requirement("5.10")
def test_a_comment_is_in_no_log_and_no_answer(
    ward: Ward, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    said = {"reason": {"code": CANARY, "display": CANARY}, "userComment": CANARY * 1_000}
    good = overridden({"uuid": CANARY}, overrideReason=said)
    bad = {**good, "outcomeTimestamp": CANARY}

    answers = [ward.feedback(good), ward.feedback(good, bad), ward.feedback(bad)]

    assert [a.status_code for a in answers] == [200, 400, 400]
    printed = capfd.readouterr()
    told = caplog.text + printed.out + printed.err + "".join(a.text for a in answers)
    assert CANARY not in told


# -- repeats -------------------------------------------------------------------------------


def shown_after(
    ward: Ward, first: dict[str, Any], topic: str, react: Callable[..., dict[str, Any]], *more: Any
) -> list[str]:
    """The topics of a call made again after a reaction to one of its cards."""
    card = card_about(ward.cards(first), topic)
    assert ward.feedback(react(card, *more)).status_code == 200
    return topics(ward.cards(again(first)))


def test_an_accepted_card_is_not_shown_again(ward: Ward) -> None:
    first = visit(ward)

    assert shown_after(ward, first, "urine-testing", accepted) == ["self-care"]
    assert topics(ward.cards(first)) == ["self-care"]  # the very same call too


def test_a_card_nobody_acted_on_comes_again(ward: Ward) -> None:
    first = visit(ward)

    assert topics(ward.cards(first)) == topics(ward.cards(again(first)))


@pytest.mark.parametrize(
    ("reason", "shown"),
    [("deferred", True), ("Deferred", True), (None, True), ("not-indicated", False)],
)
def test_an_override_counts_by_its_reason(reason: str | None, shown: bool, ward: Ward) -> None:
    found = shown_after(ward, visit(ward), "urine-testing", overridden, reason)

    assert ("urine-testing" in found) is shown


@pytest.mark.parametrize(
    "answers", [{**URINARY, "urine": ["burn", "freq"]}, {**URINARY, "sev": 3}, {"urine": ["burn"]}]
)
def test_other_answers_show_the_card_again(answers: dict[str, Any], ward: Ward) -> None:
    first = visit(ward)
    shown_after(ward, first, "urine-testing", accepted)
    patient = first["context"]["patientId"]

    later = of_patient(again(ward.request(answers)), patient)

    assert "urine-testing" in topics(ward.cards(later))


def test_the_same_answers_written_anew_are_no_other_answers(ward: Ward) -> None:
    first = visit(ward)
    shown_after(ward, first, "urine-testing", accepted)
    response = ward.response(dict(reversed(URINARY.items())), id="another", authored=ago(hours=2))

    later = of_patient(again(ward.request(responses=[response])), first["context"]["patientId"])

    assert "urine-testing" not in topics(ward.cards(later))


def test_another_patient_is_shown_the_card(ward: Ward) -> None:
    shown_after(ward, visit(ward), "urine-testing", accepted)

    assert "urine-testing" in topics(ward.cards(visit(ward)))


def test_a_settled_card_comes_again_after_its_days(content: Content, tmp_path: Path) -> None:
    ward = Ward(content, tmp_path)
    days = timedelta(days=content.strategy.repeat_days)
    settled, bound = visit(ward), visit(ward)
    bound["context"]["encounterId"] = "long-stay"
    for first in (settled, bound):
        assert shown_after(ward, first, "urine-testing", accepted) == ["self-care"]

    ward.clock.now = NOW + days - timedelta(seconds=1)
    for body in (settled, bound):
        authored = fresh(body, ward.clock.now)
        assert "urine-testing" not in topics(ward.cards(again(authored)))
    ward.clock.now = NOW + days + timedelta(minutes=1)

    assert "urine-testing" in topics(ward.cards(again(fresh(settled, ward.clock.now))))
    assert "urine-testing" not in topics(ward.cards(again(fresh(bound, ward.clock.now))))


def fresh(body: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The same answers, given an hour before ``now``."""
    body = deepcopy(body)
    for entry in body["prefetch"]["questionnaireResponses"]["entry"]:
        entry["resource"]["authored"] = (now - timedelta(hours=1)).isoformat()
    return body


@pytest.mark.parametrize(
    ("answers", "topic"),
    [
        ({"rfgen": ["severe"], "sev": 9}, "emergency-assessment"),
        ({"safe": "no"}, "private-conversation"),
        ({"unwanted": "past5d"}, "private-conversation"),
    ],
    ids=["emergency", "unsafe", "assault"],
)
@pytest.mark.parametrize("reason", ["accepted", "not-indicated"])
def test_a_critical_card_is_shown_again(
    answers: dict[str, Any], topic: str, reason: str, ward: Ward
) -> None:
    first = visit(ward, {**QUIET, **answers})
    assert card_about(ward.cards(first), topic)["indicator"] == "critical"

    if reason == "accepted":
        found = shown_after(ward, first, topic, accepted)
    else:
        found = shown_after(ward, first, topic, overridden, reason)

    assert topic in found


@pytest.mark.parametrize(
    "answers", [{"safe": "unsure"}, {"unwanted": "past12m"}, {"safe": "inperson"}], ids=str
)
def test_the_private_conversation_is_shown_again_however_pressing(
    answers: dict[str, Any], ward: Ward
) -> None:
    first = visit(ward, {**QUIET, **answers})
    card = card_about(ward.cards(first), "private-conversation")
    assert card["indicator"] != "critical"

    assert "private-conversation" in shown_after(ward, first, "private-conversation", accepted)


def test_without_suppression_every_card_is_shown_again(make: Make) -> None:
    ward = make(suppress_repeats=False)

    assert "urine-testing" in shown_after(ward, visit(ward), "urine-testing", accepted)


def test_suppressed_cards_are_counted_apart(make: Make) -> None:
    ward = make(report_token="open")
    shown_after(ward, visit(ward), "urine-testing", accepted)

    ward.clock.now += timedelta(minutes=1)

    rows = ward.rows()
    assert rows["shown", "REC-UA"]["fired"] == 1
    assert rows["suppressed", "REC-UA"]["fired"] == 1


# -- a store that is down ------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgresql"])
def storeless(
    request: pytest.FixtureRequest, make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Ward:
    """An application whose database cannot be reached."""
    (tmp_path / "file").touch()
    urls = {
        "sqlite": f"sqlite:///{tmp_path}/file/cds.sqlite3",
        "postgresql": "postgresql+psycopg://nobody:secret@127.0.0.1:1/cds",
    }
    ward = make(database_url=urls[request.param], report_token="open", cors_origins=BROWSER)
    assert "the store cannot be reached" in caplog.text
    return ward


def test_without_a_store_cards_are_shown_and_the_loss_is_told(
    storeless: Ward, clinic: Clinic
) -> None:
    body = visit(storeless)
    assert topics(storeless.cards(body)) == topics(clinic.cards(body))
    assert topics(storeless.cards(again(body))) == topics(clinic.cards(body))

    ready = storeless.client.get("/health/ready")

    assert ready.status_code == 200  # cards are still served
    assert ready.get_json()["store"] == {"status": "unavailable", "callsNotRecorded": 2}
    assert storeless.client.get("/health/live").status_code == 200


@requirement("5.8")
@requirement("3.11")
def test_without_a_store_feedback_is_to_be_sent_again(storeless: Ward) -> None:
    item = overridden({"uuid": "x"})

    answers = [
        storeless.feedback(item, headers={"Origin": BROWSER}),
        storeless.feedback(item, {}, headers={"Origin": BROWSER}),
        storeless.client.get(
            f"{REPORT}.csv", headers={"Authorization": "Bearer open", "Origin": BROWSER}
        ),
    ]

    for answer in answers:
        assert (answer.status_code, cors_headers(answer)) == (503, CORS)
        assert int(answer.headers["Retry-After"]) > 0
        (issue,) = answer.get_json()["issue"]
        assert issue["code"] == "transient"
        assert "secret" not in answer.text


def test_without_a_store_a_token_still_works_once(content: Content, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    served = Trusted(content, tmp_path, database_url=f"sqlite:///{tmp_path}/file/cds.sqlite3")
    once = signed(DISCOVERY)

    codes = [served.client.get(DISCOVERY, headers=once).status_code for _ in range(2)]

    assert codes == [200, 401]


def test_the_store_of_a_ready_service_is_ok(ward: Ward) -> None:
    store = ward.client.get("/health/ready").get_json()["store"]

    assert store == {"status": "ok", "callsNotRecorded": 0}


# -- reports -------------------------------------------------------------------------------


@pytest.mark.parametrize("header", [None, "Bearer ", "Bearer None", "Bearer open"])
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_without_a_token_setting_there_are_no_reports(
    kind: str, header: str | None, clinic: Clinic
) -> None:
    headers = {"Authorization": header} if header else {}

    answer = clinic.client.get(f"{REPORT}.{kind}", headers=headers)

    assert answer.status_code == 404
    assert answer.get_json()["issue"][0]["code"] == "not-found"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "open",
        "Bearer",
        "Bearer ",
        "Bearer ope",
        "Bearer openx",
        "Bearer OPEN",
        "Basic open",
        "Bearer op\xe9n",
    ],
)
@pytest.mark.parametrize("kind", ["csv", "json", "xml"])
def test_a_wrong_report_token_is_401(kind: str, header: str | None, ward: Ward) -> None:
    headers = {} if header is None else {"Authorization": header}

    answer = ward.client.get(f"{REPORT}.{kind}", headers=headers)

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "feedback" not in answer.text


def test_a_clients_token_opens_no_report(content: Content, tmp_path: Path) -> None:
    served = Trusted(content, tmp_path, report_token="open")
    path = f"{REPORT}.json"

    assert served.client.get(path, headers=signed(path)).status_code == 401
    headers = {"Authorization": "bearer open"}  # and its own token is not of a client
    assert served.client.get(path, headers=headers).status_code == 200
    assert served.client.get(DISCOVERY, headers=headers).status_code == 401


def test_the_report_is_the_same_as_csv_and_json(make: Make) -> None:
    ward = make(report_token="open")
    headers = {"Authorization": "Bearer open"}
    ward.cards(visit(ward))
    ward.clock.now += timedelta(minutes=1)

    plain = ward.client.get(f"{REPORT}.json", headers=headers)
    table = ward.client.get(f"{REPORT}.csv", headers=headers)

    assert plain.content_type == "application/json"
    assert table.content_type == "text/csv; charset=utf-8"
    lines = list(csv.DictReader(io.StringIO(table.text)))
    assert [(r["state"], r["by"], r["id"], str(r["fired"])) for r in plain.get_json()] == [
        (r["state"], r["by"], r["id"], r["fired"]) for r in lines
    ]
    assert "REC-UA" in {r["id"] for r in lines}
    assert ward.client.get(f"{REPORT}.xml", headers=headers).status_code == 404


@pytest.mark.parametrize(
    ("days", "seen"),
    [("1", False), ("3", True), ("-5", False), ("x", True), ("9" * 30, True), ("", True)],
)
def test_the_report_goes_as_far_back_as_asked(
    days: str, seen: bool, content: Content, reported: Ward
) -> None:
    headers = {"Authorization": "Bearer open"}

    answer = reported.client.get(f"{REPORT}.json", query_string={"days": days}, headers=headers)

    assert answer.status_code == 200
    assert bool(answer.get_json()) is seen


@pytest.fixture(scope="module")
def reported(content: Content, tmp_path_factory: pytest.TempPathFactory) -> Ward:
    """With one call two days ago."""
    ward = Ward(content, tmp_path_factory.mktemp("reported"), report_token="open")
    ward.cards(visit(ward))
    ward.clock.now += timedelta(days=2)
    return ward


# -- validating a response -----------------------------------------------------------------


def validated(ward: Ward, body: Any) -> list[dict[str, Any]]:
    """What is said about a response."""
    answer = ward.client.post(VALIDATE, json=body)
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.get_json()["resourceType"] == "OperationOutcome"
    return answer.get_json()["issue"]


def in_parameters(resource: Any) -> dict[str, Any]:
    mode = {"name": "mode", "valueCode": "create"}
    return {
        "resourceType": "Parameters",
        "parameter": [mode, {"name": "resource", "resource": resource}],
    }


@pytest.mark.parametrize("wrap", [lambda r: r, in_parameters], ids=["bare", "parameters"])
def test_a_valid_response_is_said_to_be_one(wrap: Callable[[Any], Any], ward: Ward) -> None:
    (issue,) = validated(ward, wrap(ward.response(QUIET)))

    assert issue["severity"] == "information"


@pytest.mark.parametrize("wrap", [lambda r: r, in_parameters], ids=["bare", "parameters"])
def test_an_invalid_response_is_told_what_and_where(wrap: Callable[[Any], Any], ward: Ward) -> None:
    wrong = {**QUIET, "sev": 99, "dur": CANARY}

    issues = validated(ward, wrap(ward.response(wrong)))

    assert [i["severity"] for i in issues] == ["error", "error"]
    assert all(i["expression"][0].startswith("QuestionnaireResponse.item[") for i in issues)
    assert CANARY not in orjson.dumps(issues).decode()


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        "text",
        5,
        {"resourceType": "Patient"},
        {"resourceType": "Parameters", "parameter": []},
        {"resourceType": "Parameters", "parameter": [None, 5, {"name": "resource"}]},
        {"resourceType": "Parameters", "parameter": "resource"},
        in_parameters([]),
        in_parameters({"resourceType": "Patient"}),
    ],
    ids=str,
)
def test_what_is_no_response_is_told_so(body: Any, ward: Ward) -> None:
    answer = ward.client.post(VALIDATE, data=orjson.dumps(body), content_type="application/json")

    assert answer.status_code == 200
    assert answer.get_json()["issue"][0]["severity"] in ("error", "fatal")


def test_a_response_to_validate_is_json(ward: Ward) -> None:
    cut_off = ward.client.post(VALIDATE, data=b'{"a":', content_type="application/fhir+json")
    form = ward.client.post(VALIDATE, data=b"{}", content_type="text/plain")

    assert (cut_off.status_code, form.status_code) == (400, 415)
    assert "not valid JSON at line" in cut_off.text
    assert ward.client.get(VALIDATE).status_code == 405


def test_validating_stores_nothing_and_logs_nothing(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ward = make()
    caplog.set_level(logging.DEBUG)

    validated(ward, ward.response({**QUIET, "other": CANARY}, id=CANARY))

    assert CANARY not in caplog.text
    assert CANARY.encode() not in stored(tmp_path)


# -- nothing of a patient is left behind ---------------------------------------------------


def stored(folder: Path) -> bytes:
    """Everything the database files hold."""
    return b"".join(path.read_bytes() for path in folder.glob("cds.sqlite3*"))


@pytest.fixture
def watched(
    make: Make,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Ward]:
    """An application; at the end no canary may be in a log, on a screen or in the store."""
    ward = make()
    caplog.set_level(logging.DEBUG)
    yield ward
    printed = capfd.readouterr()
    assert CANARY not in caplog.text + printed.out + printed.err
    assert "Traceback" not in caplog.text
    assert len(stored(tmp_path)) > 1_000
    assert CANARY.encode() not in stored(tmp_path)


def whole_call(clinic: Clinic) -> dict[str, Any]:
    """A call with a value in every field an EHR may send."""
    chart = [
        active(code=concept(clinic.content, "endometriosis"), recordedDate=ago(days=9)),
        chart_entry("Procedure", status="completed", code={"text": "A procedure"}),
        chart_entry("Observation", status="final", valueString="text", code={"text": "x"}),
    ]
    name = [{"family": "Family", "given": ["Given"]}]
    body = clinic.request({**MANY, "other": "own words"}, chart, patient={"name": name})
    body["context"]["encounterId"] = "visit"
    body["fhirServer"] = "https://fhir.example.org/r4"
    body["fhirAuthorization"] = {
        "access_token": "secret",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/*.rs",
        "subject": "somebody",
        "patient": PERSON,
    }
    body["extension"] = {"com.example": {"a": "text"}}
    return body


@requirement("3.7")
@requirement("6.16")
def test_a_canary_in_any_one_field_is_left_nowhere(watched: Ward) -> None:
    whole = whole_call(watched)
    texts = [path for path, value in walk(whole) if isinstance(value, str)]
    assert len(texts) > 100

    for path in texts:
        answer = watched.post(changed(whole, path, CANARY), headers={"User-Agent": CANARY})
        assert answer.status_code in (200, 400, 412), path
        if answer.status_code != 200:
            assert CANARY not in answer.text, path


@requirement("3.7")
@requirement("6.16")
def test_a_patient_who_is_all_canary_is_left_nowhere(watched: Ward) -> None:
    body = of_patient(whole_call(watched), CANARY)
    body["hookInstance"] = CANARY
    body["context"] |= {"userId": f"Practitioner/{CANARY}", "encounterId": CANARY, CANARY: CANARY}
    body["prefetch"][CANARY] = {"resourceType": CANARY, CANARY: CANARY}
    body["extension"] = {CANARY: CANARY}
    headers = {"User-Agent": CANARY, "Referer": CANARY, "X-Request-Id": f"{CANARY} x"}
    where = {"query_string": {CANARY: CANARY}, "headers": headers}
    wrong = [
        {**body, "hook": CANARY},
        {**body, "fhirServer": CANARY},
        {**body, "prefetch": {CANARY: CANARY}},
        changed(body, ("context", "patientId"), f"{CANARY} x"),
        changed(body, ("context", "userId"), CANARY),
        changed(body, ("prefetch", "patient", "id"), f"{CANARY}-2"),
        changed(body, ("prefetch", "questionnaireResponses"), CANARY),
        orjson.dumps(body)[:-1],
    ]

    good = [watched.post(body, **where) for _ in range(2)]
    bad = [watched.post(b, **where) for b in wrong]
    bad += [
        watched.post(body, CANARY, **where),
        watched.post(body, content_type=f"text/{CANARY}", **where),
        watched.client.get(f"/{CANARY}", **where),
        watched.client.delete(CALL, **where),
    ]

    assert [a.status_code for a in good] == [200, 200]
    assert good[0].get_json()["cards"]
    assert [a.status_code for a in bad] == [
        400,
        400,
        412,
        400,
        400,
        412,
        412,
        400,
        404,
        415,
        404,
        405,
    ]
    for answer in bad:
        assert CANARY not in answer.text + str(answer.headers)
    assert CANARY not in "".join(str(a.headers) for a in good)
