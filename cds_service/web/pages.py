"""Parts that all pages share: their headers, its static files, and errors in words."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, current_app, render_template, request
from werkzeug.exceptions import HTTPException

from cds_service.fhir.errors import Issue

# Blueprints whose answers are pages: their errors are pages too.
PAGES = {"site", "intake", "intakes", "moved", "launch", "launchs", "content", "reports"}
FURTHER = "@"  # in the name of a blueprint: the pages of a further topic
HTML, JSON = "text/html", {"application/json", "application/fhir+json"}
STATIC_SECONDS = 3600
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


def static_blueprint() -> Blueprint:
    """The style sheet, scripts and pictures under ``/static``."""
    return Blueprint("static_files", __name__, static_folder="static", static_url_path="/static")


def add_page_headers(app: Flask) -> None:
    """A strict policy on every page: nothing inline, nothing from elsewhere, in nobody's frame."""

    @app.after_request
    def secure(response: Response) -> Response:
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        # Nothing goes elsewhere; with no-referrer, our own posts would say "Origin: null".
        response.headers.setdefault("Referrer-Policy", "same-origin")
        if response.mimetype == "text/html":
            response.headers.setdefault("Content-Security-Policy", POLICY)
            response.headers.setdefault("Cache-Control", "no-store")
        if request.blueprint == "static_files":
            response.cache_control.public = True
            response.cache_control.max_age = STATIC_SECONDS
        return response


def wants_page() -> bool:
    """The request was for a page, so an error is told as one: at the address of a page, or by a
    browser at an address that does not exist. JSON is for who asks for it."""
    named = {kind for kind, _quality in request.accept_mimetypes}
    if request.blueprint is None:
        return HTML in named
    is_page = request.blueprint.partition(FURTHER)[0] in PAGES
    return is_page and (HTML in named or named.isdisjoint(JSON))


def error_page(status: int, *issues: Issue) -> Response:
    """An error as a page: what is wrong and what to do next."""
    return Response(render_template("error.html", issues=issues), status, mimetype="text/html")


def serves(path: str) -> bool:
    """Checks whether this application answers GET at an address."""
    try:
        current_app.url_map.bind("").match(path, method="GET")
    except HTTPException:
        return False
    return True
