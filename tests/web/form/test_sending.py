"""Answers are sent once, however often it is pressed, and nothing is lost when they cannot be."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cds_service.fhir.questionnaire_response import compile_form, validate
from cds_service.web.form import NotSubmitted, Reason
from tests.support.clinic import NOW
from tests.web.form.forms import SMALL, Garden, Person, coding

EHR = {"issuer": "https://ehr.example", "access_token": "quince"}
FORM = "https://example.org/Questionnaire/garden|1"


class Chart:
    """An EHR that remembers; ``down`` is why it does not take anything."""

    def __init__(self) -> None:
        self.saved: list[dict[str, Any]] = []
        self.down: Reason | None = None
        self.busy: threading.Event | None = None
        self.reached = threading.Event()

    def __call__(self, ehr: dict[str, Any], response: dict[str, Any]) -> str:
        assert ehr == EHR
        self.reached.set()
        if self.busy is not None:
            assert self.busy.wait(10)
        if self.down is not None:
            raise NotSubmitted(self.down)
        self.saved.append(response)
        return f"r{len(self.saved)}"


@pytest.fixture
def chart() -> Chart:
    return Chart()


@pytest.fixture
def garden(tmp_path: Path, chart: Chart) -> Garden:
    return Garden(tmp_path, SMALL, chart)


@pytest.fixture
def person(garden: Garden) -> Person:
    person = garden.person(questionnaire=FORM, ehr=EHR)
    person.page("/intake/step/2").press(v_name="Ada", v_height="2")
    return person


def press_send(person: Person) -> Any:
    return person.send("/intake/send", token=person.page("/intake/review").fields["token"][0])


def test_what_is_sent_is_valid_and_reaches_the_chart_once(person: Person, chart: Chart) -> None:
    token = person.page("/intake/review").fields["token"][0]

    for _ in range(3):
        done = person.follow(person.send("/intake/send", token=token))
        assert "Your answers were sent" in done.words

    [response] = chart.saved
    assert [
        p for p in validate(compile_form(SMALL), response, now=NOW) if p.severity == "error"
    ] == []
    assert (response["status"], response["questionnaire"], response["language"]) == (
        "completed",
        FORM,
        "en",
    )
    assert response["identifier"]["value"].startswith("urn:uuid:")
    assert response["item"][0]["item"][0]["text"] == "About height"
    assert person.session.saved == "r1"


def test_two_posts_at_once_send_once(garden: Garden, person: Person, chart: Chart) -> None:
    token, secret = person.page("/intake/review").fields["token"][0], person.secret
    chart.busy = threading.Event()
    first = threading.Thread(target=lambda: person.send("/intake/send", token=token))
    first.start()
    assert chart.reached.wait(10)

    other = Person(garden, garden.app.test_client())
    other.client.set_cookie("__Host-cds_intake", secret, domain="garden.example")
    second = other.follow(other.send("/intake/send", token=token))
    typed = other.page("/intake/step/2").sent(v_name="Eve")
    chart.busy.set()
    first.join()

    assert "being sent" in second.words
    assert typed.headers["Location"] == "/intake/sending"
    assert len(chart.saved) == 1
    assert other.page("/intake/sending").answer.headers["Location"] == "/intake/done"
    assert other.session.answers["name"] == [{"valueString": "Ada"}]


def test_a_worker_that_died_while_sending_holds_nobody_up(
    garden: Garden, person: Person, chart: Chart
) -> None:
    session = person.session
    session.sending = garden.clock.now.isoformat()
    garden.sessions.change(person.secret, lambda _: session)
    assert press_send(person).headers["Location"] == "/intake/sending"

    garden.clock.now += timedelta(minutes=2)
    person.follow(press_send(person))
    assert chart.saved[0]["identifier"]["value"] == f"urn:uuid:{session.identifier}"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Reason.UNAVAILABLE, "could not be sent just now"),
        (Reason.REFUSED, "did not take your answers"),
        (Reason.SIGN_IN, "Sign in again"),
    ],
)
def test_an_ehr_that_does_not_take_them_loses_nothing(
    person: Person, chart: Chart, reason: Reason, words: str
) -> None:
    chart.down = reason
    review = person.follow(press_send(person))
    assert review.path == "/intake/review"
    assert words in review.words
    assert "Ada" in review.words

    chart.down = None
    assert "were sent" in person.follow(press_send(person)).words
    assert len(chart.saved) == 1


def test_an_unexpected_failure_leaves_the_answers_free_to_be_sent_again(
    person: Person, chart: Chart, monkeypatch: pytest.MonkeyPatch
) -> None:
    chart.down = "broken"  # type: ignore[assignment]
    monkeypatch.setattr("tests.web.form.test_sending.NotSubmitted", ValueError)
    assert press_send(person).status_code == 500

    chart.down = None
    assert "were sent" in person.follow(press_send(person)).words


def test_what_is_wrong_is_not_sent(person: Person, chart: Chart) -> None:
    token = person.page("/intake/review").fields["token"][0]
    person.page("/intake/step/1").press("save", v_tools=["hoe", "none"])

    review = person.follow(person.send("/intake/send", token=token))
    assert review.path == "/intake/review"
    assert "One answer needs a change" in review.words
    assert chart.saved == []
    assert person.get("/intake/done").headers["Location"] == "/intake/review"
    assert person.get("/intake/answers.json").get_json()["status"] == "in-progress"


def test_after_sending_nothing_is_changed_here(person: Person, chart: Chart) -> None:
    page = person.page("/intake/step/2")
    person.follow(press_send(person))

    assert page.sent(v_name="Eve").headers["Location"] == "/intake/done"
    for path in ("step/1", "review", "later"):
        assert person.get(f"/intake/{path}").headers["Location"] == "/intake/done"
    assert "Ada" in person.page("/intake/done").words


def test_a_sent_form_forgets_its_answers_ten_minutes_after_the_last_touch(
    garden: Garden, person: Person
) -> None:
    person.follow(press_send(person))
    for minutes in (9, 9):
        garden.clock.now += timedelta(minutes=minutes)
        assert "Ada" in person.page("/intake/done").words

    garden.clock.now += timedelta(minutes=10)
    done = person.page("/intake/done")
    assert "Ada" not in person.page("/intake/own").words + done.answer.text
    assert person.get("/intake/answers.json").headers["Location"] == "/intake/done"
    assert "Close the form on this device" in done.words
    assert "Reference" not in done.words
    assert (person.session.answers, person.session.ehr) == ({}, None)


def test_closing_after_sending_deletes_the_answers_here(garden: Garden, person: Person) -> None:
    secret = person.secret
    done = person.follow(press_send(person))
    person.send("/intake/close", token=done.fields["token"][0], go="close")

    assert garden.sessions.read(secret) is None


def test_tokens_of_the_ehr_never_reach_the_browser(person: Person) -> None:
    for path in ("", "/step/2", "/review", "/later", "/answers.json"):
        assert "quince" not in person.get(f"/intake{path}").text


def test_an_answer_of_the_chart_says_whether_the_person_was_shown_it(garden: Garden) -> None:
    """Of what nobody looked at, the options that are not chosen are not denied."""
    chart = {"source": "your record"}
    answers = {"tools": [{"valueCoding": coding("hoe")}], "name": [{"valueString": "Ada"}]}
    origins = {"tools": chart, "name": chart}
    person = garden.person(questionnaire=FORM, answers=answers, origins=origins)

    def confirmed() -> dict[str, bool]:
        response = person.get("/intake/answers.json").get_json()
        items = [i for group in response["item"] for i in group["item"]]
        return {i["linkId"]: "answer-confirmed" in str(i["answer"][0]["extension"]) for i in items}

    assert confirmed() == {"tools": False, "name": False}
    assert person.page("/intake/review").words.count("From your record") == 2
    person.page("/intake/step/1").press("language:en")
    assert confirmed() == {"tools": False, "name": False}
    person.page("/intake/step/1").press()
    assert confirmed() == {"tools": True, "name": False}
    assert person.page("/intake/review").words.count("From your record") == 1
    assert "auto-server" in person.get("/intake/answers.json").text
    person.page("/intake/step/1").press(v_tools="saw")
    changed = person.get("/intake/answers.json").get_json()["item"][0]["item"][0]
    assert "extension" not in changed["answer"][0]
