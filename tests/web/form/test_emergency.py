"""The emergency message: a page of its own, then the first thing on every page, until the answer
is changed."""

from __future__ import annotations

import re

import pytest

from cds_service.web.form.telephone import dialled, with_links
from tests.web.form.forms import Garden, Page, Person

DANGER = "Put it down now"
CALL = '<a class="button call" href="tel:+46112">Call +46 112</a>'


def first_in_main(page: Page) -> str:
    main = page.text[page.text.index("<main") :]
    return main[: main.index(DANGER) + len(DANGER)] if DANGER in main else ""


def alarmed(person: Person, go: str = "next") -> Page:
    return person.page("/intake/step/1").press(go, v_tools="saw")


@pytest.mark.parametrize("go", ["next", "back", "save", "language:es", "size:large"])
def test_an_emergency_option_leads_to_a_page_of_its_own(person: Person, go: str) -> None:
    page = alarmed(person, go)

    assert page.path == "/intake/emergency"
    main = page.text[page.text.index("<main") :]
    assert main.count("<h1") == 1
    assert "<li>Saw</li>" in main
    assert DANGER in main
    first = re.search(r"<(?:a|button|input|select)\b[^>]*>", main)
    assert first is not None
    assert 'href="tel:+46112"' in first[0]


def test_from_there_on_or_back_to_change_it(person: Person) -> None:
    page = alarmed(person)

    assert 'href="/intake/step/2"' in page.text
    assert 'href="/intake/step/1"' in page.text
    assert person.page("/intake/step/2").press("back").path == "/intake/step/1"


def test_it_is_shown_once_for_each_option_that_is_newly_ticked(person: Person) -> None:
    alarmed(person)

    assert person.page("/intake/step/1").press().path == "/intake/step/2"
    assert person.page("/intake/step/1").press(v_tools="hoe").path == "/intake/step/1"
    assert alarmed(person).path == "/intake/emergency"


def test_without_an_emergency_there_is_no_such_page(person: Person) -> None:
    assert person.page("/intake/step/1").press(v_tools="none").path == "/intake/step/2"
    assert person.page("/intake/emergency").answer.status_code == 303


@pytest.mark.parametrize("path", ["step/1", "step/2", "review", "later", "resume", "", "changed"])
def test_the_message_is_first_on_every_page(person: Person, path: str) -> None:
    alarmed(person)
    page = person.page(f"/intake/{path}" if path else "/intake")

    before = first_in_main(page)
    assert before
    assert "<h1>Important</h1>" in before or "<h1" not in before


def test_it_stays_when_the_form_is_finished_and_goes_before_thank_you(person: Person) -> None:
    alarmed(person)
    person.page("/intake/step/2").press(v_height="2", v_name="Ada")
    done = person.follow(person.send("/intake/send", token=token(person)))

    assert done.path == "/intake/done"
    assert "<h1>Important</h1>" in first_in_main(done)
    assert re.search(r"<h2>Nothing was sent", done.text)
    assert done.text.count("<h1") == 1


def test_it_is_there_again_after_coming_back_with_the_code(person: Person, garden: Garden) -> None:
    alarmed(person)
    code = person.secret
    again = garden.person()
    page = again.follow(again.send("/intake/resume", code=code))

    assert first_in_main(page)


def test_it_ends_with_the_answer(person: Person) -> None:
    alarmed(person)
    person.page("/intake/step/1").press(v_tools="none")

    assert DANGER not in person.page("/intake/step/2").words


def test_the_code_is_said_to_stop_only_after_one_was_shown(person: Person) -> None:
    person.page("/intake/step/2").press(v_height="9", v_name="Ada")
    without = person.follow(person.send("/intake/send", token=token(person)))
    person.page("/intake/later")

    assert "They are gone at once." in without.words
    assert "the code stops working" not in without.words
    assert "the code stops working" in person.page("/intake/done").words


def test_the_last_page_shows_no_restricted_answer(person: Person) -> None:
    person.page("/intake/step/2").press(v_height="9", v_name="Ada")
    person.page("/intake/step/3").press(v_buried="bones")
    done = person.follow(person.send("/intake/send", token=token(person)))

    assert done.path == "/intake/done"
    assert "About buried" not in done.text
    assert "Bones" not in done.text
    assert "You answered 3 questions." in done.words
    shown = done.text.index("<details>")
    assert "Ada" not in done.text[:shown]
    assert "Ada" in done.text[shown:]


def token(person: Person) -> str:
    found = re.search(r'name="token" value="(\w+)"', person.page("/intake/review").text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("112", "tel:112"),
        ("Call +1 (800) 555-0100 at night", "tel:+18005550100"),
        ("ask at the desk", None),
        ("room 12", None),
    ],
)
def test_a_word_with_a_number_can_be_dialled(text: str, address: str | None) -> None:
    assert dialled(text) == address


def test_words_of_the_site_are_links_and_all_else_is_escaped() -> None:
    words = {"a": "911", "b": "<b> desk"}

    html = with_links("Call 911 & go to <b> desk", words)

    assert html == 'Call <a href="tel:911">911</a> &amp; go to &lt;b&gt; desk'
