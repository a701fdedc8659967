"""The clinic's page about a whole population: it waits, then shows the report; errors are said."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from demo.clinic.population import Population, population_pages
from tests.support.clinic import ROOT
from tests.support.hostile_fhir import until

SECONDS = 120
PEOPLE = 60
Opened = Callable[[Path], FlaskClient]


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Opens the pages for a content folder; what runs is ended after the test."""
    with ExitStack() as closing:

        def opened(content: Path) -> FlaskClient:
            population = Population(content, PEOPLE)
            closing.callback(population.stop)
            app = Flask("demo.clinic.app", template_folder=str(ROOT / "demo/clinic/templates"))
            app.register_blueprint(population_pages(population))
            app.context_processor(lambda: {"clinic": SimpleNamespace(service="")})
            return app.test_client()

        yield opened


def test_it_waits_for_the_report_and_shows_it(opened: Opened) -> None:
    pages = opened(ROOT)
    first = pages.get("/population")

    assert (first.status_code, pages.get("/population/report").status_code) == (200, 302)
    assert 'http-equiv="refresh"' in first.text
    assert re.search(r'role="status">[^<]*: [^<]+ …', first.text)
    assert until(lambda: pages.get("/population").status_code == 302, SECONDS)
    report = pages.get("/population/report")
    assert re.search(rf'<th scope="row">People</th><td>{PEOPLE}</td>', report.text)
    assert "script" not in report.headers["Content-Security-Policy"]
    assert "draft" in report.text


def test_what_went_wrong_is_said_and_nothing_waits(opened: Opened, tmp_path: Path) -> None:
    pages = opened(tmp_path)
    pages.get("/population")

    assert until(lambda: 'role="alert"' in pages.get("/population").text, SECONDS)
    assert 'http-equiv="refresh"' not in pages.get("/population").text


def test_it_ends_while_it_is_working() -> None:
    population = Population(ROOT, people=50_000)
    population.begin()
    until(lambda: population._process is not None, SECONDS)

    population.stop()

    assert not population.folder.exists()
