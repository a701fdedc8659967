"""``/content``: the whole clinical content as pages, for those who review, change or question it.

Every page is made from the loaded content, on first request, and kept by the process: content
never changes while it runs. Beside it the pages show what the vignettes last found, from the file
``cds-service check`` leaves. Nothing here reads a call or a chart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, g, render_template, request

from cds_service.authoring.last_run import read_run
from cds_service.content import Content
from cds_service.fhir.errors import Issue
from cds_service.hooks.pipeline import Pipeline
from cds_service.web.content_pages.headings import headings, with_ids
from cds_service.web.content_pages.index import ContentIndex, address
from cds_service.web.content_pages.previews import Previews
from cds_service.web.content_pages.search import search
from cds_service.web.content_pages.sheet import sheet_blocks
from cds_service.web.content_pages.views import KINDS, Views
from cds_service.web.diagram import Link
from cds_service.web.markdown import as_html
from cds_service.web.pages import FURTHER, error_page, serves

KEPT = 256  # pages kept by a process
MAX_QUERY = 100


@dataclass(frozen=True, slots=True)
class ContentPages:
    """The parts the routes use; ``results`` is the file with the last run of the vignettes."""

    content: Content
    catalogue: ContentIndex
    previews: Previews
    results: Path
    made: Callable[[str, str, int], str]  # kind, name, stamp of the results -> HTML


def content_blueprint(pipeline: Pipeline, results: Path) -> Blueprint:
    """Returns the routes of the pages of a pipeline's content, below the path of its topic."""
    path = pipeline.topic_path
    name = f"content{FURTHER}{pipeline.content.topic}" if path else "content"
    routes = Blueprint(name, __name__, template_folder="../templates", url_prefix=path or None)
    routes.before_request(partial(_begin, path))
    routes.add_app_template_global(_address, "content_address")
    routes.add_app_template_global(_topic_path, "topic_path")
    routes.add_app_template_filter(as_html, "markdown")
    routes.add_app_template_filter(with_ids, "with_ids")
    routes.add_app_template_filter(headings, "headings")
    catalogue, previews = ContentIndex(pipeline.content), Previews(pipeline)
    made = lru_cache(maxsize=KEPT)(partial(_made, catalogue, previews, results))
    pages = ContentPages(pipeline.content, catalogue, previews, results, made)
    routes.add_url_rule("/content", "index", partial(_index, pages))
    routes.add_url_rule("/content/sheet", "sheet", partial(_sheet, pages))
    routes.add_url_rule("/content/<kind>/<name>", "one", partial(_one, pages))
    return routes


def _begin(path: str) -> None:
    g.topic_path = path


def _topic_path() -> str:
    """The text before the addresses of the topic that the request is about; none outside of it."""
    return str(g.get("topic_path", ""))


def _address(link: Link) -> str:
    return f"{_topic_path()}{address(link)}"


def _made(
    catalogue: ContentIndex, previews: Previews, results: Path, kind: str, name: str, _stamp: int
) -> str:
    """Returns a page as HTML; ``_stamp`` changes with the file of results."""
    views = Views(catalogue, previews, read_run(results))
    values = views.index() if kind == "index" else views.page(kind, name)
    return render_template(f"content/{kind}.html", **values, **_always(catalogue.content))


def _index(pages: ContentPages) -> str:
    """``GET /content``: the table of contents, or with ``q`` what the search finds."""
    query = " ".join(request.args.get("q", "").split())[:MAX_QUERY]
    if not query:
        return pages.made("index", "", _stamp(pages.results))
    hits = search(list(pages.catalogue.entries.values()), query)
    return render_template("content/search.html", hits=hits, query=query, **_always(pages.content))


def _sheet(pages: ContentPages) -> str:
    """``GET /content/sheet``: the lines of the self-care sheet, to tick and to print."""
    blocks = sheet_blocks(pages.content)
    return render_template("content/sheet.html", blocks=blocks, **_always(pages.content))


def _one(pages: ContentPages, kind: str, name: str) -> Response | str:
    """``GET /content/[kind]/[name]``: one page, or 404."""
    if kind not in KINDS or (kind, name) not in pages.catalogue:
        words = "The content has no page at this address. The contents page lists all there is."
        return error_page(HTTPStatus.NOT_FOUND, Issue("not-found", words))
    return pages.made(kind, name, _stamp(pages.results))


def _always(content: Content) -> dict[str, Any]:
    """Returns the values that every page needs."""
    return {"content": content, "plan_route": serves(f"{_topic_path()}/fhir/PlanDefinition/any")}


def _stamp(results: Path) -> int:
    """Changes when the file does."""
    try:
        return results.stat().st_mtime_ns
    except OSError:
        return 0
