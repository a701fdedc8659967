"""The whole demo as one thing that starts and stops: FHIR server, service, clinic."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from demo.servers import HOST, Ports, PortTaken, ServiceProcess, listen

if TYPE_CHECKING:
    from demo.ehr import DemoEhr

FORM_CLIENT = "dyspareunia-cds"
SITE_WORDS = {
    "site help-line": "555-0100, a made-up help line",
    "site crisis line": "555-0199, a made-up crisis line",
}
Say = Callable[[str], None]


class Demo:
    """``Demo(...).start()``; ``folder`` keeps what the FHIR server writes, ``settings`` are more
    environment variables of the service, ``elsewhere`` is a FHIR server to use instead of an own
    one. Raises PortTaken before anything is started."""

    def __init__(
        self,
        ports: Ports,
        folder: Path,
        settings: Mapping[str, str],
        say: Say = print,
        elsewhere: str | None = None,
    ) -> None:
        self.say, self.elsewhere = say, elsewhere
        self.service = f"http://{HOST}:{ports.service}"
        self.fhir = f"http://{HOST}:{ports.fhir}/fhir"
        self.origins = tuple(f"http://{host}:{ports.clinic}" for host in (HOST, "localhost"))
        self.clinic = self.origins[0]
        self.folder, self.ports = folder, ports
        content = _given("CDS_CONTENT", settings)
        self.content = Path(content.partition(",")[0]) if content else None  # the main topic
        self.token = _given("CDS_REPORT_TOKEN", settings) or secrets.token_urlsafe(24)
        self._settings = {**settings, **self._needed(settings)}
        self.closing = ExitStack()

    def _needed(self, settings: Mapping[str, str]) -> dict[str, str]:
        """What the service must be told so that the clinic can call it."""
        lists = {"CDS_CORS_ORIGINS": self.origins, "CDS_FHIR_SERVERS": (self.fhir,)}
        joined = {k: ",".join(filter(None, (_given(k, settings), *v))) for k, v in lists.items()}
        return {
            "CDS_AUTH": "off",
            "CDS_PUBLIC_BASE_URL": self.service,
            "CDS_CLINIC_URL": self.clinic,
            "CDS_REPORT_TOKEN": self.token,
            "CDS_SITE_WORDS": json.dumps(SITE_WORDS),
            "CDS_SMART_ISSUER": self.fhir,
            "CDS_SMART_CLIENT_ID": FORM_CLIENT,
            **joined,
        }

    def start(self) -> Demo:
        """Returns when all three answer; what was started is stopped when one cannot."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self) -> None:
        clinic_socket = listen(self.ports.clinic, "The clinic", "--clinic-port ...")
        self.closing.callback(clinic_socket.close)
        listen(self.ports.fhir, "The clinic's FHIR server", "--fhir-port ...").close()
        self.say("Starting the service, a FHIR server with made-up people, and a clinic ...")
        self.process = ServiceProcess(self.ports.service, self._settings)
        self.closing.callback(self.process.stop)
        # Takes a second or two to import: meanwhile the service starts in its own process.
        from demo.opening import open_clinic  # noqa: PLC0415

        self.ehr: DemoEhr = open_clinic(self, clinic_socket)
        self.process.wait_until_ready()

    def stop(self) -> None:
        """Ends everything that was started, the last one first."""
        self.closing.close()


def _given(name: str, settings: Mapping[str, str]) -> str | None:
    """A setting of the operator's own, which is kept."""
    return settings.get(name, os.environ.get(name))


__all__ = ["Demo", "PortTaken", "Ports"]
