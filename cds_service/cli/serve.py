"""``cds-service serve``: the hooks over HTTP."""

from __future__ import annotations

import gc
import sys
from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import Literal

from cds_service import create_app
from cds_service.settings import Settings, read_settings, unknown_settings
from cds_service.telemetry import logs
from cds_service.telemetry.multiprocess import metrics_folder

EXAMPLE_DAY = "2026-11-22"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def run(options: Namespace) -> int:
    """Serves until stopped."""
    gc.disable()  # nothing made while loading is garbage (server.serve enables it)

    settings = read_settings()
    if settings.development and options.host not in LOOPBACK:
        raise RuntimeError(
            f"CDS_AUTH=off serves on a loopback address only, not on {options.host}: "
            "set CDS_AUTH and CDS_CLIENTS, or leave --host out"
        )
    logs.configure(_log_form(settings), settings.log_level)
    for name in unknown_settings():
        logs.LOG.warning("there is no such setting", setting=name)
    with metrics_folder():
        from cds_service.app.server import (  # noqa: PLC0415 - needs the folder
            check_address,
            check_store,
            serve,
        )

        check_address(options.host, options.port)
        check_store(settings)
        make = partial(create_app, settings)
        app = make()
        _greet(options.host, options.port, settings.auth)
        serve(app, settings, options.host, options.port, make)
    return 0


def _log_form(settings: Settings) -> Literal["json", "text"]:
    """People read text: on a terminal, and in development."""
    if settings.log_format != "auto":
        return settings.log_format
    return "text" if settings.development or sys.stderr.isatty() else "json"


def _greet(host: str, port: int, auth: str) -> None:
    """The address, and a call to try where the examples are at hand."""
    address = f"http://{host}:{port}"
    print(f"Dyspareunia CDS is starting on {address}")
    print("Draft clinical content, not approved by clinicians.")
    if auth == "off":
        print("AUTHENTICATION IS OFF: anybody on this machine can call it. Not for real patients.")
    example = Path("examples/patient-view-urinary-symptoms.json")
    if example.is_file():
        print("Try a call (the command moves the example's answers to today):\n")
        print(f'  sed "s/{EXAMPLE_DAY}/$(date -u +%F)/g" {example} | \\')
        print("    curl -sS -H 'Content-Type: application/json' --data-binary @- \\")
        print(f"    {address}/cds-services/dyspareunia-workup-patient-view\n", flush=True)
