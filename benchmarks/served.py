"""A real server on loopback: started, called, weighed and ended by its pid."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from http.client import HTTPConnection
from itertools import cycle
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from threading import Thread

TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 30  # seconds


@dataclass
class Measured:
    """What a server took for the calls."""

    ready_s: float
    cpu_ms: float
    calls_s: float
    p50_ms: float
    p99_ms: float
    alone_ms: float
    resident_mib: float
    private_mib: float


def middle(runs: Sequence[Measured]) -> Measured:
    """The median of each number over several runs."""
    names = (each.name for each in fields(Measured))
    return Measured(**{name: median(getattr(run, name) for run in runs) for name in names})


@dataclass
class Server:
    """A running server; ``pid`` is gunicorn's master."""

    port: int
    pid: int
    ready_s: float
    workers: list[int] = field(default_factory=list)
    database_url: str = ""


@contextmanager
def running(
    command: list[str], port: int, ready: str = "/health/ready", **environment: str
) -> Iterator[Server]:
    """Starts a command that serves on the port, with a store of its own, and ends it again."""
    with TemporaryDirectory() as folder:
        given = {
            "PATH": os.environ.get("PATH", ""),
            "CDS_AUTH": "off",
            "CDS_WORKERS": "2",
            "CDS_DATABASE_URL": f"sqlite:///{folder}/cds.sqlite3",
            "CDS_KEY_FILE": f"{folder}/cds.key",
        }
        began = time.perf_counter()
        with _process(command, given | environment) as process:
            _wait_until_ready(process, port, ready, began)
            took = time.perf_counter() - began
            time.sleep(0.5)  # until the second worker is there as well
            url = (given | environment)["CDS_DATABASE_URL"]
            yield Server(port, process.pid, took, children(process.pid), url)


@contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen]:
    process = subprocess.Popen(
        command,
        env=environment,
        cwd=Path(__file__).parent.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def service_command(port: int) -> list[str]:
    """The service as it is run."""
    beside = Path(sys.executable).parent / "cds-service"
    return [str(beside), "serve", "--host", "127.0.0.1", "--port", str(port)]


def echo_command(port: int) -> list[str]:
    """The bare echo."""
    return [sys.executable, "-m", "benchmarks.echo", str(port)]


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def measure(
    server: Server, path: str, bodies: Sequence[bytes], calls: int, clients: int = 8
) -> Measured:
    """Calls one at a time, then by several clients at once; the bodies take turns."""
    calls_of(server.port, path, bodies, calls // 4, clients)  # every worker and thread is warm
    alone = calls_of(server.port, path, bodies, 60, 1)
    cpu, began = cpu_s(server.workers), time.perf_counter()
    times = calls_of(server.port, path, bodies, calls, clients)
    took, cpu = time.perf_counter() - began, cpu_s(server.workers) - cpu
    return Measured(
        ready_s=server.ready_s,
        cpu_ms=cpu / len(times) * 1000,
        calls_s=len(times) / took,
        p50_ms=median(times),
        p99_ms=quantiles(times, n=100)[98],
        alone_ms=median(alone),
        resident_mib=median(memory(pid, "Rss") for pid in server.workers),
        private_mib=median(
            memory(pid, "Private_Dirty") + memory(pid, "Private_Clean") for pid in server.workers
        ),
    )


def calls_of(
    port: int, path: str, bodies: Sequence[bytes], calls: int, clients: int
) -> list[float]:
    """Milliseconds of each call, by clients that keep their connection."""
    turns = cycle(bodies)
    times: list[float] = []
    failures: list[Exception] = []

    def client() -> None:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            for _ in range(max(1, calls // clients)):
                began = time.perf_counter()
                connection.request("POST", path, next(turns), {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    raise RuntimeError(f"{path} answered {answer.status}")
                times.append((time.perf_counter() - began) * 1000)
            connection.close()
        except Exception as error:
            failures.append(error)

    threads = [Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return times


def _wait_until_ready(process: subprocess.Popen, port: int, path: str, began: float) -> None:
    while time.perf_counter() - began < PATIENCE:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with status {process.returncode}")
        connection = HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.01)
        finally:
            connection.close()
    raise RuntimeError("the server was not ready in time")


def children(pid: int) -> list[int]:
    """The processes that a process started: a master's workers."""
    return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def cpu_s(pids: list[int]) -> float:
    """User and system time of the processes so far."""
    seconds = 0.0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        seconds += (int(fields[11]) + int(fields[12])) / TICKS
    return seconds


def memory(pid: int, name: str) -> float:
    """MiB of one kind of a process's memory."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024
