"""Workers are killed (SIGKILL) under load: no acknowledged feedback is lost."""

import os
import signal
import time

from benchmarks.served import children, free_port, running, service_command
from benchmarks.soak.expecting import expect
from benchmarks.soak.traffic import Traffic, Visits


def check(visits: Visits, seconds: float) -> str:
    """One worker every second."""
    port = free_port()
    with running(service_command(port), port) as server:
        traffic, killed = Traffic(port, visits), 0
        with traffic.flowing():
            until = time.monotonic() + seconds
            while time.monotonic() < until or killed < 2:
                time.sleep(1)
                os.kill(children(server.pid)[killed % 2], signal.SIGKILL)
                killed += 1
            traffic.wait_for("feedback", 200)
        expect(not traffic.unexpected(), f"answers: {traffic.unexpected()}")
        traffic.expect_all_kept(server.database_url)
    kept = len(traffic.acknowledged)
    return f"{killed} workers killed, {traffic.broken} connections cut, {kept} items kept"
