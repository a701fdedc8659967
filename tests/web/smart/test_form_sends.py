"""The whole form before a real EHR: what is sent arrives once, and what cannot be sent is kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import pytest
from werkzeug.test import TestResponse

from cds_service import utc_now
from cds_service.content import Content
from cds_service.web.form.form_request import form_token
from cds_service.web.form.sessions import COOKIE
from demo.ehr import DemoEhr
from tests.web.smart.conftest import BASE, LOST, Browser, Clock, Faults, patient

KIND = "QuestionnaireResponse"
LAUNCH = f"{BASE}/intake/launch"
SYSTEMS = "https://dyspareunia-cds.example/fhir/CodeSystem"
LAST = 99  # beyond every step


@pytest.fixture
def ready(browser: Browser, launch_url: str, content: Content) -> Browser:
    """Ana has answered the first question there is."""
    browser.enter(launch_url)
    items = [i for i in content.questionnaire.resource["item"] if "answerOption" in i]
    browser.answer(**{items[0]["linkId"]: [items[0]["answerOption"][0]]})
    return browser


def send(browser: Browser) -> TestResponse:
    """Presses the button; the page that follows."""
    token = form_token(browser.secret)
    sent = browser.client.post("/intake/send", data={"token": token}, base_url=BASE)
    assert sent.status_code == 303, sent.text
    return browser.open(BASE + sent.headers["Location"])


def test_the_answers_are_in_the_chart(ready: Browser, ehr: DemoEhr) -> None:
    page = send(ready)
    (response,) = ehr.find(KIND)

    assert "Your answers were sent" in page.text
    assert ready.session.saved == response["id"]
    assert (response["status"], response["subject"]["reference"]) == ("completed", "Patient/ana")


def test_the_foot_names_the_site_and_the_initials_only(ready: Browser) -> None:
    foots = [ready.open(f"{BASE}/intake/{path}").text for path in ("step/2", "review", "own")]

    assert all("signed in: A. S." in text for text in (*foots, send(ready).text))
    assert not any("Ana" in text or "Sample" in text for text in foots)


def test_a_forgotten_form_still_says_what_is_an_emergency(
    browser: Browser, launch_url: str, clock: Clock
) -> None:
    browser.enter(launch_url)
    severe = {"code": "severe", "system": f"{SYSTEMS}/intake-rfgen"}
    browser.answer(rfgen=[{"valueCoding": severe}])
    assert "can be an emergency" in send(browser).text

    clock.ahead += timedelta(minutes=11)
    done = browser.open(f"{BASE}/intake/done").text

    assert "can be an emergency" in done
    assert "Your answers were sent. They are no longer shown on this device." in done
    assert "Show my answers" not in done


def birth(years: int) -> str:
    """The birth date of somebody who had that birthday yesterday."""
    yesterday = utc_now().date() - timedelta(days=1)
    return yesterday.replace(year=yesterday.year - years, day=min(yesterday.day, 28)).isoformat()


@pytest.mark.parametrize(
    ("born", "labelled"),
    [
        (birth(13), True),
        (birth(17), True),
        (birth(18), False),
        (str((utc_now() + timedelta(days=1)).year - 18), True),
        (None, True),
    ],
    ids=["13", "17", "18", "perhaps-17", "unknown"],
)
@pytest.mark.parametrize("before", [True, False], ids=["signed-in-first", "answered-first"])
def test_a_young_persons_whole_response_is_restricted(
    before: bool, born: str | None, labelled: bool, browser: Browser, ehr: DemoEhr, content: Content
) -> None:
    """No portal and no proxy gets it, whatever was answered."""
    ana = patient("ana", "Ana") | {"birthDate": born}
    ehr.put({key: value for key, value in ana.items() if value})
    if before:
        browser.enter(ehr.launch_url(LAUNCH, "ana"))
    else:
        browser.client.post("/intake", base_url=BASE)
    browser.answer(sev=[{"valueInteger": 3}])
    if not before:
        browser.enter(f"{LAUNCH}?iss={quote(ehr.fhir_base)}&answers=keep", patient="ana")
    send(browser)
    (response,) = ehr.find(KIND)

    assert ("security" in response.get("meta", {})) is labelled


@pytest.mark.parametrize("fault", [503, LOST], ids=["down", "answer-lost"])
def test_an_ehr_that_is_down_at_the_save(
    fault: int, ready: Browser, ehr: DemoEhr, faults: Faults
) -> None:
    answers = ready.session.answers
    faults.on("POST", f"/fhir/{KIND}", fault)
    page = send(ready)

    assert "could not be sent just now" in page.text
    assert (ready.session.answers, ready.session.saved) == (answers, None)
    assert "Your answers were sent" in send(ready).text
    assert len(ehr.find(KIND)) == 1


def test_a_login_that_ended_is_renewed_and_nothing_is_lost(ready: Browser, ehr: DemoEhr) -> None:
    answers = ready.session.answers
    ehr.authorization.tokens.clear()
    page = send(ready)

    assert 'href="/intake/launch"' in page.text
    assert ehr.find(KIND) == []
    back = ready.enter(LAUNCH, patient="ana")
    assert back.headers["Location"] == "/intake/review"
    assert "/intake/launch" not in ready.open(f"{BASE}/intake/review").text
    assert ready.session.answers == answers
    assert "Your answers were sent" in send(ready).text
    assert len(ehr.find(KIND)) == 1


def test_who_finds_the_code_reads_and_cannot_send(ready: Browser, ehr: DemoEhr) -> None:
    """Saved for later, a session holds no login: who finds the code is nobody to the EHR."""
    answers, secret = ready.session.answers, ready.secret
    assert "you were signed out" in ready.open(f"{BASE}/intake/later").text
    finder = Browser(ready.app.test_client(), ready.app)
    finder.client.post("/intake/resume", data={"code": secret}, base_url=BASE)
    page = send(finder)

    assert "not signed in" in page.text
    assert (finder.session.ehr, finder.session.answers) == (None, answers)
    assert ehr.find(KIND) == []


def test_who_comes_back_with_the_code_signs_in_again_and_sends(
    ready: Browser, ehr: DemoEhr
) -> None:
    answers = ready.session.answers
    ready.open(f"{BASE}/intake/later")
    ready.keep(replace(ready.session, step=LAST))
    review = ready.open(f"{BASE}/intake/review").text
    back = ready.enter(LAUNCH, patient="ana")

    assert 'href="/intake/launch"' in review
    assert "Finish without sending" in review
    assert back.headers["Location"] == "/intake/review"
    assert "The code you wrote down stopped working" in ready.open(f"{BASE}/intake/review").text
    assert ready.session.answers == answers
    assert "Your answers were sent" in send(ready).text
    assert len(ehr.find(KIND)) == 1


def test_a_code_opens_nothing_into_somebody_elses_record(ready: Browser, ehr: DemoEhr) -> None:
    ready.open(f"{BASE}/intake/later")
    ready.enter(f"{LAUNCH}?answers=keep", patient="bea")

    assert ready.session.answers == {}


def test_who_signs_in_as_somebody_else_sends_nothing_of_the_first(
    ready: Browser, ehr: DemoEhr
) -> None:
    ehr.authorization.tokens.clear()
    send(ready)
    ready.enter(LAUNCH, patient="bea")
    send(ready)

    assert all(r["subject"]["reference"] == "Patient/bea" for r in ehr.find(KIND))
    assert not any("item" in r for r in ehr.find(KIND))


def test_many_posts_at_once_are_one_response(ready: Browser, ehr: DemoEhr) -> None:
    token, secret = form_token(ready.secret), ready.secret

    def press(_: int) -> int:
        client = ready.app.test_client()
        client.set_cookie(f"__Host-{COOKIE}", secret, domain="cds.example.org")
        return client.post("/intake/send", data={"token": token}, base_url=BASE).status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(press, range(6))) == {303}

    assert len(ehr.find(KIND)) == 1
    assert ready.session.saved == ehr.find(KIND)[0]["id"]


def test_restricted_answers_carry_their_label(
    browser: Browser, launch_url: str, ehr: DemoEhr, content: Content
) -> None:
    """Kept out of portals and summaries, which is the EHR's part."""
    browser.enter(launch_url)
    questionnaire = content.questionnaire
    by_id = {i["linkId"]: i for i in questionnaire.resource["item"] if "answerOption" in i}
    private = by_id["private"]["answerOption"]
    labelled = next(n for n, i in questionnaire.items.items() if i.restricted and n in by_id)
    browser.answer(private=[private[0]], **{labelled: [by_id[labelled]["answerOption"][-1]]})
    send(browser)
    (response,) = ehr.find(KIND)

    assert {label["code"] for label in response["meta"]["security"]} & {"R", "V"}
