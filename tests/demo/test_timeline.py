"""The timeline strip holds every entry an evaluation looked at, in its place and in the table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cds_service.content import Content
from cds_service.decision.evaluate import Evaluation
from cds_service.decision.explain import explain
from cds_service.hooks.pipeline import Pipeline
from demo.clinic.timeline import BEND, MAX_LABEL, ROW, WIDTH, place, settled_topics, timeline
from demo.people import read_people
from tests.demo.visits import request_of

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def evaluations(content: Content) -> list[Evaluation]:
    """Of every made-up person whose chart is opened."""
    pipeline = Pipeline(content, "https://cds.example.org/intake")
    service = pipeline.service_for("patient-view")
    people = read_people([form.resource for form in content.forms], NOW)
    return [pipeline.evaluation(service, request_of(p, service), NOW)[1] for p in people]


@pytest.mark.parametrize(
    ("ago", "x"),
    [
        (timedelta(0), WIDTH),
        (timedelta(days=14), BEND),
        (timedelta(days=365), 0),
        (timedelta(days=4000), 0),
        (timedelta(days=7), (WIDTH + BEND) / 2),
        (timedelta(days=-3), WIDTH),
    ],
)
def test_a_moment_has_its_place(ago: timedelta, x: float) -> None:
    assert place(NOW - ago, NOW) == pytest.approx(x)


def test_every_entry_of_the_explanation_and_every_settled_card_is_a_row(
    evaluations: list[Evaluation],
) -> None:
    settled = {"self-care": (NOW - timedelta(days=2)).isoformat(), "not-a-card": NOW.isoformat()}
    rows = 0
    for evaluation in evaluations:
        told = explain(evaluation)
        entries = [e for found in told["chart"]["entries"].values() for e in found]
        answered = told["answers"]["authored"] is not None

        marks = timeline(evaluation, settled).marks

        assert len(marks) == len(entries) + answered + 1
        assert marks[-1].kind == "settled"
        assert "2026-12-20" in marks[-1].words
        rows += len(entries)
    assert rows > 5


def test_rows_stand_apart_and_labels_fit(evaluations: list[Evaluation]) -> None:
    for evaluation in evaluations:
        line = timeline(evaluation, {"self-care": NOW.isoformat()})

        assert line.height >= len(line.drawn) * ROW
        assert all(len(mark.label) <= MAX_LABEL for mark in line.marks)
        assert all(0 <= mark.x <= WIDTH for mark in line.drawn if mark.x is not None)


@pytest.mark.parametrize("value", [None, [], "x", {"a": 1}])
def test_what_a_browser_should_not_send_is_left_out(value: object) -> None:
    assert settled_topics(value) == {}
