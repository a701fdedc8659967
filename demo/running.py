"""The whole demo as one thing that starts and stops: FHIR server, service, clinic."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from cds_service.content import find_root, load_content
from cds_service.pipeline import Pipeline
from demo.authorization import App
from demo.clinic.app import Clinic, clinic_app
from demo.clinic.why import WhyNot
from demo.ehr import DemoEhr
from demo.people import read_people, read_staff
from demo.servers import HOST, ClinicServer, Ports, PortTaken, ServiceProcess, listen

FORM_CLIENT = "dyspareunia-cds"
SITE_WORDS = {
    "site help-line": "555-0100, a made-up help line",
    "site crisis line": "555-0199, a made-up crisis line",
}
Say = Callable[[str], None]


class Demo:
    """``Demo(...).start()``; ``folder`` keeps what the FHIR server writes, ``settings`` are more
    environment variables of the service. Raises PortTaken before anything is started."""

    def __init__(
        self, ports: Ports, folder: Path, settings: Mapping[str, str], say: Say = print
    ) -> None:
        self.say = say
        self.service = f"http://{HOST}:{ports.service}"
        self.fhir = f"http://{HOST}:{ports.fhir}/fhir"
        self.origins = tuple(f"http://{host}:{ports.clinic}" for host in (HOST, "localhost"))
        self.clinic = self.origins[0]
        self.folder, self._ports = folder, ports
        self._token = secrets.token_urlsafe(24)
        self._settings = {**settings, **self._needed(settings)}
        self._closing = ExitStack()

    def _needed(self, settings: Mapping[str, str]) -> dict[str, str]:
        """What the service must be told so that the clinic can call it."""
        lists = {"CDS_CORS_ORIGINS": self.origins, "CDS_FHIR_SERVERS": (self.fhir,)}
        given = {**os.environ, **settings}
        joined = {k: ",".join(filter(None, (given.get(k), *v))) for k, v in lists.items()}
        token = given.get("CDS_REPORT_TOKEN") or self._token
        self._token = token
        return {
            "CDS_AUTH": "off",
            "CDS_PUBLIC_BASE_URL": self.service,
            "CDS_REPORT_TOKEN": token,
            "CDS_SITE_WORDS": json.dumps(SITE_WORDS),
            "CDS_CLINIC_URL": self.clinic,
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
        clinic_socket = listen(self._ports.clinic, "The clinic", "--clinic-port ...")
        self._closing.callback(clinic_socket.close)
        listen(self._ports.fhir, "The clinic's FHIR server", "--fhir-port ...").close()
        self.process = ServiceProcess(self._ports.service, self._settings)
        self._closing.callback(self.process.stop)
        # While the service starts in its own process, the rest starts here.
        content = load_content(find_root(None))
        form = content.questionnaire.resource
        people = read_people(form, datetime.now(UTC))
        chart = [dict(form), *read_staff(), *(r for person in people for r in person.resources)]
        self.ehr = DemoEhr(
            self.folder / "fhir", chart, [self._app()], port=self._ports.fhir, origins=self.origins
        ).start()
        self._closing.callback(self.ehr.stop)
        self.say(f"FHIR server with {len(people)} made-up people: {self.fhir}")
        why_not = WhyNot(Pipeline(content, f"{self.service}/intake"), self.fhir)
        self._closing.callback(why_not.client.close)
        clinic = Clinic(self.service, self.fhir, tuple(people), self._token, self._launch, why_not)
        server = ClinicServer(clinic_app(clinic), clinic_socket)
        self._closing.callback(server.stop)
        self.process.wait_until_ready()

    def _app(self) -> App:
        """The form, as it is registered with this EHR."""
        return App(FORM_CLIENT, (f"{self.service}/intake/callback",))

    def _launch(self, app: str, patient: str, encounter: str | None, context: str | None) -> str:
        """Raises LookupError for a patient the EHR does not have."""
        if patient not in {known for known, _ in self.ehr.people()}:
            raise LookupError(patient)
        return self.ehr.launch_url(app, patient, encounter=encounter, app_context=context)

    def stop(self) -> None:
        """Ends everything that was started, the last one first."""
        self._closing.close()


__all__ = ["Demo", "PortTaken", "Ports"]
