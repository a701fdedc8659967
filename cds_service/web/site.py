"""The start page: what this is, and the way to everything else."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

from flask import Blueprint, render_template

from cds_service.content.overview import is_flag
from cds_service.hooks.calls import HookCalls
from cds_service.web.form.addresses import home_of
from cds_service.web.pages import serves

PICTURE = Path(__file__).with_name("static") / "cards.svg"
# Address, what stands there and for whom; those this application does not serve are left out.
LINKS = (
    ("/intake", "The patient's form", "the questions, one step at a time"),
    ("/content", "The clinical content", "causes, red flags, cards and rules, drawn and explained"),
    ("/cds-services", "Discovery", "the services with their prefetch, as an EHR reads them"),
    ("/openapi.json", "API description", "every address, as OpenAPI"),
    ("/fhir/metadata", "FHIR capabilities", "the content as FHIR resources, to read and search"),
    ("/health/ready", "Health", "content version, and whether the store answers"),
)


def site_blueprint(desk: HookCalls, clinic: str | None) -> Blueprint:
    """``/``; ``clinic`` is the address of a clinic page to try, if there is one."""
    routes = Blueprint("site", __name__, template_folder="templates")
    content = desk.pipeline.content
    flags = sum(is_flag(source) for source in content.sources)
    numbers = {
        "flags": flags,
        "causes": len(content.sources) - flags,
        "questions": sum(
            i.kind not in ("display", "group") for i in content.questionnaire.items.values()
        ),
        "picture_height": _height(PICTURE),
    }

    forms = [
        (home_of(form.id), form.resource["title"], f"a form for a {form.answered_by}")
        for one in desk.pipelines
        for form in one.content.forms
        if one is not desk.pipeline or not form.is_needed
    ]
    topics = [
        (f"{one.topic_path}/content", one.content.strategy.plan["title"], "a further topic")
        for one in desk.pipelines[1:]
    ]

    @routes.get("/")
    def start() -> str:
        return render_template(
            "start.html",
            content=content,
            services=list(desk.services()),
            clinic=clinic,
            links=[
                link
                for link in (*LINKS[:1], *forms, *LINKS[1:2], *topics, *LINKS[2:])
                if serves(link[0])
            ],
            version=version("dyspareunia-cds"),
            **numbers,
        )

    return routes


def _height(picture: Path) -> str:
    """The picture's own height, so that the page does not move when it arrives."""
    found = re.search(r'height="(\d+)"', picture.read_text(encoding="utf-8")[:500])
    return found[1] if found else "600"
