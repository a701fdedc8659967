"""The form without a script: forward, back, what appears, what is wrong, saved and resumed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.clinic import ROOT
from tests.web.form.forms import EVERYTHING, Garden, Person, coding, item, questionnaire, translated


def test_a_whole_form_is_walked_read_back_and_kept(person: Person) -> None:
    second = person.page("/intake/step/1").press(v_tools="hoe", v_why="to dig")
    assert second.path.endswith("/step/1")  # the question about the hoe was not seen yet
    second = second.press(v_why="to dig")
    fourth = second.press(v_height="2", v_name="Ada")
    review = fourth.press(v_note="a\nb")

    assert (second.path, fourth.path) == ("/intake/step/2", "/intake/step/4")
    assert review.path == "/intake/review"
    for words in ("Hoe", "to dig", "2", "Ada", "a\nb"):
        assert words in review.words
    sent = person.follow(person.send("/intake/send", token=review.fields["token"][0]))
    assert "Nothing was sent" in sent.words
    response = person.get("/intake/answers.json").get_json()
    assert response["status"] == "completed"
    assert [i["linkId"] for i in response["item"]] == ["first", "second", "fourth"]


def test_what_an_answer_brings_is_shown_before_going_on(person: Person) -> None:
    page = person.page("/intake/step/1")
    assert "About why" not in page.fields

    again = page.press(v_tools="hoe")

    assert again.path == "/intake/step/1"
    assert "there is more to read or answer on this page" in again.words
    assert "s:why" in again.fields
    assert again.press().path == "/intake/step/2"


def test_an_emergency_is_said_before_anything_else_and_stays(person: Person) -> None:
    page = person.page("/intake/step/1").press(v_tools="saw")

    assert page.path == "/intake/emergency"
    on = person.page("/intake/step/2")
    main = on.text[on.text.index("<main") :]
    assert main.index("Put it down now") < main.index("<h1")
    assert "Put it down now" in person.page("/intake/review").words


def test_a_message_about_a_private_answer_stays_on_its_page(person: Person) -> None:
    person.page("/intake/step/2").press(v_height="9", v_name="Ada")
    page = person.page("/intake/step/3").press(v_buried="bones")

    assert page.path == "/intake/step/3"
    assert "You are not to blame" in page.words
    assert "You are not to blame" not in page.press().words
    assert "You are not to blame" not in person.page("/intake/review").words


def test_an_option_that_stands_alone_is_enforced_kindly_and_nothing_is_lost(person: Person) -> None:
    page = person.page("/intake/step/1").press(v_tools=["hoe", "none"], v_why="x")

    assert page.path == "/intake/step/1?check=1"
    assert "You chose “None” together with something else" in page.words
    assert page.fields["v:tools"] == ["hoe", "none"]
    assert page.text.count('aria-describedby="i2-error') >= 1


def test_a_danger_is_said_even_while_the_answer_is_wrong(person: Person) -> None:
    page = person.page("/intake/step/1").press(v_tools=["saw", "none"])

    assert "Put it down now" in page.words


def test_a_required_question_stops_the_way_on_but_not_back_or_saving(person: Person) -> None:
    page = person.page("/intake/step/2")

    wrong = page.press(v_height="2")
    assert wrong.path == "/intake/step/2?check=1"
    assert wrong.fields["v:height"] == ["2"]
    assert wrong.press("back").path == "/intake/step/1"
    assert wrong.press("save").path == "/intake/later"


def test_what_cannot_be_read_is_kept_as_typed(person: Person) -> None:
    page = person.page("/intake/step/2")
    back = page.press("back", v_height="very tall", v_name="Ada")

    again = back.press()
    assert again.fields["v:height"] == ["very tall"]
    wrong = again.press()
    assert "Give a whole number" in wrong.words
    assert "/intake/step/2?from=review&amp;check=1" in person.page("/intake/review").text
    right = wrong.press(v_height="2")
    assert right.path == "/intake/step/4"


def test_from_the_review_one_comes_back_to_it(person: Person) -> None:
    page = person.page("/intake/step/2?from=review")

    assert page.press(v_name="Ada").path == "/intake/review"
    wrong = person.page("/intake/step/2?from=review").press(v_name="", v_height="2")
    assert wrong.path == "/intake/step/2?from=review&check=1"
    assert wrong.press(v_name="Bo").path == "/intake/review"


def test_a_step_that_is_not_asked_leads_to_the_next_that_is(person: Person) -> None:
    assert person.get("/intake/step/3").headers["Location"] == "/intake/step/4"
    assert person.get("/intake/step/99").headers["Location"] == "/intake/step/4"


def test_typed_words_that_will_not_be_sent_are_told(person: Person) -> None:
    person.page("/intake/step/1").press(v_tools="hoe").press(v_why="to dig")
    person.page("/intake/step/1").press(v_tools="none")

    review = person.page("/intake/review")
    assert "These answers will not be sent" in review.words
    assert "to dig" in review.words


def test_an_answer_can_be_cleared_and_lines_added(tmp_path: Path) -> None:
    person = Garden(tmp_path, EVERYTHING).person()
    page = person.page("/intake/step/1").press("clear:bool", v_bool="true")
    assert "v:bool" not in page.fields
    assert "The answer was cleared" in page.words

    step = next(n for n in (1, 2, 3) if "s:lines" in person.page(f"/intake/step/{n}").fields)
    page = person.page(f"/intake/step/{step}").press("again:lines", v_lines=["one"])
    assert page.fields["v:lines"] == ["one", ""]


def test_saved_for_later_and_resumed_elsewhere(garden: Garden, person: Person) -> None:
    later = person.page("/intake/step/2").press("save", v_name="Ada")
    code = later.text.partition('class="code"')[2].partition(">")[2].partition("<")[0]
    closed = person.send("/intake/close", token=later.fields["token"][0], go="close")
    assert "__Host-cds_intake=;" in closed.headers["Set-Cookie"]

    other = Person(garden, garden.app.test_client())
    back = other.follow(other.send("/intake/resume", code=code.lower().replace("-", " ")))
    assert back.path == "/intake/step/2"
    assert back.fields["v:name"] == ["Ada"]
    assert "Welcome back" in back.words


def test_deleted_is_gone(garden: Garden, person: Person) -> None:
    secret = person.secret
    token = person.page("/intake/later").fields["token"][0]
    person.send("/intake/close", token=token, go="delete")

    assert garden.sessions.read(secret) is None


def test_leaving_goes_to_a_blank_page_and_forgets_the_cookie_not_the_answers(
    garden: Garden, person: Person
) -> None:
    secret = person.secret
    left = person.send("/intake/leave")

    assert (left.status_code, left.headers["Location"]) == (303, "/blank")
    assert "__Host-cds_intake=;" in left.headers["Set-Cookie"]
    blank = person.get("/blank").text
    assert "intake" not in blank
    assert "garden" not in blank
    assert garden.sessions.read(secret) is not None


@pytest.mark.parametrize(
    "path", ["/intake/step/1", "/intake/review", "/intake/later", "/intake/resume"]
)
def test_no_title_tells_what_the_questions_are_about(person: Person, path: str) -> None:
    text = person.page(path).text
    title = text.partition("<title>")[2].partition("</title>")[0]

    assert "Health questions" in title
    assert "garden" not in title.lower()
    assert "/intake/leave" in text


def test_a_prefilled_answer_says_where_it_is_from_until_it_is_changed(garden: Garden) -> None:
    person = garden.person(
        questionnaire="https://example.org/Questionnaire/garden|1",
        answers={"name": [{"valueString": "Ada"}]},
        origins={"name": {"source": "your gardener", "reference": "Patient/1"}},
    )
    page = person.page("/intake/step/2")
    assert "From your record: your gardener" in page.words

    page.press()
    assert "name" in person.session.origins
    person.page("/intake/step/2").press(v_name="Bo")
    assert person.session.origins == {}
    assert "From your record" not in person.page("/intake/step/2").words


def test_items_that_cannot_be_answered_here_say_so(tmp_path: Path) -> None:
    garden = Garden(tmp_path, questionnaire(item("file", "attachment"), item("who", "reference")))
    page = garden.person().page("/intake/step/1")

    assert page.words.count("cannot be answered on this page") == 2


def test_what_only_shows_is_not_taken_from_a_post(tmp_path: Path) -> None:
    fixed = item("fixed", "string", readOnly=True, initial=[{"valueString": "as it is"}])
    person = Garden(tmp_path, questionnaire(fixed, item("a", "string"))).person()
    page = person.page("/intake/step/1")
    assert "as it is" in page.words

    page.press(v_fixed="changed", s_fixed="x")
    assert person.session.answers["fixed"] == [{"valueString": "as it is"}]


def test_the_language_is_the_browsers_then_the_persons_and_keeps_what_is_typed(
    tmp_path: Path,
) -> None:
    status = {
        "url": "https://dyspareunia-cds.example/fhir/StructureDefinition/translation-status",
        "extension": [
            {"url": "lang", "valueCode": "es"},
            {"url": "status", "valueString": "made up"},
            {"url": "notice", "valueString": "Hecho por una máquina."},
        ],
    }
    asked = item("a", "string", "Why?", _text=translated("¿Por qué?"))
    garden = Garden(tmp_path, questionnaire(asked, extension=[status], language="en"))
    start = garden.app.test_client().get("/intake", headers={"Accept-Language": "es-MX,en;q=0.5"})
    assert '<html lang="es">' in start.text
    assert "Hecho por una máquina." in start.text

    person = garden.person()
    page = person.page("/intake/step/1").press("language:es", v_a="because")
    assert '<html lang="es">' in page.text
    assert "¿Por qué?" in page.words
    assert page.fields["v:a"] == ["because"]
    back = page.press("language:xx").press("language:en")
    assert '<html lang="en">' in back.text
    assert "Hecho" not in back.words


def test_the_size_of_text_stays(person: Person) -> None:
    page = person.page("/intake/step/2").press("size:large", v_name="Ada")

    assert '<html lang="en" class="large">' in page.text
    assert page.fields["v:name"] == ["Ada"]
    assert 'class="large"' in person.page("/intake/review").text


def test_what_people_write_is_text_everywhere(person: Person) -> None:
    evil = '"><script>alert(1)</script>'
    person.page("/intake/step/2").press(v_name=evil)
    person.page("/intake/step/4").press(v_note=evil)

    for path in ("/intake/step/2", "/intake/step/4", "/intake/review", "/intake/done"):
        assert "<script>alert" not in person.page(path).text


def test_the_content_names_nothing_of_its_own_in_code_or_templates() -> None:
    folder = ROOT / "cds_service" / "web"
    files = [
        *(folder / "intake").glob("*.py"),
        *folder.glob("templates/form/*"),
        *folder.glob("static/intake*"),
    ]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)

    for link_id in ("rfgen", "organs", "unwanted", "stirisk", "breastfeeding"):
        assert link_id not in text


def test_every_page_but_the_download_is_a_page_with_the_strict_policy(person: Person) -> None:
    person.page("/intake/step/2").press(v_name="Ada")
    for path in ("", "/step/1", "/review", "/later", "/resume", "/done", "/print", "/changed"):
        answer = person.get(f"/intake{path}")
        assert answer.status_code == 200, path
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert " style=" not in answer.text
        assert " onclick" not in answer.text


def test_coded_answers_of_the_chart_keep_their_own_display(garden: Garden) -> None:
    chart = {"valueCoding": coding("hoe") | {"display": "A hoe"}}
    person = garden.person(
        questionnaire="https://example.org/Questionnaire/garden|1", answers={"tools": [chart]}
    )
    person.page("/intake/step/1").press()

    assert person.session.answers["tools"] == [chart]


def test_what_the_form_itself_answers_is_nothing_begun(tmp_path: Path) -> None:
    person = Garden(tmp_path, EVERYTHING).person()

    assert person.session.answers == {"fixed": [{"valueString": "as it is"}]}
    assert "started this form already" not in person.page("/intake").words
