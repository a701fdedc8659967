"""``/reports``: what became of the cards, as a page for operators.

The page needs the token of the reports as JSON and CSV, sent as the password of Basic
authentication, which a browser asks for. It names no patient, and no date finer than a week.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
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
from cds_service.hooks.pipeline import Pipeline, services_of
from cds_service.store import Store, StoreUnavailable
from cds_service.store.report import Row, summarise
from cds_service.web.pages import error_page
from cds_service.web.reports.cards import card_reports

PERIODS = (4, 13, 26, 52)  # weeks
WEEKS = 13


@dataclass(frozen=True, slots=True)
class Filter:
    """The subject of a report; ``client`` and ``version`` are empty for all, ``topic`` for the main
    one."""

    weeks: int = WEEKS
    client: str = ""
    version: str = ""
    topic: str = ""

    @property
    def address(self) -> str:
        """The address of the page with this filter."""
        return f"/reports?{urlencode({k: v for k, v in asdict(self).items() if v})}"

    @property
    def for_programs(self) -> str:
        """The query of the same report as JSON or CSV."""
        return urlencode({"days": self.weeks * 7} | ({"topic": self.topic} if self.topic else {}))


def reports_blueprint(
    pipelines: Sequence[Pipeline], store: Store, token: SecretStr | None, clock: Clock
) -> Blueprint:
    """Returns the route of the page; without a token setting it is 404."""
    routes = Blueprint("reports", __name__, template_folder="../templates")
    routes.add_url_rule("/reports", "page", partial(_page, pipelines, store, token, clock))
    return routes


def _page(
    pipelines: Sequence[Pipeline], store: Store, token: SecretStr | None, clock: Clock
) -> Response | str:
    if not token:
        raise NotServed
    if not is_operator(request.headers.get("Authorization", ""), token):
        return _sign_in()
    now = clock().astimezone(UTC)
    weeks = request.args.get("weeks", WEEKS, type=int)
    topics = {one.content.topic: one for one in pipelines[1:]}
    topic = request.args.get("topic", "")
    asked = Filter(weeks if weeks in PERIODS else WEEKS, topic=topic if topic in topics else "")
    try:
        values = _report(topics.get(topic, pipelines[0]), pipelines, store, asked, now)
        return render_template("reports/page.html", **values)
    except StoreUnavailable:
        words = "The store is not available, so there is nothing to count. Try again later."
        return error_page(HTTPStatus.SERVICE_UNAVAILABLE, Issue("transient", words))


def _sign_in() -> Response:
    words = "Sign in with any user name, and the token of CDS_REPORT_TOKEN as the password."
    response = error_page(HTTPStatus.UNAUTHORIZED, Issue("login", words))
    response.headers["WWW-Authenticate"] = 'Basic realm="reports", charset="UTF-8"'
    return response


def _report(
    pipeline: Pipeline,
    pipelines: Sequence[Pipeline],
    store: Store,
    asked: Filter,
    now: datetime,
) -> dict[str, Any]:
    """Returns the values of the template; raises StoreUnavailable."""
    content = pipeline.content
    since = _monday(now) - timedelta(weeks=asked.weeks - 1)
    clients = store.clients(since, now)
    client = request.args.get("client", "")
    asked = replace(asked, client=client if client in clients else "")
    rows, versions = store.report(
        since,
        now,
        lambda firings, calls: (summarise(firings, calls), list(calls)),
        asked.client or None,
        services_of(pipelines, content.topic),
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
            **_topics(pipelines, asked),
            "Weeks": [(str(w), replace(asked, weeks=w)) for w in PERIODS],
            "Client": [(c or "all", replace(asked, client=c)) for c in ("", *clients)],
            "Content": [(v or "all", replace(asked, version=v)) for v in ("", *versions)],
        },
    }


def _topics(pipelines: Sequence[Pipeline], asked: Filter) -> dict[str, Any]:
    """The filter of the topic, where there are several; a content version is of one only."""
    if len(pipelines) == 1:
        return {}
    names = [(one.content.topic, one.topic_path and one.content.topic) for one in pipelines]
    return {"Topic": [(words, replace(asked, topic=t, version="")) for words, t in names]}


def _monday(day: datetime) -> datetime:
    midnight = day.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=day.weekday())


def _unseen(content: Content, rows: list[Row]) -> list[str]:
    """The titles of the cards that were shown to nobody."""
    shown = {row.id for row in rows if row.by == "card" and row.state == "shown"}
    return [card.title for card in content.cards.values() if card.id not in shown]
