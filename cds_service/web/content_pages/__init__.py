"""``/content``: the whole clinical content as pages, for those who review, change or question it.

Every page is made from the loaded content, on first request, and kept by the process: content
never changes while it runs. Beside it the pages show what the vignettes last found, from the file
``cds-service check`` leaves. Nothing here reads a call or a chart.
"""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, render_template, request

from cds_service.authoring.last_run import read_run
from cds_service.content import Content
from cds_service.fhir.errors import Issue
from cds_service.web.content_pages.index import Catalogue, address
from cds_service.web.content_pages.views import KINDS, Views
from cds_service.web.markdown import as_html
from cds_service.web.pages import error_page, serves

KEPT = 256  # pages kept by a process
MAX_QUERY = 100


def content_blueprint(content: Content, results: Path) -> Blueprint:
    """The pages of one content; ``results`` is the file with the last run of the vignettes."""
    routes = Blueprint("content", __name__, template_folder="../templates")
    catalogue = Catalogue(content)
    routes.add_app_template_global(address, "content_address")
    routes.add_app_template_filter(as_html, "markdown")

    @lru_cache(maxsize=KEPT)
    def page(kind: str, name: str, _stamp: int) -> str:
        views = Views(catalogue, read_run(results))
        found = views.index() if kind == "index" else views.page(kind, name)
        return render_template(f"content/{kind}.html", **found, **_always(content))

    @routes.get("/content")
    def index() -> str:
        query = " ".join(request.args.get("q", "").split())[:MAX_QUERY]
        if query:
            hits = catalogue.search(query)
            return render_template(
                "content/search.html", hits=hits, query=query, **_always(content)
            )
        return page("index", "", _stamp(results))

    @routes.get("/content/<kind>/<name>")
    def one(kind: str, name: str) -> Response | str:
        if kind not in KINDS or (kind, name) not in catalogue:
            words = "The content has no page at this address. The contents page lists all there is."
            return error_page(HTTPStatus.NOT_FOUND, Issue("not-found", words))
        return page(kind, name, _stamp(results))

    return routes


def _always(content: Content) -> dict[str, Any]:
    """What every page shows."""
    return {"content": content, "plan_route": serves("/fhir/PlanDefinition/any")}


def _stamp(results: Path) -> int:
    """Changes when the file does."""
    try:
        return results.stat().st_mtime_ns
    except OSError:
        return 0
