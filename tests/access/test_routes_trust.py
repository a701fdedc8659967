"""Trust over HTTP: who is let in at which address, and what nobody gets to see."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cds_service import create_app
from cds_service.settings import Settings
from tests.access.signing import ISSUER, REFUSED, claims, ec_key, good_keys, jwk, token, write_keys
from tests.support.clinic import PATIENT_VIEW, QUIET, ROOT, Clinic
from tests.support.hostile_fhir import HostileServer, resource

requirement = pytest.mark.requirement
BASE = "https://cds.example.org"
DISCOVERY = "/cds-services"
SERVICE = f"/cds-services/{PATIENT_VIEW}"
FEEDBACK = f"{SERVICE}/feedback"
CANARY = "canary-access-token"

Make = Callable[..., FlaskClient]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Applications over one store; ``clients`` go into its clients file."""

    def make(clients: list[dict[str, Any]] | None = None, **settings: Any) -> FlaskClient:
        if clients is not None:
            settings["clients"] = tmp_path / "clients.json"
            settings["clients"].write_bytes(orjson.dumps({"clients": clients}))
        whole = {
            "auth": "required",
            "content": ROOT,
            "public_base_url": BASE,
            "database_url": f"sqlite:///{tmp_path / 'store.sqlite3'}",
            "key_file": tmp_path / "store.key",
            "fetch_seconds": 5,
        }
        return create_app(Settings(**{**whole, **settings})).test_client()

    return make


@pytest.fixture
def ehr(tmp_path: Path) -> dict[str, Any]:
    keys = write_keys(tmp_path / "keys.json", *good_keys())
    return {"id": "ehr", "issuer": ISSUER, "jwksFile": str(keys)}


@pytest.fixture
def body(clinic: Clinic) -> dict[str, Any]:
    return clinic.request({**QUIET, "urine": ["burn"]})


def bearer(address: str, **changes: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(claims(aud=BASE + address, **changes))}"}


def post(app: FlaskClient, body: Any, headers: dict[str, str] | None = None) -> TestResponse:
    return app.post(SERVICE, json=body, headers=headers or {})


# -- required ------------------------------------------------------------------------------


@requirement("1.12")
@requirement("6.3")
def test_every_address_takes_the_token_that_names_it(
    make: Make, ehr: dict[str, Any], body: dict[str, Any]
) -> None:
    app = make([ehr])

    assert app.get(DISCOVERY, headers=bearer(DISCOVERY)).status_code == 200
    assert post(app, body, bearer(SERVICE)).status_code == 200
    for address in (FEEDBACK, SERVICE):
        answer = app.post(FEEDBACK, json={"feedback": []}, headers=bearer(address))
        assert answer.status_code != 401
    unknown = "/cds-services/unknown"
    assert app.post(unknown, json={}, headers=bearer(unknown)).status_code == 404


@requirement("6.2")
@requirement("6.15")
@requirement("3.8")
def test_all_refusals_are_alike(make: Make, ehr: dict[str, Any], body: dict[str, Any]) -> None:
    app = make([ehr])
    used = bearer(SERVICE)
    assert post(app, body, used).status_code == 200

    answers = [
        post(app, body),
        post(app, body, used),
        post(app, body, bearer(DISCOVERY)),
        post(app, body, bearer(SERVICE, iss="https://mine.example")),
        post(app, body, bearer(SERVICE, exp=5, iat=1)),
        post(app, body, {"Authorization": "Bearer garbage"}),
        post(app, body, {"Authorization": "Bearer \xe9"}),
        post(app, body, {"Authorization": ""}),
        app.get(DISCOVERY),
        app.get(DISCOVERY, headers=bearer(SERVICE)),
        app.post(FEEDBACK, json={}),
        app.post(FEEDBACK, json={}, headers=bearer(DISCOVERY)),
        app.post("/cds-services/unknown", json=body),
        app.post(SERVICE, data=b"not json", content_type="text/plain"),
    ]

    for answer in answers:
        assert (answer.status_code, answer.get_json()) == (401, REFUSED)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.content_type == "application/json"


@requirement("6.10")
def test_a_token_used_at_one_worker_is_used_up_at_all(
    make: Make, ehr: dict[str, Any], body: dict[str, Any]
) -> None:
    first, second = make([ehr]), make([ehr])
    once = bearer(SERVICE)

    assert post(first, body, once).status_code == 200
    assert post(second, body, once).status_code == 401
    assert post(second, body, bearer(SERVICE)).status_code == 200


@requirement("6.2")
@pytest.mark.parametrize(
    ("auth", "clients"), [("required", None), ("optional", [{"id": "no-issuer"}])]
)
def test_without_an_issuer_the_service_does_not_start(auth: str, clients: Any, make: Make) -> None:
    with pytest.raises(RuntimeError, match="needs CDS_CLIENTS"):
        make(clients, auth=auth)


@requirement("6.18")
def test_a_preflight_needs_no_token(make: Make, ehr: dict[str, Any]) -> None:
    app = make([ehr], cors_origins="https://ehr.example.org")
    asking = {"Origin": "https://ehr.example.org", "Access-Control-Request-Method": "POST"}

    for address in (DISCOVERY, SERVICE, FEEDBACK):
        answer = app.options(address, headers=asking)
        assert answer.status_code == 204
        assert answer.headers["Access-Control-Allow-Origin"] == "https://ehr.example.org"
        assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]


@requirement("3.11")
def test_a_refusal_can_be_read_by_a_browser(make: Make, ehr: dict[str, Any]) -> None:
    app = make([ehr], cors_origins="https://ehr.example.org")

    answer = app.get(DISCOVERY, headers={"Origin": "https://ehr.example.org"})

    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == "https://ehr.example.org"


# -- optional and off ----------------------------------------------------------------------


@requirement("6.2")
def test_optional_means_checked_when_sent(
    make: Make, ehr: dict[str, Any], body: dict[str, Any]
) -> None:
    app = make([ehr], auth="optional")

    assert post(app, body).status_code == 200
    assert post(app, body, bearer(SERVICE)).status_code == 200
    for header in ("", "Bearer garbage", "Basic eDp5"):
        assert post(app, body, {"Authorization": header}).status_code == 401


@requirement("6.2")
def test_off_means_not_looked_at(make: Make, body: dict[str, Any]) -> None:
    assert post(make(auth="off"), body, {"Authorization": "Bearer garbage"}).status_code == 200


# -- fetching ------------------------------------------------------------------------------


@pytest.fixture
def fhir(body: dict[str, Any], clinic: Clinic) -> Any:
    """A FHIR server with everything the call would bring."""
    with HostileServer(keep_alive=False) as server:  # an application does not end its client
        for key, value in body["prefetch"].items():
            path = clinic.pipeline.queries[key].partition("?")[0]
            server.on(path.replace("{{context.patientId}}", "person"), resource(value))
        yield server


def opened(body: dict[str, Any], server: HostileServer) -> dict[str, Any]:
    """The call without prefetch, opening the server."""
    return {
        **body,
        "prefetch": {},
        "fhirServer": server.base,
        "fhirAuthorization": {"access_token": CANARY},
    }


@requirement("3.1")
@requirement("3.3")
def test_prefetch_is_fetched_from_a_listed_server(
    make: Make, body: dict[str, Any], fhir: HostileServer
) -> None:
    app = make(auth="off", fhir_servers=f"https://other.example, {fhir.base}/")

    fetched, sent = post(app, opened(body, fhir)), post(app, body)

    assert fetched.status_code == 200
    assert [c["summary"] for c in fetched.get_json()["cards"]] == [
        c["summary"] for c in sent.get_json()["cards"]
    ]
    assert {s.headers["authorization"] for s in fhir.seen} == {f"Bearer {CANARY}"}


@requirement("3.4")
def test_a_server_that_is_not_listed_is_412(
    make: Make, body: dict[str, Any], fhir: HostileServer
) -> None:
    answer = post(make(auth="off"), opened(body, fhir))

    assert answer.status_code == 412
    assert "no FHIR server is allowed for this client" in answer.text
    assert fhir.seen == []


@requirement("6.1")
@requirement("3.10")
def test_outside_development_plain_http_is_refused_at_start(
    make: Make, ehr: dict[str, Any], fhir: HostileServer
) -> None:
    listed = {**ehr, "fhirServers": [fhir.base], "allowPrivateAddresses": True}

    with pytest.raises(RuntimeError, match=r"CDS_CLIENTS: fhirServers of 'ehr'.*https://"):
        make([listed], auth="optional")
    with pytest.raises(RuntimeError, match=r"CDS_FHIR_SERVERS.*https://"):
        make([ehr], auth="optional", fhir_servers=fhir.base)


@requirement("3.3")
@requirement("6.11")
def test_each_client_has_its_own_servers(
    make: Make, ehr: dict[str, Any], body: dict[str, Any], fhir: HostileServer
) -> None:
    app = make([ehr], auth="optional", fhir_servers="https://fhir.example.org/r4")

    answer = post(app, opened(body, fhir), bearer(SERVICE))

    assert answer.status_code == 412
    assert "no FHIR server is allowed for this client" in answer.text


# -- what nobody sees ----------------------------------------------------------------------


@requirement("6.16")
@requirement("6.15")
def test_tokens_are_in_no_log_no_answer_and_no_store(
    make: Make,
    ehr: dict[str, Any],
    body: dict[str, Any],
    fhir: HostileServer,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    app = make([ehr], auth="optional", fhir_servers="https://fhir.example.org/r4")
    good, bad = token(claims(aud=BASE + SERVICE)), token(claims(aud="x"))

    with caplog.at_level(logging.DEBUG):
        answers = [
            post(app, opened(body, fhir), {"Authorization": f"Bearer {text}"})
            for text in (good, good, bad)
        ]

    kept = b"".join(p.read_bytes() for p in tmp_path.glob("store*"))
    seen = caplog.text + "".join(a.text + str(a.headers) for a in answers)
    assert [a.status_code for a in answers] == [412, 401, 401]
    for secret in (CANARY, good, bad, *good.split("."), *bad.split(".")[1:]):
        assert secret not in seen
        assert secret.encode() not in kept


@requirement("6.12")
def test_the_key_of_another_client_is_no_key(
    make: Make, ehr: dict[str, Any], body: dict[str, Any], tmp_path: Path
) -> None:
    theirs = write_keys(tmp_path / "theirs.json", jwk(ec_key("theirs"), "ec"))
    other = {"id": "other", "issuer": "https://other.example", "jwksFile": str(theirs)}
    app = make([ehr, other])

    assert post(app, body, bearer(SERVICE)).status_code == 200
    assert post(app, body, bearer(SERVICE, iss="https://other.example")).status_code == 401
