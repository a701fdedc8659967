"""One EHR with SMART sign-in for these tests; every test starts from the same chart."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from demo.authorization import App
from demo.ehr import DemoEhr

APP, CONFIDENTIAL = "intake-app", "intake-app-with-secret"
APP_SECRET = "not a secret: it opens a test server"
RETURN = "http://127.0.0.1:9/return"  # nobody answers there


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
