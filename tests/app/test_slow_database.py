"""A database that is far away, or away: switches hold, calls and feedback are kept.

PostgreSQL stands behind a forwarder that adds time in each direction.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from cds_service.store import Store, SwitchRecord
from tests.support.clinic import NOW, PATIENT_VIEW, Clinic, to_now, topics
from tests.support.databases import PostgresServer
from tests.support.forwarder import forwarded
from tests.support.served import Served, served
from tests.support.ward import overridden, visit

CALL = f"/cds-services/{PATIENT_VIEW}"
DELAYS = [0.005, 0.02, 0.05]  # seconds each way
JSON_LOG = {"CDS_LOG_FORMAT": "json", "CDS_WORKERS": "1"}


def switch(url: str, off: bool) -> None:
    store = Store(url, bytes(32))
    store.switch(SwitchRecord(NOW, "REC-UA", off, "operator", "ticket 812"))
    store.close()


def cards(server: Served, clinic: Clinic) -> list[dict[str, Any]]:
    body = json.dumps(to_now(visit(clinic))).encode()
    return server.ask("POST", CALL, body)[1]["cards"]


@pytest.mark.parametrize("delay", DELAYS)
def test_a_slow_database_keeps_switches_records_feedback_and_reloads(
    delay: float, postgres: PostgresServer, tmp_path: Path, clinic: Clinic
) -> None:
    database = postgres.database(migrated=True)
    switch(database.url, off=True)
    with (
        forwarded(database, delay) as forwarder,
        served(tmp_path, CDS_DATABASE_URL=forwarder.url, **JSON_LOG) as server,
    ):
        shown = [cards(server, clinic) for _ in range(5)]
        assert {tuple(topics(found)) for found in shown} == {("self-care",)}

        server.process.send_signal(signal.SIGHUP)
        server.wait_for(lambda: server.lines(event="reloaded"))
        server.wait_for(lambda: len(server.lines(event="a worker ended")) == 1)
        assert topics(cards(server, clinic)) == ["self-care"]

        switch(database.url, off=False)
        server.wait_for(lambda: topics(cards(server, clinic)) == ["urine-testing", "self-care"])

        item = to_now(overridden(shown[0][0]))
        feedback = json.dumps({"feedback": [item]}).encode()
        assert server.ask("POST", f"{CALL}/feedback", feedback)[0] == 200
        assert database.rows("SELECT outcome FROM feedback") == [("overridden",)]

        answered = len(server.lines(event="request", status=200, service=PATIENT_VIEW))
        recorded = "SELECT count(*) FROM calls"
        server.wait_for(lambda: database.rows(recorded) == [(answered,)])
    postgres.drop(database)


def test_a_start_without_the_database_is_not_ready_and_keeps_to_what_was_off(
    postgres: PostgresServer, tmp_path: Path, clinic: Clinic
) -> None:
    database = postgres.database(migrated=True)
    switch(database.url, off=True)
    with forwarded(database, 0) as forwarder:
        settings = {"CDS_DATABASE_URL": forwarder.url, **JSON_LOG}
        with served(tmp_path, **settings):
            pass
        forwarder.cut()
        with served(tmp_path, ready=503, **settings) as server:
            assert server.ask("GET", "/health/live")[0] == 200
            assert server.ask("GET", "/health/ready")[1]["switchedOff"] == ["REC-UA"]
            assert topics(cards(server, clinic)) == ["self-care"]

            switch(database.url, off=False)
            forwarder.start()
            server.wait_for(lambda: server.ask("GET", "/health/ready")[0] == 200)
            assert topics(cards(server, clinic)) == ["urine-testing", "self-care"]
    postgres.drop(database)
