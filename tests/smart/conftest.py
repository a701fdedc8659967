"""An EHR with SMART sign-in, the service in front of it, and a browser between the two.

Every test starts from the same chart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from flask import Flask
from flask.testing import FlaskClient
from support import settings_in
from werkzeug.test import TestResponse

from cds_service import create_app, utc_now
from cds_service.web.sessions import COOKIE, Session, Sessions
from demo.authorization import App
from demo.ehr import DemoEhr

APP, CONFIDENTIAL = "intake-app", "intake-app-with-secret"
APP_SECRET = "not a secret: it opens a test server"
BASE = "https://cds.example.org"  # of support.settings_in
RETURN = f"{BASE}/intake/callback"


def patient(id_: str, given: str) -> dict[str, object]:
    """A sample patient."""
    name = [{"given": [given], "family": "Sample"}]
    return {"resourceType": "Patient", "id": id_, "name": name, "birthDate": "1990-03-01"}


CHART = [patient("ana", "Ana"), patient("bea", "Bea")]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoEhr]:
    ehr = DemoEhr(tmp_path_factory.mktemp("ehr"), CHART, tokens_required=True).start()
    yield ehr
    ehr.stop()


@pytest.fixture
def ehr(running: DemoEhr) -> DemoEhr:
    running.authorization.apps = (App(APP, (RETURN,)), App(CONFIDENTIAL, (RETURN,), APP_SECRET))
    running.authorization.token_seconds = 3600
    running.reset()
    return running


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
        cookie = self.client.get_cookie(COOKIE, domain="cds.example.org")
        assert cookie is not None, "no session cookie"
        return cookie.value

    @property
    def session(self) -> Session:
        """What the service keeps for this browser."""
        sessions = Sessions(self.app.extensions["cds_service.desk"].store, utc_now)
        found = sessions.read(self.secret)
        assert found is not None, "no session"
        return found

    def answer(self, **answers: Any) -> None:
        """Has answered: linkId=answers, as the form would keep them."""
        sessions = Sessions(self.app.extensions["cds_service.desk"].store, utc_now)
        session = self.session
        session.answers |= answers
        sessions.save(self.secret, session)


def service_for(folder: Path, **settings: Any) -> Flask:
    return create_app(settings_in(folder, **settings))


@pytest.fixture
def service(ehr: DemoEhr, tmp_path: Path) -> Iterator[Flask]:
    app = service_for(tmp_path, smart_issuer=ehr.fhir_base, smart_client_id=APP)
    yield app
    app.extensions["cds_service.desk"].close()


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
