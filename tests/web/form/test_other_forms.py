"""Every form of a content has its own pages and its own session; one keeps ``/intake``."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from cds_service.app.assembly import assemble
from tests.support.clinic import NOW, settings_in
from tests.support.made_up_forms import add_forms, copy_content

SEEN = "/forms/visit-seen"
BASE = "https://cds.example.org"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    folder: Path = tmp_path_factory.mktemp("several")
    content = folder / "content"
    content.mkdir()
    add_forms(copy_content(content))
    return assemble(settings_in(folder, content=content, public_base_url=BASE), lambda: NOW)


def test_another_form_is_walked_through_on_its_own_pages(app: Flask) -> None:
    browser = app.test_client()

    start = browser.get(SEEN, base_url=BASE)
    begun = browser.post(SEEN, data={"go": "begin"}, base_url=BASE)
    step = browser.get(begun.headers["Location"], base_url=BASE)

    assert "What was seen" in start.text
    assert f'action="{SEEN}"' in start.text
    assert begun.headers["Location"] == f"{SEEN}/step/1"
    assert "Skin?" in step.text
    assert f'action="{SEEN}/step/1' in step.text
    assert '"/intake' not in step.text.replace("/static/intake", "")
    answers = browser.get(f"{SEEN}/answers.json", base_url=BASE).get_json()
    assert answers["questionnaire"].endswith("/Questionnaire/visit-seen|1")


def test_two_forms_in_one_browser_keep_apart(app: Flask) -> None:
    browser = app.test_client()
    browser.post(SEEN, data={"go": "begin"}, base_url=BASE)

    other = browser.get("/intake/step/1", base_url=BASE)
    begun = browser.post("/intake", data={"go": "begin"}, base_url=BASE)

    assert other.status_code == 404  # no session of this form
    assert begun.headers["Location"] == "/intake/step/1"
    assert browser.get(f"{SEEN}/step/1", base_url=BASE).status_code == 200
    names = {"__Host-cds_intake", "__Host-cds_intake_visit-seen"}
    assert all(browser.get_cookie(name, domain="cds.example.org") for name in names)


def test_the_needed_form_has_both_addresses(app: Flask) -> None:
    browser = app.test_client()

    moved = browser.get("/forms/dyspareunia-intake/print?language=es", base_url=BASE)
    posted = browser.post("/forms/dyspareunia-intake", base_url=BASE)

    assert (moved.status_code, moved.headers["Location"]) == (308, "/intake/print?language=es")
    assert (posted.status_code, posted.headers["Location"]) == (308, "/intake")


def test_a_form_that_is_not_there_is_not_found(app: Flask) -> None:
    for path in ("/forms/zebra", "/forms/zebra/step/1", "/forms"):
        assert app.test_client().get(path, base_url=BASE).status_code == 404


def test_a_code_opens_only_the_form_it_was_written_down_for(app: Flask) -> None:
    browser = app.test_client()
    browser.post(SEEN, data={"go": "begin"}, base_url=BASE)
    later = browser.get(f"{SEEN}/later", base_url=BASE).text
    code = later.partition('class="code"')[2].partition(">")[2].partition("<")[0]

    other = app.test_client().post("/intake/resume", data={"code": code}, base_url=BASE)
    own = app.test_client().post(f"{SEEN}/resume", data={"code": code}, base_url=BASE)

    assert other.status_code == 200  # the page says that no answers are kept under this code
    assert own.headers["Location"] == f"{SEEN}/step/1"
