"""Opens the clinic: its FHIR server with the sample people, and its pages."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime

from cds_service.content import Content, find_root, load_content
from cds_service.content.model import AnsweredBy
from cds_service.hooks.pipeline import Pipeline
from cds_service.web.form.addresses import home_of
from demo.authorization import App
from demo.clinic.app import Clinic, Form, clinic_app
from demo.clinic.population import Population
from demo.clinic.why import WhyNot
from demo.ehr import DemoEhr
from demo.people import read_people, read_staff
from demo.running import FORM_CLIENT, SITE_WORDS, Demo
from demo.servers import ClinicServer


def _forms(content: Content, service: str) -> Iterator[Form]:
    """The forms beside the needed one, as the clinic opens them."""
    for form in content.forms:
        if not form.is_needed:
            is_professional = form.answered_by is AnsweredBy.PROFESSIONAL
            launch = f"{service}{home_of(form.id)}/launch"
            yield Form(form.resource["title"], launch, is_professional)


def open_clinic(demo: Demo, listening: socket.socket) -> DemoEhr:
    """Serves both; how to end them is put on ``demo.closing``."""
    root = find_root(demo.content)
    content = load_content(root, SITE_WORDS)  # as the service loads it
    questionnaires = [form.resource for form in content.forms]
    people = read_people(questionnaires, datetime.now(UTC))
    chart = [
        *map(dict, questionnaires),
        *read_staff(),
        *(r for person in people for r in person.resources),
    ]
    app = App(FORM_CLIENT, (f"{demo.service}/intake/callback",))  # as it is registered here
    folder, port = demo.folder / "fhir", demo.ports.fhir
    ehr = DemoEhr(
        folder, chart, [app], port=port, origins=demo.origins, elsewhere=demo.elsewhere
    ).start()
    demo.closing.callback(ehr.stop)
    demo.say(f"FHIR server with {len(people)} made-up people: {demo.fhir}")
    why_not = WhyNot(Pipeline(content, f"{demo.service}/intake"), demo.fhir)
    demo.closing.callback(why_not.client.close)
    population = Population(root)
    demo.closing.callback(population.stop)

    def launch(app: str, patient: str, encounter: str | None, context: str | None) -> str:
        if patient not in {known for known, _ in ehr.people()}:
            raise LookupError(patient)
        user = clinic.clinician if app in clinic.for_professionals else None
        return ehr.launch_url(app, patient, encounter=encounter, app_context=context, user=user)

    forms = tuple(_forms(content, demo.service))
    clinic = Clinic(
        demo.service, demo.fhir, tuple(people), demo.token, launch, why_not, population, forms
    )
    server = ClinicServer(clinic_app(clinic), listening)
    demo.closing.callback(server.stop)
    return ehr
