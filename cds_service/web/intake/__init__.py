"""The patient's form: any Questionnaire, one step after the other, with or without a script."""

from __future__ import annotations

from flask import Blueprint, render_template

from cds_service.desk import Desk
from cds_service.web.intake.cookie import SessionCookie
from cds_service.web.sessions import Sessions

__all__ = ["SessionCookie", "intake_blueprint"]


def intake_blueprint(desk: Desk, sessions: Sessions, cookie: SessionCookie) -> Blueprint:
    """``/intake`` and all below it."""
    routes = Blueprint("intake", __name__, template_folder="../templates")
    form = desk.pipeline.content.questionnaire.resource

    @routes.get("/intake")
    def start() -> str:
        return render_template("intake/start.html", form=form)

    @routes.get("/intake/print")
    def printed() -> str:
        return render_template("intake/print.html", form=form)

    return routes
