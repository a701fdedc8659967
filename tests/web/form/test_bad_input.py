"""Ended sessions, two tabs, old pages, other sites, changed and retired forms: a clear page each,
and nothing is lost."""

from __future__ import annotations

import copy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Response

from cds_service.web.form import SessionCookie
from tests.web.form.forms import BASE, SMALL, Garden, Person


def test_an_ended_session_is_said_and_what_was_typed_comes_along(
    garden: Garden, person: Person
) -> None:
    page = person.page("/intake/step/2")
    garden.clock.now += timedelta(days=8)

    lost = page.sent(v_name="Ada", v_height="<2>")
    assert lost.status_code == 404
    assert "There is no open form here" in lost.text
    fields = {"v:name": "Ada", "v:height": "<2>", "go": "begin"}
    for name in ("v:name", "v:height"):
        assert f'name="{name}"' in lost.text

    again = person.follow(person.client.post("/intake", data=fields, base_url=BASE))
    assert again.path == "/intake/step/1"
    assert person.page("/intake/step/2").fields["v:name"] == ["Ada"]
    assert person.page("/intake/step/2").fields["v:height"] == ["<2>"]


@pytest.mark.parametrize(
    "path", ["step/1", "review", "done", "later", "sending", "changed", "answers.json"]
)
def test_without_a_session_every_page_says_what_to_do(garden: Garden, path: str) -> None:
    answer = garden.app.test_client().get(f"/intake/{path}", base_url=BASE)

    assert answer.status_code == 404
    assert "/intake/resume" in answer.text
    assert "garden" not in answer.text.lower()


@pytest.mark.parametrize("code", ["", "none such", "0" * 24, "x" * 10_000])
def test_a_code_nobody_has_is_said_kindly(garden: Garden, code: str) -> None:
    client = garden.app.test_client()
    answer = client.post("/intake/resume", data={"code": code}, base_url=BASE)

    assert "No saved answers were found" in answer.text
    assert "Set-Cookie" not in answer.headers


def test_two_tabs_each_change_only_what_was_changed_there(person: Person) -> None:
    one, two = person.page("/intake/step/2"), person.page("/intake/step/2")
    one.press(v_name="Ada")

    page = two.press(v_height="2")

    assert person.session.answers["name"] == [{"valueString": "Ada"}]
    assert person.session.answers["height"] == [{"valueInteger": 2}]
    assert page.path == "/intake/step/4"


def test_two_tabs_that_change_the_same_keep_the_last_and_say_so(person: Person) -> None:
    one, two = person.page("/intake/step/2"), person.page("/intake/step/2")
    one.press(v_name="Ada", v_height="2")

    stay = two.press("language:en", v_name="Bo")

    assert person.session.answers["name"] == [{"valueString": "Bo"}]
    assert "two windows" in stay.words
    assert "About name" in stay.words


def test_a_step_posted_late_leaves_other_steps_alone(person: Person) -> None:
    old = person.page("/intake/step/1")
    person.page("/intake/step/2").press(v_name="Ada")
    old.press(v_tools="none")

    assert person.session.answers["name"] == [{"valueString": "Ada"}]


def test_beginning_twice_keeps_the_first(person: Person) -> None:
    person.page("/intake/step/2").press(v_name="Ada")

    person.follow(person.send("/intake", go="begin"))
    assert person.session.answers["name"] == [{"valueString": "Ada"}]
    person.follow(person.send("/intake", go="anew"))
    assert person.session.answers == {}


@pytest.mark.parametrize("token", ["", "wrong", "é" * 40])
def test_a_page_of_another_session_changes_nothing(person: Person, token: str) -> None:
    fields = {"token": token, "s:name": "x", "v:name": "Eve"}
    answer = person.client.post("/intake/step/2", data=fields, base_url=BASE)

    assert answer.status_code == 409
    assert "This page is out of date" in answer.text
    assert person.session.answers == {}
    for path in ("send", "close", "changed", "look"):
        assert person.send(f"/intake/{path}", token=token).status_code == 409


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", ["/intake", "/intake/resume", "/intake/leave", "/intake/step/1"])
def test_other_sites_cannot_post(person: Person, site: str, path: str) -> None:
    answer = person.client.post(path, headers={"Sec-Fetch-Site": site}, base_url=BASE)

    assert answer.status_code == 403
    assert "did not come from the form" in answer.text
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/intake", "/intake/resume", "/intake/leave", "/intake/step/1"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://garden.example:81", ""])
def test_other_sites_cannot_post_from_older_browsers(
    person: Person, origin: str, path: str
) -> None:
    """They send Origin and no Sec-Fetch-Site."""
    code = {"code": "planted", "go": "begin"}

    answer = person.client.post(path, data=code, headers={"Origin": origin}, base_url=BASE)

    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("headers", [{}, {"Origin": BASE}, {"Sec-Fetch-Site": "same-origin"}])
def test_the_forms_own_posts_are_taken(person: Person, headers: dict[str, str]) -> None:
    answer = person.client.post("/intake", headers=headers, base_url=BASE)

    assert answer.status_code == 303


def test_no_other_host_of_the_domain_can_plant_a_secure_cookie() -> None:
    answer = SessionCookie(secure=True).keep(Response(), "x")

    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-cds_intake=x;")
    assert "Secure" in cookie and "Path=/" in cookie and "Domain" not in cookie


# -- the Questionnaire changed meanwhile --------------------------------------------------------


@pytest.fixture
def newer(garden: Garden) -> Any:
    """The next version: without the name, with other tools."""
    resource = copy.deepcopy(SMALL) | {"version": "2"}
    resource["item"][1]["item"].pop()
    resource["item"][0]["item"][0]["answerOption"].pop(0)
    return garden.asking(resource)


def moved(person: Person, app: Any) -> Person:
    """The same browser, meeting another release."""
    other = Person(person.garden, app.test_client())
    other.client.set_cookie("__Host-cds_intake", person.secret, domain="garden.example")
    return other


def test_answers_that_still_fit_a_newer_form_come_along(person: Person, newer: Any) -> None:
    person.page("/intake/step/1").press("save", v_tools="hoe")
    person.page("/intake/step/2").press(v_name="Ada", v_height="2")
    person = moved(person, newer)

    page = person.follow(person.get("/intake/step/2"))
    assert "The questions have changed" in page.words
    assert "come along: 1" in page.words
    assert "left out: 2" in page.words
    first = person.follow(person.send("/intake/changed", token=page.fields["token"][0]))
    assert first.path == "/intake/step/1"
    assert person.session.answers == {"height": [{"valueInteger": 2}]}
    assert person.session.questionnaire.endswith("|2")
    assert person.follow(person.send("/intake/changed", token=page.fields["token"][0])).path == (
        "/intake/step/1"
    )


def test_what_an_old_page_sends_to_a_newer_form_is_kept(person: Person, newer: Any) -> None:
    fields = person.page("/intake/step/2").fields | {"v:height": ["2"]}
    person = moved(person, newer)

    answer = person.client.post("/intake/step/2", data=fields, base_url=BASE)

    assert answer.headers["Location"] == "/intake/changed"
    assert person.session.answers == {"height": [{"valueInteger": 2}]}


def test_a_retired_form_is_said_and_gives_the_answers_back(garden: Garden, person: Person) -> None:
    person.page("/intake/step/2").press(v_name="Ada")
    person = moved(person, garden.asking(SMALL | {"status": "retired"}))

    for answer in (
        person.get("/intake"),
        person.get("/intake/step/1"),
        person.send("/intake", go="begin"),
        person.page("/intake/step/1").person.send("/intake/send", token="x"),
    ):
        assert answer.status_code in (409, 410)
    page = person.get("/intake/step/1").text
    assert "no longer in use" in page
    assert "Ada" in page
    assert "Ada" in person.get("/intake/answers.json").text


# -- the store ----------------------------------------------------------------------------------


def test_a_store_that_is_gone_is_said(garden: Garden, person: Person) -> None:
    page = person.page("/intake/step/2")
    path = Path(garden.url.removeprefix("sqlite:///"))
    path.rename(path.with_suffix(".away"))
    try:
        answer = page.sent(v_name="Ada")
        assert answer.status_code == 503
        assert "cannot be reached just now" in answer.text
    finally:
        path.with_suffix(".away").rename(path)


def test_nothing_about_answers_is_in_the_database(person: Person) -> None:
    person.page("/intake/step/1").press("save", v_tools="saw")
    person.page("/intake/step/2").press(v_name="Quetzal", v_height="tall as a house")
    path = Path(person.garden.url.removeprefix("sqlite:///"))
    everything = b"".join(p.read_bytes() for p in path.parent.glob(f"{path.name}*"))

    for word in (b"Quetzal", b"tall as", b"tools", b"valueString", person.secret.encode()):
        assert word not in everything


def test_nothing_about_answers_is_logged(person: Person, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        person.page("/intake/step/2").press(v_name="Quetzal")
        person.send("/intake/resume", code=person.secret)

    assert "Quetzal" not in caplog.text
    assert person.secret not in caplog.text


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"s:name": "x"}, 303),
        ({"v:nobody": "x", "s:nobody": "x"}, 303),
        ({"v:": "x", ":": "y", "": "z", "go": "clear:nobody"}, 303),
        ({"s:danger": "x", "v:danger": "x"}, 303),
        ({"s:first": "x", "v:first": "x"}, 303),
        ({"s:tools": "x", "v:tools": ["hoe"] * 500}, 303),
        ({"s:note": "x", "v:note": "y" * 30_000}, 303),
        ({"v:note": "y" * 600_000}, 413),
    ],
)
def test_odd_posts_break_nothing(person: Person, fields: dict[str, Any], status: int) -> None:
    token = person.page("/intake/step/1").fields["token"]
    answer = person.client.post("/intake/step/1", data={"token": token, **fields}, base_url=BASE)

    assert answer.status_code == status
    assert person.get("/intake/review").status_code == 200
    assert not {"nobody", "danger", "first", ""} & person.session.answers.keys()


def test_a_session_in_an_unknown_language_speaks_the_forms(garden: Garden) -> None:
    person = garden.person(
        questionnaire="https://example.org/Questionnaire/garden|1", language="../en"
    )

    assert '<html lang="en">' in person.page("/intake/step/1").text


def test_only_so_many_forms_are_begun_in_a_minute(garden: Garden, person: Person) -> None:
    """A stranger cannot fill the store; who has begun goes on, and loses nothing by beginning."""
    garden.sessions.rate.most = 1  # the person has begun one
    page = person.page("/intake/step/1")
    client = garden.app.test_client()
    refused = client.post("/intake", data={"language": "en"}, base_url=BASE)

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60")
    assert "Please wait a minute" in refused.text
    assert person.send("/intake", go="anew").status_code == 503
    assert page.press(v_tools="none").path == "/intake/step/2"
    garden.clock.now += timedelta(minutes=1)
    assert client.post("/intake", base_url=BASE).status_code == 303


def test_a_form_that_was_begun_and_left_empty_is_not_kept_long(
    garden: Garden, person: Person
) -> None:
    other = garden.person()
    other.page("/intake/step/1").press(v_tools="hoe")
    garden.clock.now += timedelta(hours=2)

    assert person.get("/intake/step/1").status_code == 404
    assert other.session.answers


def test_a_session_does_not_grow_for_ever(garden: Garden, person: Person) -> None:
    kept = {"v_tools": "saw"}
    person.page("/intake/step/1").press(**kept)
    long = ["x" * 19_000] * 11
    answer = person.page("/intake/step/2").sent(v_name=long)

    assert answer.status_code == 413
    assert "more than the form can keep" in answer.text
    assert list(person.session.answers) == ["tools"]
    assert person.page("/intake/step/2").press(v_name="Ada").path == "/intake/step/4"


@pytest.mark.parametrize("path", ["/intake", "/intake/resume", "/intake/send", "/intake/close"])
def test_pages_without_questions_take_little(person: Person, path: str) -> None:
    answer = person.send(path, **{"v:name": "x" * 25_000})

    assert answer.status_code == 413
    assert "more than the form can keep" in answer.text


@pytest.mark.parametrize("path", ["/intake", "/intake/step/1", "/intake/resume", "/intake/send"])
def test_a_post_that_is_too_large_is_said_on_a_page_of_the_form(person: Person, path: str) -> None:
    answer = person.send(path, **{"v:name": "x" * 300_000})

    assert answer.status_code == 413
    assert "more than the form can keep" in answer.text


@pytest.mark.parametrize("path", ["send", "close", "look", "leave"])
def test_a_tab_opened_again_where_a_button_led_is_in_the_form(person: Person, path: str) -> None:
    answer = person.get(f"/intake/{path}")

    assert person.follow(answer).answer.status_code == 200
    assert person.session.answers == {}
