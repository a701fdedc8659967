"""Runs the service and, beside it, the clinic to see it in: ``python -m demo``, ``make run``."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import threading
from functools import partial
from pathlib import Path

from demo.running import Demo
from demo.servers import Ports, PortTaken, ServiceProcess, listen

FHIR_PORT, CLINIC_PORT = ("python -m demo --fhir-port ...", "python -m demo --clinic-port ...")
FOLDER = Path("var/demo")
WATCH_SECONDS = 0.3


def main() -> int:
    """Exit status: 0 stopped, 2 cannot run, else that of the service."""
    options = _options()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    settings = _fresh() if options.fresh else {}
    ports = Ports(
        options.port,
        options.fhir_port or options.port + 1,
        options.clinic_port or options.port + 2,
    )
    try:
        lacking = _why_no_clinic(ports)
        if lacking:
            print(f"The clinic is not started: {lacking}", flush=True)
            return _service_alone(ports.service, settings, stop)
        return _with_clinic(ports, settings, stop, options.fhir_server)
    except RuntimeError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--port", type=int, default=8080, help="of the service")
    parser.add_argument("--fhir-port", type=int, help="of the FHIR server (the next one)")
    parser.add_argument("--clinic-port", type=int, help="of the clinic (the one after that)")
    parser.add_argument("--fhir-server", help="FHIR base URL to use instead of an own server")
    parser.add_argument("--fresh", action="store_true", help="forget what became of cards before")
    return parser.parse_args()


def _fresh() -> dict[str, str]:
    """A store of the demo's own, emptied."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    return {"CDS_DATABASE_URL": f"sqlite:///{FOLDER}/cds.sqlite3"}


def _why_no_clinic(ports: Ports) -> str | None:
    """Why only the service can run, if so."""
    if os.environ.get("CDS_AUTH", "off") != "off":
        return "CDS_AUTH is not off, and a clinic in a browser has no token to send."
    try:
        listen(ports.fhir, "Its FHIR server", FHIR_PORT).close()
        listen(ports.clinic, "It", CLINIC_PORT).close()
    except PortTaken as error:
        return str(error)
    return None


def _service_alone(port: int, settings: dict[str, str], stop: threading.Event) -> int:
    process = ServiceProcess(port, settings)
    try:
        return _watch(process, stop)
    finally:
        process.stop()


def _with_clinic(
    ports: Ports, settings: dict[str, str], stop: threading.Event, elsewhere: str | None
) -> int:
    say = partial(print, flush=True)
    demo = Demo(ports, FOLDER, settings, say, elsewhere).start()
    try:
        print(f"\nOpen the clinic: {demo.clinic}", flush=True)
        print("Ctrl-C stops everything.\n", flush=True)
        return _watch(demo.process, stop)
    finally:
        demo.stop()


def _watch(service: ServiceProcess, stop: threading.Event) -> int:
    """Until somebody stops it, or the service ends by itself."""
    while not stop.wait(WATCH_SECONDS):
        status = service.process.poll()
        if status is not None:
            return status
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
