"""The start page: what this is, and the way to everything else."""

from __future__ import annotations

from flask import Blueprint, render_template

from cds_service.desk import Desk


def site_blueprint(desk: Desk) -> Blueprint:
    """``/``."""
    routes = Blueprint("site", __name__, template_folder="templates")
    content = desk.pipeline.content

    @routes.get("/")
    def start() -> str:
        services = list(desk.pipeline.services.values())
        return render_template("start.html", content=content, services=services)

    return routes
