"""Made-up Questionnaires about gardens, and a service that asks them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cds_service.app.middleware import add_errors
from cds_service.app.request_log import add_request_log
from cds_service.store import Store
from cds_service.web.form import Forms, Intake, SessionCookie, Submit, form_blueprints
from cds_service.web.form.from_questionnaire import read_form
from cds_service.web.form.sessions import Session, Sessions
from cds_service.web.pages import add_page_headers, static_blueprint
from tests.support.clinic import empty_database
from tests.support.ward import Clock

CORE = "http://hl7.org/fhir/StructureDefinition/"
CONTROL = CORE + "questionnaire-itemControl"
EXCLUSIVE = CORE + "questionnaire-optionExclusive"
OURS = "https://dyspareunia-cds.example/fhir/StructureDefinition/"
LABEL = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
CODES = "https://example.org/garden"
BASE = "https://garden.example"


def item(link_id: str, kind: str, text: str = "", **more: Any) -> dict[str, Any]:
    return {"linkId": link_id, "type": kind, "text": text or f"About {link_id}", **more}


def coding(code: str) -> dict[str, Any]:
    return {"system": CODES, "code": code, "display": code.title()}


def options(*codes: str, alone: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"valueCoding": coding(code)} for code in codes]
    for option in found:
        if option["valueCoding"]["code"] == alone:
            option["extension"] = [{"url": EXCLUSIVE, "valueBoolean": True}]
    return found


def control(code: str) -> dict[str, Any]:
    return {"url": CONTROL, "valueCodeableConcept": {"coding": [{"code": code}]}}


def ext(name: str, **value: Any) -> dict[str, Any]:
    return {"url": name if "/" in name else CORE + name, **value}


def when(question: str, operator: str, **answer: Any) -> dict[str, Any]:
    return {"question": question, "operator": operator, **answer}


def translated(text: str, language: str = "es") -> dict[str, Any]:
    parts = [{"url": "lang", "valueCode": language}, {"url": "content", "valueString": text}]
    return {"extension": [{"url": CORE + "translation", "extension": parts}]}


def questionnaire(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Questionnaire",
        "url": "https://example.org/Questionnaire/garden",
        "version": "1",
        "title": "Your garden",
        "status": "active",
        "item": list(items),
        **more,
    }


# Every type of item, and most of what may be said of one.
EVERYTHING = questionnaire(
    item("welcome", "display", "Welcome to the garden."),
    item("bool", "boolean"),
    item("dec", "decimal", extension=[ext("maxDecimalPlaces", valueInteger=2)]),
    item(
        "int",
        "integer",
        extension=[
            control("slider"),
            ext("minValue", valueInteger=0),
            ext("maxValue", valueInteger=10),
        ],
    ),
    item("day", "date", extension=[ext("minValue", valueDate="2020-01-01")]),
    item("moment", "dateTime"),
    item("clock", "time"),
    item("line", "string", maxLength=20, extension=[ext("regex", valueString="[A-Z][a-z ]*")]),
    item(
        "lines", "string", repeats=True, extension=[ext("questionnaire-maxOccurs", valueInteger=3)]
    ),
    item("words", "text", maxLength=50),
    item("link", "url"),
    item("one", "choice", answerOption=options("oak", "elm", "ash")),
    item("drop", "choice", answerOption=options("oak", "elm"), extension=[control("drop-down")]),
    item("many", "choice", repeats=True, answerOption=options("hoe", "rake", "none", alone="none")),
    item("open", "open-choice", repeats=True, answerOption=options("red", "blue")),
    item("contained", "choice", answerValueSet="#soils"),
    item("bundled", "choice", answerValueSet="https://example.org/ValueSet/pests"),
    item(
        "amount",
        "quantity",
        extension=[
            ext("questionnaire-unitOption", valueCoding={"system": CODES, "code": u, "display": u})
            for u in ("kg", "g")
        ],
    ),
    item("file", "attachment"),
    item("who", "reference"),
    item(
        "group",
        "group",
        item=[
            item("inner", "string"),
            item("deep", "group", item=[item("deepest", "boolean")]),
        ],
    ),
    item(
        "parent",
        "boolean",
        item=[item("child", "string"), item("aid", "display", extension=[control("help")])],
    ),
    item("secret", "text", extension=[ext(LABEL, valueCoding={"system": "conf", "code": "R"})]),
    item("fixed", "string", readOnly=True, initial=[{"valueString": "as it is"}]),
    item("unseen", "string", extension=[ext("questionnaire-hidden", valueBoolean=True)]),
    contained=[
        {
            "resourceType": "ValueSet",
            "id": "soils",
            "expansion": {
                "contains": [{"system": CODES, "code": "clay"}, {"system": CODES, "code": "sand"}]
            },
        }
    ],
)
VALUE_SETS = {
    "https://example.org/ValueSet/pests": {
        "resourceType": "ValueSet",
        "compose": {
            "include": [{"system": CODES, "concept": [{"code": "slug"}, {"code": "snail"}]}]
        },
    }
}
VALUE_SET_CODES = {"https://example.org/ValueSet/pests": {(CODES, "slug"), (CODES, "snail")}}

# Three steps with a danger, an exclusive option, and a question that hangs on another page.
SMALL = questionnaire(
    item(
        "first",
        "group",
        "The beds",
        item=[
            item(
                "tools",
                "choice",
                repeats=True,
                answerOption=options("hoe", "saw", "none", alone="none"),
            ),
            item(
                "danger",
                "display",
                "A saw is sharp. Put it down now.",
                extension=[ext(OURS + "emergency-message", valueBoolean=True)],
                enableWhen=[when("tools", "=", answerCoding=coding("saw"))],
            ),
            item("why", "string", enableWhen=[when("tools", "=", answerCoding=coding("hoe"))]),
        ],
    ),
    item(
        "second",
        "group",
        "The trees",
        item=[item("height", "integer"), item("name", "string", required=True)],
    ),
    item(
        "third",
        "group",
        "The secret",
        enableWhen=[when("height", ">", answerInteger=3)],
        item=[
            item(
                "buried",
                "choice",
                answerOption=options("gold", "bones"),
                extension=[ext(LABEL, valueCoding={"system": "conf", "code": "R"})],
            ),
            item(
                "kind",
                "display",
                "You are not to blame.",
                extension=[ext(OURS + "emergency-message", valueBoolean=True)],
                enableWhen=[when("buried", "=", answerCoding=coding("bones"))],
            ),
        ],
    ),
    item("fourth", "group", "The end", item=[item("note", "text", maxLength=30)]),
)


class Garden:
    """A service that asks one Questionnaire, with a clock and a store of its own."""

    def __init__(
        self,
        folder: Path,
        resource: Mapping[str, Any] = SMALL,
        deliver: Submit | None = None,
        *,
        secure: bool = True,
    ) -> None:
        self.cookie = SessionCookie(secure)
        self.clock = Clock()
        self.url = f"sqlite:///{folder}/garden.sqlite3"
        (folder / "garden.sqlite3").write_bytes(empty_database())
        self.store = Store(self.url, b"k" * 32)
        self.sessions = Sessions(self.store, self.clock)
        self.deliver = deliver
        self.app = self.asking(resource)

    def asking(self, resource: Mapping[str, Any]) -> Flask:
        """An application over the same store, as after a release with another Questionnaire."""
        app = Flask("garden", static_folder=None)
        add_request_log(app, "garden")
        add_errors(app)
        add_page_headers(app)
        form = read_form(resource, VALUE_SETS)
        intake = self.intake = Intake(
            form,
            VALUE_SET_CODES,
            self.sessions,
            self.cookie,
            self.clock,
            f"{BASE}/intake",
            site_words={"site emergency number": "+46 112"},
        )
        submits = {"garden": self.deliver} if self.deliver else {}
        for routes in form_blueprints(Forms({"garden": intake}, submits)):
            app.register_blueprint(routes)
        app.register_blueprint(static_blueprint())
        return app

    def person(self, app: Flask | None = None, **session: Any) -> Person:
        """Somebody who has begun; with a session of their own if its parts are given."""
        person = Person(self, (app or self.app).test_client())
        if session:
            secret = self.sessions.open(Session(**session))
            person.client.set_cookie("__Host-cds_intake", secret, domain="garden.example")
        else:
            person.send("/intake", go="begin")
        return person


class Person:
    """A browser without a script: it sends what the page's form holds."""

    def __init__(self, garden: Garden, client: FlaskClient) -> None:
        self.garden, self.client = garden, client

    @property
    def secret(self) -> str:
        cookie = self.client.get_cookie("__Host-cds_intake", domain="garden.example")
        assert cookie is not None, "no session"
        return cookie.value

    @property
    def session(self) -> Session:
        found = self.garden.sessions.read(self.secret)
        assert found is not None
        return found

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, base_url=BASE, **more)

    def send(self, path: str, **fields: Any) -> TestResponse:
        """Posts the fields as they are."""
        return self.client.post(path, data=fields, base_url=BASE)

    def page(self, path: str) -> Page:
        return Page(self, path, self.get(path))

    def follow(self, answer: TestResponse) -> Page:
        assert answer.status_code == 303, (answer.status_code, answer.text)
        return self.page(answer.headers["Location"])


class _Fields(HTMLParser):
    """What a form would send: not what is disabled, nor what stands in a disabled fieldset."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {}
        self._off: list[bool] = []
        self._select, self._area = "", ""
        self.feed(text)

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        about = {name: value or "" for name, value in given}
        if tag == "fieldset":
            self._off.append("disabled" in about)
        if any(self._off) or "disabled" in about:
            return
        if tag == "select":
            self._select = about["name"]
        elif tag == "option" and "selected" in about:
            self._add(self._select, about["value"])
        elif tag == "textarea":
            self._area = about["name"]
            self._add(self._area, "")
        elif tag == "input" and "name" in about and _is_on(about):
            self._add(about["name"], about.get("value", "on"))

    def handle_data(self, data: str) -> None:
        if self._area:
            self.found[self._area][-1] += data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "fieldset":
            self._off.pop()
        elif tag == "textarea":
            self._area = ""

    def _add(self, name: str, value: str) -> None:
        self.found.setdefault(name, []).append(value)


def _is_on(about: dict[str, str]) -> bool:
    return about.get("type") not in ("radio", "checkbox") or "checked" in about


class Page:
    """A page as a browser without a script reads it."""

    def __init__(self, person: Person, path: str, answer: TestResponse) -> None:
        self.person, self.path, self.answer = person, path, answer
        self.text = answer.text

    @property
    def words(self) -> str:
        return unescape(re.sub(r"<[^>]*>", " ", self.text))

    @property
    def fields(self) -> dict[str, list[str]]:
        """What its form would send if the person changed nothing: not what waits to be shown."""
        return _Fields(self.text).found

    def press(self, go: str = "next", **changes: Any) -> Page:
        """Fills fields (``v_tools=["hoe"]`` is ``v:tools``) and presses a button."""
        return self.person.follow(self.sent(go, **changes))

    def sent(self, go: str = "next", **changes: Any) -> TestResponse:
        fields = self.fields | {"go": [go]}
        for name, value in changes.items():
            fields[name.replace("_", ":", 1)] = value if isinstance(value, list) else [value]
        action = re.search(r'id="answers" method="post" action="([^"]*)"', self.text)
        return self.person.client.post(action[1], data=fields, base_url=BASE) if action else None
