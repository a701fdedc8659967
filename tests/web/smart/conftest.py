"""An EHR with SMART sign-in, the service in front of it, and a browser between the two.

Every test starts from the same chart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient
from starlette.responses import Response
from werkzeug.test import TestResponse

from cds_service import create_app, utc_now
from cds_service.app.assembly import LAUNCH_FLOW
from cds_service.web.form.sessions import COOKIE, Session, Sessions
from cds_service.web.smart.discovery import Discovery
from demo.authorization import App
from demo.ehr import DemoEhr
from tests.support.clinic import settings_in
from tests.support.hostile_fhir import HostileServer

APP, CONFIDENTIAL = "intake-app", "intake-app-with-secret"
APP_SECRET = "not a secret: it opens a test server"
BASE = "https://cds.example.org"  # of support.settings_in
RETURN = f"{BASE}/intake/callback"


def patient(id_: str, given: str) -> dict[str, object]:
    """A sample patient."""
    name = [{"given": [given], "family": "Sample"}]
    return {"resourceType": "Patient", "id": id_, "name": name, "birthDate": "1990-03-01"}


CHART = [patient("ana", "Ana"), patient("bea", "Bea")]


LOST = 0  # a fault: the call is carried out, and its answer never arrives


class Faults:
    """What goes wrong at the EHR: (method, start of the path) -> statuses or LOST, used up in
    turn."""

    def __init__(self) -> None:
        self.waiting: dict[tuple[str, str], list[int]] = {}
        self.seen: list[str] = []  # method and path of every call

    def on(self, method: str, path: str, *faults: int) -> None:
        """The next calls of that method below that path go wrong like this."""
        self.waiting[method, path] = list(faults)

    def around(self, app: Any) -> Any:
        """The EHR with its faults."""

        async def serve(scope: Any, receive: Any, send: Any) -> None:
            self.seen.append(f"{scope['method']} {scope['path']}")
            fault = self._next(scope["method"], scope["path"])
            if fault is None:
                return await app(scope, receive, send)
            if fault == LOST:
                await app(scope, receive, _nowhere)
            await Response(status_code=fault or 504)(scope, receive, send)

        return serve

    def _next(self, method: str, path: str) -> int | None:
        for (its_method, its_path), faults in self.waiting.items():
            if its_method == method and path.startswith(its_path) and faults:
                return faults.pop(0)
        return None


async def _nowhere(_message: Any) -> None:
    """An answer that is lost on the way."""


@pytest.fixture(scope="session")
def all_faults() -> Faults:
    return Faults()


@pytest.fixture
def faults(all_faults: Faults, ehr: DemoEhr) -> Faults:
    return all_faults


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, all_faults: Faults) -> Iterator[DemoEhr]:
    folder = tmp_path_factory.mktemp("ehr")
    ehr = DemoEhr(folder, CHART, tokens_required=True, wrap=all_faults.around).start()
    yield ehr
    ehr.stop()


@pytest.fixture
def ehr(running: DemoEhr, all_faults: Faults) -> DemoEhr:
    all_faults.waiting.clear()
    all_faults.seen.clear()
    running.authorization.apps = (App(APP, (RETURN,)), App(CONFIDENTIAL, (RETURN,), APP_SECRET))
    running.authorization.token_seconds = 3600
    running.reset()
    return running


@dataclass
class Clock:
    """The service's clock: real, but a test may move it on."""

    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@dataclass
class Browser:
    """One person's browser: what it follows by itself, step by step."""

    client: FlaskClient
    app: Flask

    def open(self, url: str) -> TestResponse:
        """The service's answer at an address of its own."""
        there = urlsplit(url)
        return self.client.get(f"{there.path}?{there.query}", base_url=BASE)

    def sign_in(self, url: str, **more: str) -> str:
        """Opens the form's launch address and signs in; the address the EHR sends back to."""
        left = self.open(url)
        assert left.status_code == 303, left.text
        with httpx.Client(trust_env=False) as http:
            back = http.get(httpx.URL(left.headers["Location"]).copy_merge_params(more))
        assert back.status_code == 302, back.text
        return back.headers["Location"]

    def enter(self, url: str, **more: str) -> TestResponse:
        """The whole way in; what the service answers at its end."""
        return self.open(self.sign_in(url, **more))

    @property
    def secret(self) -> str:
        cookie = self.client.get_cookie(f"__Host-{COOKIE}", domain="cds.example.org")
        assert cookie is not None, "no session cookie"
        return cookie.value

    @property
    def session(self) -> Session:
        """What the service keeps for this browser."""
        found = self.kept(self.secret)
        assert found is not None, "no session"
        return found

    def kept(self, secret: str) -> Session | None:
        """What it keeps behind a secret."""
        return Sessions(self.app.extensions["cds_service.hooks.calls"].store, utc_now).read(secret)

    def keep(self, session: Session) -> None:
        """Has it keep something else."""
        store = self.app.extensions["cds_service.hooks.calls"].store
        Sessions(store, utc_now).change(self.secret, lambda _: session)

    def answer(self, **answers: Any) -> None:
        """Has answered: linkId=answers, as the form would keep them."""
        session = self.session
        session.answers |= answers
        self.keep(session)


@pytest.fixture(scope="session")
def the_clock() -> Clock:
    return Clock()


@pytest.fixture
def clock(the_clock: Clock) -> Clock:
    the_clock.ahead = timedelta(0)
    return the_clock


@pytest.fixture(scope="session")
def the_hostile() -> Iterator[HostileServer]:
    with HostileServer(keep_alive=False) as server:
        yield server


@pytest.fixture
def hostile(the_hostile: HostileServer) -> HostileServer:
    """A server that is listed as an EHR and answers as a test says."""
    the_hostile.answers.clear()
    the_hostile.forget()
    return the_hostile


@pytest.fixture(scope="session")
def gone() -> str:
    """The FHIR base of an EHR that is listed and does not run."""
    with HostileServer() as server:
        return server.base


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the service keeps its files."""
    return tmp_path_factory.mktemp("service")


@pytest.fixture(scope="session")
def running_service(
    running: DemoEhr, the_hostile: HostileServer, gone: str, folder: Path, the_clock: Clock
) -> Iterator[Flask]:
    """One service for all tests: it knows the three EHRs. Making one takes seconds."""
    (folder / "app.secret").write_text(f"{APP_SECRET}\n")
    listed = {
        "demo": {"issuer": running.fhir_base, "clientId": APP, "name": "Demo clinic"},
        "hostile": {
            "issuer": the_hostile.base,
            "clientId": CONFIDENTIAL,
            "clientSecretFile": "app.secret",
            "scopes": ["openid"],
        },
    }
    clients = folder / "clients.json"
    entries = [{"id": name, "smart": smart} for name, smart in listed.items()]
    clients.write_bytes(orjson.dumps({"clients": entries}))
    settings = settings_in(folder, clients=clients, smart_issuer=gone, smart_client_id=APP)
    app = create_app(settings, the_clock)
    yield app
    app.extensions["cds_service.hooks.calls"].close()


@pytest.fixture
def service(running_service: Flask, ehr: DemoEhr, clock: Clock) -> Flask:
    running_service.extensions[LAUNCH_FLOW].discovery = Discovery()  # remembers nothing
    return running_service


@pytest.fixture
def browser(service: Flask) -> Browser:
    return Browser(service.test_client(), service)


@pytest.fixture
def stranger(service: Flask) -> Browser:
    """Another browser."""
    return Browser(service.test_client(), service)


@pytest.fixture
def launch_url(ehr: DemoEhr) -> str:
    """The address that opens the form for Ana."""
    return ehr.launch_url(f"{BASE}/intake/launch", "ana", app_context="from a card")


@pytest.fixture
def standalone(ehr: DemoEhr) -> str:
    """The address that signs in to the EHR without having been opened from it."""
    return f"{BASE}/intake/launch?{urlencode({'iss': ehr.fhir_base})}"


def changed(url: str, **parameters: str | None) -> str:
    """An address with parameters put in, or taken out (None)."""
    kept = dict(httpx.URL(url).params) | parameters
    left = {k: v for k, v in kept.items() if v is not None}
    return str(httpx.URL(url).copy_with(params=left))
