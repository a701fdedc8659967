"""What a person who is all canary does with the form: from the EHR, and by themselves."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import quote, urlencode

import httpx

from tests.fuzz.canaries import Canaries
from tests.fuzz.visitor import Visitor, at, said

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
        if "/intake/review" in path:
            return page
        if "/intake/emergency" in path:
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
    new = visitor.canaries.new
    launch = visitor.ehr.launch_url(
        f"{visitor.base}/intake/launch", visitor.patient, app_context=new("appContext")
    )
    for odd in (f"iss={quote(visitor.ehr.fhir_base)}x&launch=", f"iss={new('iss')}&launch="):
        said(visitor.ask("GET", f"/intake/launch?{odd}{new('launch')}"), 400, 403, 404)
    wrong = {"state": new("state"), "code": new("code")}
    said(visitor.ask("GET", f"/intake/callback?{urlencode(wrong)}"), 400, 403)
    _declined(visitor, launch)
    back = _signed_in(visitor, launch)
    entered = said(visitor.ask("GET", back), 303)
    assert entered.headers["Location"].startswith("/intake")
    said(visitor.ask("GET", back), 400)  # once more
    said(visitor.ask("POST", "/intake", data={"go": "begin"}), 303)
    review = walk_through(visitor, "/intake/step/1")
    token = {"token": token_of(review)}
    visitor.hostile.forget()
    assert visitor.canaries.leaks(said(visitor.ask("GET", "/intake/answers.json"), 200).text)
    said(visitor.ask("GET", "/intake/sending"), 303)
    said(visitor.ask("POST", "/intake/send", data={"token": new("a form's token")}), 400, 403, 409)
    said(visitor.ask("POST", "/intake/send", data=token), 303)
    (written,) = visitor.ehr.find("QuestionnaireResponse")
    assert visitor.canaries.leaks(str(written))


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


@at(
    "intake.start",
    "intake.begin",
    "intake.step",
    "intake.emergency",
    "intake.submit",
    "intake.review",
    "intake.done",
    "intake.answers_file",
    "intake.later",
    "intake.resume",
    "intake.open_again",
    "intake.changed",
    "intake.go_on",
    "intake.change_look",
    "intake.leave",
    "intake.blank",
    "intake.close",
    "intake.printed",
    "intake.reloaded",
)
def a_visit_by_oneself(visitor: Visitor) -> None:
    new = visitor.canaries.new
    visitor.http.cookies.clear()
    for path in ("/intake", "/intake/print", "/blank", "/intake/resume"):
        said(visitor.ask("GET", path), 200)
    said(visitor.ask("POST", "/intake/resume", data={"code": new("a code")}), 200)
    for pressed in ("send", "look", "leave", "close"):
        said(visitor.ask("GET", f"/intake/{pressed}?{new('a field')}={new('x')}"), 303, 404)
    lost = {"v:other": new("typed without a session"), "token": new("a token")}
    for path in ("step/1", "look", "changed", "send", "close"):
        said(visitor.ask("POST", f"/intake/{path}", data=lost), 400, 403, 404, 409, 410)
    said(visitor.ask("POST", "/intake", data={"go": new("go"), "v:other": new("begun")}), 303)
    review = walk_through(visitor, "/intake/step/1")
    assert visitor.canaries.leaks(review.text)
    token = {"token": token_of(review)}
    later = said(visitor.ask("GET", "/intake/later"), 200)
    for path in ("/intake/done", "/intake/changed", "/intake/step/2", "/intake/answers.json"):
        said(visitor.ask("GET", path), 200, 303)
    said(visitor.ask("GET", f"/intake/step/{new('a step')}"), 404)
    said(visitor.ask("POST", "/intake/changed", data=token), 303)
    said(visitor.ask("POST", "/intake/look", data={**token, "go": new("go")}), 303)
    said(visitor.ask("POST", "/intake/leave", data={new("a field"): new("x")}), 303)
    visitor.http.cookies.clear()
    code = CODE.search(later.text)
    assert code
    said(visitor.ask("POST", "/intake/resume", data={"code": code[0]}), 303)
    assert visitor.canaries.leaks(said(visitor.ask("GET", "/intake/answers.json"), 200).text)
    said(visitor.ask("POST", "/intake/close", data={**token, "go": "later"}), 303)
