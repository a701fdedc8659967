"""``/reports``: what became of the cards, as a page for operators.

The page needs the token of the reports as JSON and CSV, sent as the password of Basic
authentication, which a browser asks for. It names no patient, and no date finer than a week.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, render_template, request
from pydantic import SecretStr

from cds_service.access.operators import is_operator
from cds_service.content import Content
from cds_service.fhir.dates import Clock
from cds_service.fhir.errors import Issue, NotServed
from cds_service.store import Store, StoreUnavailable
from cds_service.store.report import Row, summarise
from cds_service.web.pages import error_page
from cds_service.web.reports.cards import card_reports

PERIODS = (4, 13, 26, 52)  # weeks
WEEKS = 13


@dataclass(frozen=True, slots=True)
class Filter:
    """The subject of a report; ``client`` and ``version`` are empty for all."""

    weeks: int = WEEKS
    client: str = ""
    version: str = ""

    @property
    def address(self) -> str:
        """The address of the page with this filter."""
        values = {"weeks": self.weeks, "client": self.client, "version": self.version}
        return f"/reports?{urlencode({k: v for k, v in values.items() if v})}"


def reports_blueprint(
    content: Content, store: Store, token: SecretStr | None, clock: Clock
) -> Blueprint:
    """Returns the route of the page; without a token setting it is 404."""
    routes = Blueprint("reports", __name__, template_folder="../templates")
    routes.add_url_rule("/reports", "page", partial(_page, content, store, token, clock))
    return routes


def _page(content: Content, store: Store, token: SecretStr | None, clock: Clock) -> Response | str:
    if not token:
        raise NotServed
    if not is_operator(request.headers.get("Authorization", ""), token):
        return _sign_in()
    now = clock().astimezone(UTC)
    weeks = request.args.get("weeks", WEEKS, type=int)
    asked = Filter(weeks if weeks in PERIODS else WEEKS)
    try:
        return render_template("reports/page.html", **_report(content, store, asked, now))
    except StoreUnavailable:
        words = "The store is not available, so there is nothing to count. Try again later."
        return error_page(HTTPStatus.SERVICE_UNAVAILABLE, Issue("transient", words))


def _sign_in() -> Response:
    words = "Sign in with any user name, and the token of CDS_REPORT_TOKEN as the password."
    response = error_page(HTTPStatus.UNAUTHORIZED, Issue("login", words))
    response.headers["WWW-Authenticate"] = 'Basic realm="reports", charset="UTF-8"'
    return response


def _report(content: Content, store: Store, asked: Filter, now: datetime) -> dict[str, Any]:
    """Returns the values of the template; raises StoreUnavailable."""
    since = _monday(now) - timedelta(weeks=asked.weeks - 1)
    clients = store.clients(since, now)
    client = request.args.get("client", "")
    asked = replace(asked, client=client if client in clients else "")
    rows, versions = store.report(
        since,
        now,
        lambda firings, calls: (summarise(firings, calls), list(calls)),
        asked.client or None,
    )
    version = request.args.get("version", "")
    asked = replace(asked, version=version if version in versions else "")
    return {
        "cards": card_reports(content, rows, asked.version, versions[-2:]),
        "unseen": _unseen(content, rows),
        "content": content,
        "asked": asked,
        "first_week": since.date(),
        "last_week": _monday(now).date(),
        "filters": {
            "Weeks": [(str(w), replace(asked, weeks=w)) for w in PERIODS],
            "Client": [(c or "all", replace(asked, client=c)) for c in ("", *clients)],
            "Content": [(v or "all", replace(asked, version=v)) for v in ("", *versions)],
        },
    }


def _monday(day: datetime) -> datetime:
    midnight = day.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=day.weekday())


def _unseen(content: Content, rows: list[Row]) -> list[str]:
    """The titles of the cards that were shown to nobody."""
    shown = {row.id for row in rows if row.by == "card" and row.state == "shown"}
    return [card.title for card in content.cards.values() if card.id not in shown]
