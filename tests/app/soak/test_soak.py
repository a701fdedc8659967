"""The soak in short: each fault once, and a moment of load, against ``cds-service serve``.

``make soak`` does the same for minutes. ``pytest -m 'not soak'`` leaves these out.
"""

from __future__ import annotations

import shutil
from importlib import import_module

import pytest

from benchmarks.soak.expecting import Disappointed
from benchmarks.soak.faults import FAULTS, Skipped
from benchmarks.soak.load import measure
from benchmarks.soak.mix import mix
from benchmarks.soak.plain_load import plain_load
from benchmarks.soak.traffic import Traffic, Visits

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def visits() -> Visits:
    return Visits(people=32)


@pytest.mark.parametrize("fault", FAULTS)
def test_the_service_holds(visits: Visits, fault: str) -> None:
    check = import_module(f"benchmarks.soak.faults.{fault.replace('-', '_')}").check
    try:
        check(visits, 0.5)
    except Skipped as why:
        pytest.skip(str(why))


def test_no_answer_under_load_is_a_failure_of_ours(visits: Visits) -> None:
    said: list[str] = []

    found = measure(visits, 1.0, said.append, (8,))

    ((own, floor),) = found
    assert own.calls_s > 0
    assert floor.calls_s > own.calls_s
    assert (shutil.which("wrk") is None) is any("wrk is not here" in line for line in said)


# -- the soak itself: what it counts, it notices ------------------------------------------------


def test_the_load_without_wrk_counts_what_fails(visits: Visits) -> None:
    import http.server
    import threading

    class Broken(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(500 if self.command == "POST" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = answer

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Broken) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        told = plain_load(server.server_port, mix(visits), 2, 0.3)
        server.shutdown()
        thread.join()

    assert told["failed"] > 0
    assert told["refused"] > 0
    assert told["good"] == told["broken"] == 0


def test_lost_feedback_would_be_noticed(visits: Visits, tmp_path: object) -> None:
    import sqlite3
    from datetime import UTC, datetime

    traffic = Traffic(1, visits)
    traffic.acknowledged.add(datetime(2026, 1, 1, tzinfo=UTC))
    with sqlite3.connect(f"{tmp_path}/empty.sqlite3") as database:
        database.execute("CREATE TABLE feedback (outcome_at TEXT)")

    with pytest.raises(Disappointed, match="1 of 1 acknowledged items are lost"):
        traffic.expect_all_kept(f"sqlite:///{tmp_path}/empty.sqlite3")
