"""The part of the clinic page below the cards: cards not shown and why, and the timeline."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import current_app

from cds_service.decision.evaluate import Evaluation, WantedCard
from cds_service.fhir.errors import ServiceError
from demo.clinic.body import filled_maps
from demo.clinic.timeline import settled_topics, timeline
from demo.clinic.why import WhyNot


def beside(why_not: WhyNot, body: dict[str, Any]) -> dict[str, Any]:
    """Returns cards by what became of them, ``days`` a settled card stays away, and the timeline.

    ``body`` holds ``request``, the hook call, ``shown``, the topics of the cards that came, and
    ``settled``, topics with the instants at which they were settled.
    """
    try:
        evaluation = why_not.evaluate(body.get("request"))
    except ServiceError:
        return {"settled": [], "deferred": [], "held": [], "days": 0, "timeline": ""}
    shown = {str(topic) for topic in body.get("shown") or ()}
    return {
        "settled": _cards(c for c in evaluation.shown if c.card.topic["code"] not in shown),
        "deferred": _cards(evaluation.deferred),
        "held": _cards(evaluation.held),
        "days": evaluation.content.strategy.repeat_days,
        "timeline": _strip(evaluation, settled_topics(body.get("settled"))),
    }


def _strip(evaluation: Evaluation, settled: dict[str, str]) -> str:
    strip: Any = current_app.jinja_env.get_template("_timeline.html")
    body: Any = current_app.jinja_env.get_template("_body.html")
    return str(body.module.body(filled_maps(evaluation))) + str(
        strip.module.strip(timeline(evaluation, settled))
    )


def _cards(cards: Iterable[WantedCard]) -> list[dict[str, str]]:
    return [
        {"topic": c.card.topic["code"], "title": c.card.title, "summary": c.summary} for c in cards
    ]
