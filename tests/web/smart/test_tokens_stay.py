"""What opens the EHR stays on the server: no page, cookie, log line or file holds it."""

from __future__ import annotations

import logging
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from cds_service.web.smart.ehr import EhrLogin
from demo.ehr import DemoEhr
from tests.support.hostile_fhir import HostileServer, resource, status
from tests.web.smart.conftest import APP_SECRET, BASE, RETURN, Browser, changed


def test_nothing_of_a_sign_in_can_be_found_anywhere(
    browser: Browser,
    ehr: DemoEhr,
    folder: Path,
    launch_url: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    seen = []
    back = browser.sign_in(launch_url)
    pending = browser.session.launch
    assert pending is not None
    seen.append(browser.open(back))
    (token,) = ehr.authorization.tokens
    for path in ("/intake", "/intake/step/1", "/intake/review", "/intake/answers.json"):
        seen.append(browser.open(BASE + path))
    seen.append(browser.open(back))  # refused
    secrets = {
        token,
        pending["verifier"],
        pending["state"],
        httpx.URL(back).params["code"],
        browser.secret,
    }
    answers = "".join(f"{page.text}{page.headers}" for page in seen)
    for name, value in (("pages", answers), ("log", caplog.text + "".join(capfd.readouterr()))):
        found = {secret for secret in secrets - {browser.secret} if secret in value}
        assert not found, name
    assert browser.secret not in caplog.text + "".join(page.text for page in seen)
    kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert kept
    for secret in (*secrets, '"ana"', ehr.fhir_base.removesuffix("/fhir") + "/auth/token"):
        assert secret.encode() not in kept


def test_an_error_says_nothing_that_was_sent_or_received(
    browser: Browser, hostile: HostileServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    hostile.on(
        ".well-known/smart-configuration",
        resource(
            {
                "authorization_endpoint": f"{hostile.base}/authorize",
                "token_endpoint": f"{hostile.base}/token",
            }
        ),
    )
    said = b'{"error":"invalid_grant","error_description":"Canary-1","access_token":"Canary-2"}'
    hostile.on("token", status(400, said))
    left = browser.open(changed(f"{BASE}/intake/launch", iss=hostile.base))
    state = httpx.URL(left.headers["Location"]).params["state"]
    page = browser.open(changed(RETURN, state=state, code="Canary-3"))

    assert page.status_code == 502
    assert "Canary" not in page.text + caplog.text
    assert APP_SECRET not in page.text + caplog.text + left.headers["Location"]


def test_a_login_does_not_print_its_token(browser: Browser, launch_url: str) -> None:
    browser.enter(launch_url)
    kept = browser.session.ehr
    assert kept is not None
    login = EhrLogin.from_json(kept)

    assert isinstance(login.access_token, SecretStr)
    assert kept["access_token"] not in f"{login!r}{login}"
