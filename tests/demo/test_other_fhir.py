"""The demo over a FHIR server that runs elsewhere, as in the containers: the same chart, the same
sign-in, links that lead to the demo."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from demo.authorization import App
from demo.ehr import DemoEhr
from demo.own_fhir import OwnFhir

PATIENT = {"resourceType": "Patient", "id": "river", "name": [{"text": "River Example"}]}
APP = App("app", ("http://127.0.0.1:1/callback",))


@pytest.fixture
def ehr(tmp_path: Path) -> Iterator[DemoEhr]:
    """In front of another real server, which holds somebody already."""
    listening = socket.create_server(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listening.getsockname()[1]}/fhir"
    made = DemoEhr(tmp_path / "demo", [PATIENT], [APP], elsewhere=base)
    other = OwnFhir(made.fhir_base, tmp_path / "other")  # told the demo's address, as HAPI is
    other.put({**PATIENT, "id": "old", "name": [{"text": "Old Example"}]})
    server = uvicorn.Server(
        uvicorn.Config(other, log_level="warning", lifespan="off", ws="none", interface="asgi3")
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield made.start()
    made.stop()
    server.should_exit = True
    thread.join()
    other.close()


def test_the_made_up_people_are_put_beside_what_is_there(ehr: DemoEhr) -> None:
    assert ehr.people() == [("old", "Old Example"), ("river", "River Example")]


def test_a_browser_reads_and_writes_through_the_demo(ehr: DemoEhr) -> None:
    with httpx.Client(base_url=ehr.fhir_base, trust_env=False, timeout=30) as browser:
        read = browser.get("/Patient/river", headers={"Origin": "http://127.0.0.1:8085"})
        made = browser.post(
            "/ServiceRequest",
            json={
                "resourceType": "ServiceRequest",
                "status": "draft",
                "intent": "order",
                "subject": {"reference": "Patient/river"},
            },
        )
        found = browser.get("/ServiceRequest", params={"patient": "river"}).json()
        missing = browser.get("/Patient/nobody")

    assert read.json()["name"] == PATIENT["name"]
    assert "access-control-allow-origin" in read.headers
    assert made.status_code == 201
    assert [e["resource"]["id"] for e in found["entry"]] == [made.json()["id"]]
    assert found["link"][0]["url"].startswith(ehr.fhir_base)
    assert missing.status_code == 404


def test_a_bad_token_is_refused_before_the_other_server_is_asked(ehr: DemoEhr) -> None:
    answer = httpx.get(
        f"{ehr.fhir_base}/Patient/river", headers={"Authorization": "Bearer made-up"}, timeout=30
    )

    assert answer.status_code == 401


def test_the_form_can_be_launched_for_somebody_on_the_other_server(ehr: DemoEhr) -> None:
    address = ehr.launch_url("http://127.0.0.1:1/intake/launch", "river")

    assert address.startswith("http://127.0.0.1:1/intake/launch?iss=")
    assert ehr.find("Patient", _id="river")[0]["id"] == "river"
