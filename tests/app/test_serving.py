"""Real servers: numbers of all workers, reloading, stopping, and starts that are refused."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import threading
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from cds_service import create_app
from cds_service.app.server import Server
from cds_service.content.reader import FOLDERS
from tests.support.clinic import PATIENT_VIEW, ROOT, Clinic, log_lines, settings_in, to_now
from tests.support.hostile_fhir import HostileServer, late, resource, until
from tests.support.numbers import samples, value
from tests.support.served import Served, served
from tests.support.ward import visit

CALL = f"/cds-services/{PATIENT_VIEW}"


def workers(server: Served) -> set[int]:
    """Process ids of the workers that run."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return {int(pid) for pid in children.read_text().split()}


def test_numbers_of_all_workers_are_added_and_survive_a_dead_one(
    tmp_path: Path, clinic: Clinic
) -> None:
    with served(tmp_path, CDS_WORKERS="2", CDS_LOG_FORMAT="json", TMPDIR=str(tmp_path)) as server:
        for _ in range(20):
            server.fetch("GET", "/cds-services")
        (folder,) = tmp_path.glob("cds-metrics-*")
        asked = {int(f.stem.rpartition("_")[2]) for f in folder.glob("counter_*.db")}
        killed = (asked & workers(server)).pop()
        os.kill(killed, signal.SIGKILL)
        server.wait_for(lambda: workers(server) - {killed} == workers(server))
        server.wait_for(lambda: not list(folder.glob(f"gauge_livesum_{killed}.db")))
        server.wait_for(lambda: server.lines(event="a worker ended", worker=killed))

        page = server.fetch("GET", "/metrics")[1]

        assert value(page, "cds_requests_total", route="/cds-services", status="200") == 20
        assert value(page, "cds_requests_in_progress") == 1
        assert [n for n, _ in samples(page)].count("cds_content_info") == 1
    assert list(tmp_path.glob("cds-metrics-*")) == []


def test_a_request_is_one_json_line(tmp_path: Path, clinic: Clinic) -> None:
    with served(tmp_path, CDS_LOG_FORMAT="json", CDS_WORKER="4") as server:
        headers = {"X-Request-Id": "r-1"}
        server.fetch("POST", CALL, json.dumps(to_now(visit(clinic))).encode(), **headers)
        server.fetch("GET", "/health/live")
        server.fetch("POST", CALL, b"[")

        first, second = server.lines(event="request")
        told = {"status": 200, "service": PATIENT_VIEW, "request_id": "r-1", "client": "anonymous"}
        assert told.items() <= first.items()
        assert first["content_version"] == clinic.content.version
        assert {"cards", "duration_ms", "trace_id", "span_id", "time"} <= first.keys()
        assert second["status"] == 400
        assert server.lines(event="there is no such setting", setting="CDS_WORKER")


# -- reload ------------------------------------------------------------------------------------


@pytest.fixture
def content_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "content"
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name)
    return folder


def change(folder: Path, **elements: Any) -> None:
    """Changes the plan of one cause; None takes an element out."""
    path = folder / "plan_definitions/causes/sti.json"
    plan = json.loads(path.read_text()) | elements
    path.write_text(json.dumps({k: v for k, v in plan.items() if v is not None}))


def version(server: Served) -> str:
    return str(server.ask("GET", "/health/ready")[1]["content"]["version"])


def test_new_content_is_served_after_a_hangup_and_bad_content_is_not(
    tmp_path: Path, content_folder: Path
) -> None:
    settings = {"CDS_CONTENT": str(content_folder), "CDS_WORKERS": "2", "CDS_LOG_FORMAT": "json"}
    with served(tmp_path, **settings) as server:
        server.wait_for(lambda: len(workers(server)) == 2)
        old, before = version(server), workers(server)

        change(content_folder, publisher=None)
        server.process.send_signal(signal.SIGHUP)
        server.wait_for(lambda: server.lines(event="not reloaded: the old content is served on"))
        (refused,) = server.lines(event="not reloaded: the old content is served on")
        assert "sti.json: publisher" in refused["finding"]
        assert (version(server), workers(server)) == (old, before)

        change(content_folder, publisher="Somebody else")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for(lambda: server.lines(event="reloaded"))
        server.wait_for(lambda: not workers(server) & before)
        assert version(server) != old
        assert f'version="{version(server)}"' in server.fetch("GET", "/metrics")[1]


def test_a_reload_needs_to_know_what_is_switched_off(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    good = settings_in(tmp_path)
    bad = settings_in(tmp_path, database_url=f"sqlite:///{tmp_path}/file/cds.sqlite3")
    apps = [create_app(settings) for settings in (good, bad, good)]
    made = iter(apps[1:])
    server = Server(lambda: next(made), apps[0], good, ("127.0.0.1", 1))

    assert server.renew() is False
    assert server.load() is apps[0]
    (line,) = [x for x in log_lines(caplog) if x["event"].startswith("not reloaded")]
    assert "what is switched off is not known" in line["finding"]
    assert server.renew() is True
    gc.unfreeze()  # of this process, which does not fork
    assert server.load() is apps[2]


def test_no_call_is_lost_while_content_is_loaded_anew(tmp_path: Path) -> None:
    failures: list[Any] = []
    stopping = threading.Event()

    def client(server: Served) -> None:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
        while not stopping.is_set():
            try:
                connection.request("GET", "/cds-services")
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    failures.append(answer.status)
            except Exception as error:
                failures.append(error)
        connection.close()

    with served(tmp_path, CDS_WORKERS="2", CDS_LOG_FORMAT="json") as server:
        callers = [threading.Thread(target=client, args=(server,)) for _ in range(4)]
        for caller in callers:
            caller.start()
        before = workers(server)
        server.process.send_signal(signal.SIGHUP)
        try:
            server.wait_for(lambda: not workers(server) & before)
        finally:
            stopping.set()
            for caller in callers:
                caller.join()

    assert failures == []


# -- stop --------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])
def test_a_call_at_hand_is_answered_before_its_worker_goes(
    sent: signal.Signals, tmp_path: Path, clinic: Clinic
) -> None:
    answers: list[Any] = []
    with HostileServer(keep_alive=False) as ehr:
        ehr.on("Condition", late(resource({"resourceType": "Bundle", "type": "searchset"}), 1))
        body = {**to_now(visit(clinic)), "fhirServer": ehr.base}
        del body["prefetch"]["conditions"]
        with served(tmp_path, CDS_FHIR_SERVERS=ehr.base) as server:
            caller = threading.Thread(
                target=lambda: answers.append(server.ask("POST", CALL, json.dumps(body).encode()))
            )
            caller.start()
            assert until(lambda: bool(ehr.seen), 30)
            server.process.send_signal(sent)
            caller.join()

    ((status, answer),) = answers
    assert (status, bool(answer["cards"])) == (200, True)
    assert ehr.seen[0].headers["traceparent"].startswith("00-")
