"""What a person who is all canary does with the form: from the EHR, and by themselves."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import quote, urlencode

import httpx

from tests.fuzz.canaries import Canaries
from tests.fuzz.visitor import Visitor, at, said

NEEDED = "/intake"
OTHER = "/forms/dyspareunia-followup"
CODE = re.compile(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){5}")


class Controls(HTMLParser):
    """The answer form of a page: what may be chosen, and what is sent as it is."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fixed: dict[str, list[str]] = {}
        self.choices: dict[str, list[str]] = {}
        self.typed: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        about = {name: value or "" for name, value in given}
        name, kind = about.get("name", ""), about.get("type", "text")
        if tag == "textarea":
            self.typed.append(name)
        elif tag == "input" and kind in ("radio", "checkbox"):
            self.choices.setdefault(name, []).append(about.get("value", ""))
        elif tag == "input" and kind == "hidden":
            self.fixed.setdefault(name, []).append(about.get("value", ""))
        elif tag == "input" and kind == "text":
            self.typed.append(name)

    def filled(self, canaries: Canaries) -> dict[str, list[str]]:
        """The first choice everywhere, and a canary wherever words can be typed."""
        chosen = {name: values[:1] for name, values in self.choices.items() if ":" in name}
        typed = {name: [canaries.new(f"typed into {name}")] for name in self.typed if ":" in name}
        return self.fixed | chosen | typed


def token_of(page: httpx.Response) -> str:
    """What a page's forms send along."""
    found = re.search(r'name="token" value="([^"]+)"', page.text)
    assert found, page.url.path
    return found[1]


def walk_through(visitor: Visitor, path: str) -> httpx.Response:
    """Answers every step; the page to read back."""
    for _ in range(60):
        page = said(visitor.ask("GET", path), 200)
        if "/review" in path:
            return page
        if "/emergency" in path:
            onward = re.search(r'class="button second" href="([^"]*)"', page.text)
            assert onward, page.text
            path = onward[1]
            continue
        fields = Controls(page.text).filled(visitor.canaries) | {"go": ["next"]}
        action = re.search(r'id="answers" method="post" action="([^"]*)"', page.text)
        assert action, page.text
        answer = said(visitor.ask("POST", action[1], data=fields), 303)
        following = answer.headers["Location"]
        if following.partition("?")[0] == path.partition("?")[0]:  # words where a number belongs
            fields |= {n: [""] for n in Controls(page.text).typed}
            answer = said(visitor.ask("POST", action[1], data=fields), 303)
            following = answer.headers["Location"]
        path = following
    raise AssertionError("the form has no end")


@at("launch.launch", "launch.callback", "intake.send", "intake.sending")
def a_visit_from_the_ehr(visitor: Visitor) -> None:
    _from_the_ehr(visitor, NEEDED)


@at("intakes.send", "intakes.sending")
def a_visit_from_the_ehr_to_another_form(visitor: Visitor) -> None:
    _from_the_ehr(visitor, OTHER)


def _from_the_ehr(visitor: Visitor, home: str) -> None:
    new = visitor.canaries.new
    written_before = len(visitor.ehr.find("QuestionnaireResponse"))
    launch = visitor.ehr.launch_url(
        f"{visitor.base}{home}/launch", visitor.patient, app_context=new("appContext")
    )
    for odd in (f"iss={quote(visitor.ehr.fhir_base)}x&launch=", f"iss={new('iss')}&launch="):
        said(visitor.ask("GET", f"{home}/launch?{odd}{new('launch')}"), 400, 403, 404)
    wrong = {"state": new("state"), "code": new("code")}
    said(visitor.ask("GET", f"/intake/callback?{urlencode(wrong)}"), 400, 403)
    _declined(visitor, launch)
    back = _signed_in(visitor, launch)
    entered = said(visitor.ask("GET", back), 303)
    assert entered.headers["Location"].startswith(home)
    said(visitor.ask("GET", back), 400)  # once more
    said(visitor.ask("POST", home, data={"go": "begin"}), 303)
    review = walk_through(visitor, f"{home}/step/1")
    token = {"token": token_of(review)}
    visitor.hostile.forget()
    file = said(visitor.ask("GET", f"{home}/answers.json"), 200)
    _has_own_words(visitor, home, file.text)
    said(visitor.ask("GET", f"{home}/sending"), 303)
    said(visitor.ask("POST", f"{home}/send", data={"token": new("a form's token")}), 400, 403, 409)
    said(visitor.ask("POST", f"{home}/send", data=token), 303)
    written = visitor.ehr.find("QuestionnaireResponse")[written_before:]
    assert len(written) == 1
    assert visitor.patient in str(written)
    _has_own_words(visitor, home, str(written).replace(visitor.patient, ""))


def _has_own_words(visitor: Visitor, home: str, text: str) -> None:
    """What was typed is there; the other form has no question for words of one's own."""
    assert bool(visitor.canaries.leaks(text)) is (home == NEEDED)


def _declined(visitor: Visitor, launch: str) -> None:
    left = said(visitor.ask("GET", launch.removeprefix(visitor.base)), 303)
    state = httpx.URL(left.headers["Location"]).params["state"]
    said_no = {
        "state": state,
        "error": visitor.canaries.new("error"),
        "error_description": visitor.canaries.new("error_description"),
    }
    answer = visitor.ask("GET", f"/intake/callback?{urlencode(said_no)}")
    said(answer, 400, 403, 502)


def _signed_in(visitor: Visitor, launch: str) -> str:
    """The path the EHR sends back to."""
    left = said(visitor.ask("GET", launch.removeprefix(visitor.base)), 303)
    with httpx.Client(trust_env=False) as browser:
        back = browser.get(left.headers["Location"])
    return str(back.headers["Location"]).removeprefix(visitor.base)


BY_ONESELF = (
    "start",
    "begin",
    "step",
    "emergency",
    "submit",
    "review",
    "done",
    "answers_file",
    "later",
    "resume",
    "open_again",
    "changed",
    "go_on",
    "change_look",
    "leave",
    "close",
    "printed",
    "reloaded",
    "own_answers",
)


@at("moved.blank", "moved.lead", *(f"intake.{name}" for name in BY_ONESELF))
def a_visit_by_oneself(visitor: Visitor) -> None:
    said(visitor.ask("GET", "/blank"), 200)
    query = f"{visitor.canaries.new('a field')}={visitor.canaries.new('x')}"
    said(visitor.ask("GET", f"/forms/dyspareunia-intake/print?{query}"), 308)
    _by_oneself(visitor, NEEDED)


@at(*(f"intakes.{name}" for name in BY_ONESELF))
def a_visit_by_oneself_to_another_form(visitor: Visitor) -> None:
    _by_oneself(visitor, OTHER)


def _by_oneself(visitor: Visitor, home: str) -> None:
    new = visitor.canaries.new
    visitor.http.cookies.clear()
    for path in (home, f"{home}/print", f"{home}/resume"):
        said(visitor.ask("GET", path), 200)
    said(visitor.ask("POST", f"{home}/resume", data={"code": new("a code")}), 200)
    for pressed in ("send", "look", "leave", "close"):
        said(visitor.ask("GET", f"{home}/{pressed}?{new('a field')}={new('x')}"), 303, 404)
    lost = {"v:other": new("typed without a session"), "token": new("a token")}
    for path in ("step/1", "look", "changed", "send", "close"):
        said(visitor.ask("POST", f"{home}/{path}", data=lost), 400, 403, 404, 409, 410)
    said(visitor.ask("POST", home, data={"go": new("go"), "v:other": new("begun")}), 303)
    review = walk_through(visitor, f"{home}/step/1")
    _has_own_words(visitor, home, review.text)
    token = {"token": token_of(review)}
    later = said(visitor.ask("GET", f"{home}/later"), 200)
    said(visitor.ask("GET", f"{home}/own"), 200)
    for path in (f"{home}/done", f"{home}/changed", f"{home}/step/2", f"{home}/answers.json"):
        said(visitor.ask("GET", path), 200, 303)
    said(visitor.ask("GET", f"{home}/step/{new('a step')}"), 404)
    said(visitor.ask("POST", f"{home}/changed", data=token), 303)
    said(visitor.ask("POST", f"{home}/look", data={**token, "go": new("go")}), 303)
    said(visitor.ask("POST", f"{home}/leave", data={new("a field"): new("x")}), 303)
    visitor.http.cookies.clear()
    code = CODE.search(later.text)
    assert code
    said(visitor.ask("POST", f"{home}/resume", data={"code": code[0]}), 303)
    file = said(visitor.ask("GET", f"{home}/answers.json"), 200)
    _has_own_words(visitor, home, file.text)
    said(visitor.ask("POST", f"{home}/close", data={**token, "go": "later"}), 303)
