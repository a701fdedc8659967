"""The clinic's own server: its pages, and the little a browser cannot or must not do itself.

Charts and cards never pass through here: the browser reads the FHIR server and calls the service
as any other client would, from another origin. What is here: pages, Markdown made safe, the
launch of the form, feedback counts (their token stays on this side), and "why".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from flask import Blueprint, Flask, Response, abort, redirect, render_template, request
from jinja2 import ChoiceLoader, PackageLoader

from cds_service.web.pages import static_blueprint
from demo.clinic.beside import beside
from demo.clinic.counts import counted
from demo.clinic.markdown import render, split
from demo.clinic.population import Population, population_pages
from demo.clinic.why import WhyNot, why
from demo.people import Person

HERE = Path(__file__).parent
REPORT_SECONDS = 5
MAX_BYTES = 5_000_000

Launch = Callable[[str, str, str | None, str | None], str]


@dataclass(frozen=True)
class Form:
    """A form beside the intake: its title and launch address, and who answers it."""

    title: str
    launch: str
    is_professional: bool


@dataclass(frozen=True)
class Clinic:
    """Where everything is. ``launch`` makes the address that opens a SMART app for a patient
    (app's launch address, patient, encounter, context of the card); ``why_not`` evaluates,
    ``population`` makes the report of many people. A form
    for professionals opens for ``clinician``, every other one for the patient."""

    service: str
    fhir: str
    people: tuple[Person, ...]
    report_token: str
    launch: Launch
    why_not: WhyNot
    population: Population
    forms: tuple[Form, ...] = ()
    clinician: str = "Practitioner/dr-okonjo"
    origins: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        found = (f"{p.scheme}://{p.netloc}" for p in map(urlsplit, (self.service, self.fhir)))
        object.__setattr__(self, "origins", tuple(found))

    @property
    def for_professionals(self) -> set[str]:
        """The launch addresses of forms that professionals answer."""
        return {form.launch for form in self.forms if form.is_professional}


def clinic_app(clinic: Clinic) -> Flask:
    """The clinic as a WSGI application."""
    app = Flask(__name__, static_folder="static", static_url_path="/clinic")
    app.config["MAX_CONTENT_LENGTH"] = MAX_BYTES
    loaders = (app.jinja_loader, PackageLoader("cds_service.web"))  # the form's own drawings
    app.jinja_loader = ChoiceLoader([one for one in loaders if one])  # type: ignore[method-assign]
    app.register_blueprint(static_blueprint())  # the service's style sheet, not a copy of it
    app.register_blueprint(_pages(clinic))
    app.register_blueprint(_services(clinic))
    app.register_blueprint(population_pages(clinic.population))
    policy = _policy(clinic)

    @app.context_processor
    def common() -> dict[str, Any]:
        return {"clinic": clinic}

    @app.after_request
    def secure(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        return response

    return app


def _policy(clinic: Clinic) -> str:
    """Nothing inline, nothing from elsewhere; only the service and the FHIR server are called."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            f"connect-src 'self' {' '.join(clinic.origins)}",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def _pages(clinic: Clinic) -> Blueprint:
    routes = Blueprint("clinic", __name__)
    samples = {person.id: person for person in clinic.people}

    @routes.get("/")
    def people() -> str:
        return render_template("people.html", people=clinic.people)

    @routes.get("/people/<patient>")
    def chart(patient: str) -> str:
        return render_template("chart.html", patient=patient, sample=samples.get(patient))

    @routes.get("/people/<patient>/form")
    def form(patient: str) -> Any:
        return _launched(clinic, f"{clinic.service}/intake/launch", patient)

    @routes.get("/people/<patient>/app")
    def app(patient: str) -> Any:
        """A card's SMART link. Only the service's own apps are opened."""
        url = request.args.get("url", "")
        if not url.startswith(f"{clinic.service}/"):
            abort(HTTPStatus.BAD_REQUEST)
        return _launched(clinic, url, patient)

    @routes.get("/favicon.ico")
    def icon() -> tuple[str, int]:
        return "", HTTPStatus.NO_CONTENT

    @routes.get("/feedback")
    def feedback() -> str:
        return render_template("feedback.html")

    @routes.post("/why")
    def why_page() -> str:
        sent = (request.form.get(name, "") for name in ("request", "shown", "settled"))
        return render_template("why.html", **why(clinic.why_not, *sent))

    return routes


def _launched(clinic: Clinic, app: str, patient: str) -> Any:
    asked = request.args
    try:
        return redirect(clinic.launch(app, patient, asked.get("encounter"), asked.get("context")))
    except LookupError:
        abort(HTTPStatus.NOT_FOUND)


def _services(clinic: Clinic) -> Blueprint:
    routes = Blueprint("clinic_services", __name__)

    @routes.post("/markdown")
    def markdown() -> dict[str, list[dict[str, str]]]:
        """``{"markdown": [text, ...]}`` -> ``{"cards": [{"lead": html, "rest": html}]}``, safe to
        show."""
        body = request.get_json()
        if not isinstance(body, dict) or not isinstance(body.get("markdown"), list):
            abort(HTTPStatus.BAD_REQUEST)
        parts = (split(str(text)) for text in body["markdown"])
        return {"cards": [{"lead": render(lead), "rest": render(rest)} for lead, rest in parts]}

    @routes.post("/beside")
    def beside_cards() -> Any:
        """Returns the cards that were put away, and the timeline."""
        body = request.get_json()
        if not isinstance(body, dict):
            abort(HTTPStatus.BAD_REQUEST)
        return beside(clinic.why_not, body)

    @routes.get("/counts")
    def counts() -> Any:
        """The service's feedback report; its token never reaches the browser."""
        try:
            answer = httpx.get(
                f"{clinic.service}/reports/feedback.json",
                headers={"Authorization": f"Bearer {clinic.report_token}"},
                timeout=REPORT_SECONDS,
                trust_env=False,
            )
        except httpx.HTTPError:
            return {"error": "The service cannot be reached."}, HTTPStatus.BAD_GATEWAY
        if answer.is_error:
            return Response(answer.content, answer.status_code, content_type="application/json")
        return {"cards": counted(clinic.why_not.pipeline.content, answer.json())}

    return routes
