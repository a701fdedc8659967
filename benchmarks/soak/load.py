"""Mixed calls at several numbers of connections, beside a bare echo of the same bodies."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.served import (
    Server,
    cpu_s,
    echo_command,
    free_port,
    memory,
    running,
    service_command,
)
from benchmarks.soak.expecting import expect
from benchmarks.soak.mix import Sent, echoed, mix, written
from benchmarks.soak.plain_load import plain_load
from benchmarks.soak.traffic import Visits

CONNECTIONS = (1, 8, 64)
LUA = Path(__file__).parent / "mixed.lua"


@dataclass(frozen=True)
class Carried:
    """What a server carried at a number of connections."""

    connections: int
    calls_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    resident_mib: float
    failed: int
    broken: int


Load = Callable[[int, list[Sent], int, float], dict[str, float]]


def measure(
    visits: Visits, seconds: float, say: Callable[[str], None], connections: tuple[int, ...]
) -> list[tuple[Carried, Carried]]:
    """(service, echo) for each number of connections, each measured for that long."""
    load = _with_wrk
    if shutil.which("wrk") is None:
        say("wrk is not here: the load comes from Python threads, which take more of the machine")
        load = plain_load
    requests, found = mix(visits), []
    with ExitStack() as servers:
        ports = free_port(), free_port()
        service = servers.enter_context(running(service_command(ports[0]), ports[0]))
        echo = servers.enter_context(running(echo_command(ports[1]), ports[1]))
        for number in connections:
            floor = _carried(load, echo, echoed(requests), number, seconds)
            own = _carried(load, service, requests, number, seconds)
            expect(not own.failed, f"{own.failed} answers were 5xx with {number} connections")
            expect(not own.broken, f"{own.broken} connections broke of {number}")
            found.append((own, floor))
            for line in lines(own, floor):
                say(line)
    return found


def lines(own: Carried, floor: Carried) -> list[str]:
    """A table of one number of connections."""
    rows = (
        ("calls a second", own.calls_s, floor.calls_s, "/s"),
        ("p50", own.p50_ms, floor.p50_ms, "ms"),
        ("p99", own.p99_ms, floor.p99_ms, "ms"),
        ("CPU a call", own.cpu_ms, floor.cpu_ms, "ms"),
        ("resident in a worker", own.resident_mib, floor.resident_mib, "MiB"),
    )
    head = f"{own.connections} connections".ljust(24) + "service".rjust(10) + "echo".rjust(10)
    return [
        f"  {head}{'ratio':>9}",
        *(f"    {n:<22}{a:>10.1f}{b:>10.1f}{a / max(b, 1e-9):>9.2f} {u}" for n, a, b, u in rows),
    ]


def _carried(
    load: Load, server: Server, requests: list[Sent], connections: int, seconds: float
) -> Carried:
    load(server.port, requests, connections, min(1.0, seconds))  # warm
    before = cpu_s(server.workers)
    told = load(server.port, requests, connections, seconds)
    spent = cpu_s(server.workers) - before
    calls = told["good"] + told["refused"] + told["failed"]
    return Carried(
        connections,
        calls / told["seconds"],
        told["p50_ms"],
        told["p99_ms"],
        1000 * spent / max(calls, 1),
        median(memory(pid, "Rss") for pid in server.workers),
        int(told["failed"]),
        int(told["broken"]),
    )


def _with_wrk(port: int, requests: list[Sent], connections: int, seconds: float) -> dict:
    with TemporaryDirectory() as folder:
        mixed = written(requests, Path(folder))
        command = [
            *("wrk", "--threads", str(min(2, connections)), "--connections", str(connections)),
            *("--duration", f"{max(1, round(seconds))}s", "--timeout", "30s"),
            *("--script", str(LUA), f"http://127.0.0.1:{port}"),
        ]
        given = os.environ | {"SOAK_MIX": str(mixed)}
        done = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
    told = [line for line in done.stdout.splitlines() if line.startswith("SOAK ")]
    expect(told, f"wrk said nothing: {done.stderr[-300:]}")
    return dict(json.loads(told[-1].removeprefix("SOAK ")))
