"""A made-up second topic, files only, beside this one in one process: told apart everywhere."""

from __future__ import annotations

import json
import re
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service import create_app
from cds_service.app.topics import names_of, pipelines_of
from cds_service.content import Content, ContentError, load_content
from cds_service.decision.visibility import UnknownName, visibility_of
from cds_service.settings import Settings, listed
from cds_service.store import Store, SwitchRecord
from tests.content.breaking import edit
from tests.support.clinic import (
    KEY,
    MAKE_UUID,
    NOW,
    PATIENT_VIEW,
    QUIET,
    ROOT,
    Clinic,
    ago,
    card_about,
    chart_entry,
    settings_in,
    topics,
)
from tests.support.ward import Clock, visit

SECOND = ROOT / "tests/support/second_topic"
ANKLE, ANKLES = "ankle-workup-patient-view", "/topics/ankle-workup"
CANONICAL = "https://walks.example/r4/Questionnaire"
EXAM = "https://dyspareunia-cds.example/fhir/Questionnaire/dyspareunia-exam"
PLACED = "https://cds.example.org"
OPEN = {"Authorization": "Bearer open"}
SEEN_FILE = "questionnaires/ankle-seen.json"


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def both(content: Content, clock: Clock, tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    folder = tmp_path_factory.mktemp("topics")
    settings = settings_in(folder, content=f"{ROOT},{SECOND}", report_token="open")
    return Clinic(content, create_app(settings, clock).test_client())


@pytest.fixture
def client(both: Clinic) -> FlaskClient:
    return both.client


def answered(form: str, system: str, code: str, **more: Any) -> dict[str, Any]:
    """A response with one answer to the item that its code system is named for."""
    coding = {"system": system, "code": code}
    item = {
        "linkId": system.rpartition("/")[2].removeprefix("exam-"),
        "answer": [{"valueCoding": coding}],
    }
    given = {"questionnaire": form, "status": "completed", "authored": ago(hours=1)}
    return chart_entry("QuestionnaireResponse", **{**given, "item": [item], **more})


def ankle(code: str = "yes", **more: Any) -> dict[str, Any]:
    system = "https://walks.example/r4/CodeSystem/swollen"
    return answered(f"{CANONICAL}/ankle-intake", system, code, **more)


def bruise() -> dict[str, Any]:
    system = "https://walks.example/r4/CodeSystem/bruise"
    return answered(f"{CANONICAL}/ankle-seen", system, "yes", id="bruise")


def exam() -> dict[str, Any]:
    system = "https://dyspareunia-cds.example/fhir/CodeSystem/exam-xvulva"
    return answered(EXAM, system, "lump", id="exam")


def test_the_topic_is_files_only() -> None:
    assert {path.suffix for path in SECOND.rglob("*") if path.is_file()} == {".json"}


def test_its_services_stand_beside_the_others(client: FlaskClient) -> None:
    services = client.get("/cds-services").get_json()["services"]
    paths = client.get("/openapi.json").get_json()["paths"]

    ids = [service["id"] for service in services]
    assert ids[-1] == ANKLE
    assert ids[0] == PATIENT_VIEW
    assert {f"/cds-services/{name}" for name in ids} <= paths.keys()


def test_a_call_is_about_the_topic_of_its_service(both: Clinic) -> None:
    cards = both.cards(visit(both, responses=[ankle()]), ANKLE)

    assert topics(cards) == ["ankle-exam", "self-care"]
    card = card_about(cards, "ankle-exam")
    assert card["indicator"] == "warning"
    assert card["summary"] == "Swollen ankle: consider an exam"
    assert [link["url"] for link in card["links"]] == [
        f"{PLACED}/forms/ankle-seen",
        f"{PLACED}{ANKLES}/content/cards/ankle-exam#A1",
    ]


MAIN = ["intake", "exam"]
OTHER = ["ankle", "bruise"]


@pytest.mark.parametrize(
    ("service", "own", "foreign"),
    [
        (PATIENT_VIEW, MAIN, OTHER),
        (PATIENT_VIEW, ["intake"], OTHER),
        (PATIENT_VIEW, ["exam"], ["bruise"]),
        (PATIENT_VIEW, [], OTHER),
        (ANKLE, OTHER, MAIN),
        (ANKLE, ["ankle"], MAIN),
        (ANKLE, [], MAIN),
    ],
)
def test_no_finding_of_one_topic_reaches_the_other(
    service: str, own: list[str], foreign: list[str], both: Clinic
) -> None:
    made = {
        "intake": both.response(QUIET),
        "exam": exam(),
        "ankle": ankle(id="ankle"),
        "bruise": bruise(),
    }
    body = both.request(responses=[made[name] for name in own])
    mixed = both.request(responses=[made[name] for name in (*foreign, *own)])

    alone = both.cards(body, service)

    assert both.cards(mixed, service) == alone
    assert bool(alone) == bool(own)


@pytest.mark.parametrize("named", ["{}", "{}|1", "{}|7", "contained"])
def test_a_response_is_of_the_form_it_names_however_it_names_it(named: str, both: Clinic) -> None:
    """Two thirds of its items are the intake's: by them alone it might be a response to that."""
    url = f"{CANONICAL}/ankle-intake"
    more: dict[str, Any] = {"questionnaire": named.format(url)}
    if named == "contained":
        form = {"resourceType": "Questionnaire", "id": "f", "url": url, "status": "draft"}
        more = {"questionnaire": "#f", "contained": [form]}
    system = "https://walks.example/r4/CodeSystem/swollen"
    response = ankle(**more)
    response["item"] += both.items({k: QUIET[k] for k in ("sev", "safe", "preg", "dur")})

    cards = {
        service: both.cards(visit(both, responses=[response]), service)
        for service in (PATIENT_VIEW, ANKLE)
    }

    assert system in json.dumps(response)
    assert cards[PATIENT_VIEW] == []
    assert topics(cards[ANKLE]) == ["ankle-exam", "self-care"]


def test_cards_of_two_topics_in_one_moment_have_ids_of_their_own(both: Clinic) -> None:
    """A client calls every service of a hook with one hookInstance."""
    body = both.request(responses=[both.response(QUIET), ankle(id="ankle")])

    ids = [
        {card["uuid"] for card in both.cards(body, service)} for service in (PATIENT_VIEW, ANKLE)
    ]

    assert ids[0]
    assert ids[1]
    assert not ids[0] & ids[1]


# -- forms and resources ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "title"),
    [
        ("/intake", "Questions about pain or cramps with sex"),
        ("/forms/ankle-intake", "Questions about your ankle"),
        ("/forms/ankle-seen", "What was seen"),
        ("/forms/ankle-intake/print", "Questions about your ankle"),
        ("/forms/dyspareunia-exam", "Exam findings"),
        ("/content", "Pain with sex"),
        (f"{ANKLES}/content", "A sore ankle after a walk"),
        (f"{ANKLES}/content/cards/self-care", "Rest"),
        ("/content/cards/self-care", "Self-care"),
    ],
)
def test_each_form_and_page_is_of_its_topic(address: str, title: str, client: FlaskClient) -> None:
    answer = client.get(address)

    assert answer.status_code == 200
    assert title in answer.text


@pytest.mark.parametrize(
    "address",
    [
        "/fhir/Questionnaire/ankle-intake",
        f"{ANKLES}/fhir/Questionnaire/dyspareunia-intake",
        "/content/cards/ankle-exam",
        f"{ANKLES}/content/cards/urine-testing",
        "/topics/dyspareunia-workup/content",
    ],
)
def test_nothing_of_one_topic_is_at_the_addresses_of_the_other(
    address: str, client: FlaskClient
) -> None:
    assert client.get(address).status_code == 404


def test_the_resources_of_the_topic_are_its_own(client: FlaskClient) -> None:
    found = client.get(f"{ANKLES}/fhir/PlanDefinition").get_json()
    form = client.get(f"{ANKLES}/fhir/Questionnaire/ankle-intake")
    statement = client.get(f"{ANKLES}/fhir/metadata").get_json()

    assert {entry["resource"]["publisher"] for entry in found["entry"]} == {
        "A made-up walking club"
    }
    assert form.content_type == "application/fhir+json"
    assert statement["implementation"]["url"] == f"{PLACED}{ANKLES}/fhir"


def test_every_link_of_its_pages_leads_somewhere_in_it(client: FlaskClient) -> None:
    seen, left = set[str](), {f"{ANKLES}/content"}
    while left:
        address = left.pop()
        seen.add(address)
        answer = client.get(address)
        assert answer.status_code == 200, address
        links = re.findall(r'(?:href|action)="(/[^"#]*)', answer.text)
        own = {link for link in links if not link.startswith("/static/") and link != "/"}
        assert {link for link in own if not link.startswith((ANKLES, "/forms/ankle-"))} == set()
        left |= {link for link in own if link.startswith(f"{ANKLES}/content")} - seen

    assert len(seen) > 8


# -- switches and reports ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def contents(content: Content) -> tuple[Content, ...]:
    return content, load_content(SECOND)


@pytest.mark.parametrize(
    ("silent", "main", "second"),
    [
        ("", ["self-care"], ["ankle-exam", "self-care"]),
        ("ankle-workup/REC-SELF", ["self-care"], ["ankle-exam"]),
        ("dyspareunia-workup/REC-SELF", [], ["ankle-exam", "self-care"]),
        ("ankle-workup", ["self-care"], []),
        ("REC-ANKLE", ["self-care"], ["self-care"]),
        ("A1,dyspareunia-workup", [], []),
    ],
)
def test_a_name_is_switched_in_the_topic_that_it_names(
    silent: str, main: list[str], second: list[str], contents: tuple[Content, ...], clinic: Clinic
) -> None:
    names = names_of(contents)
    names.check(listed(silent))
    now = visibility_of(names, listed(silent), ())
    body = clinic.request(responses=[clinic.response(QUIET), ankle(id="ankle")])

    shown = [
        topics(pipeline.answer(pipeline.service_for("patient-view"), body, NOW).cards)
        for pipeline in pipelines_of(Settings(), contents, names, lambda: now, MAKE_UUID)
    ]

    assert shown == [main, second]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("REC-SELF", "write dyspareunia-workup/REC-SELF or ankle-workup/REC-SELF"),
        ("ankle-workup/REC-UA", "'ankle-workup/REC-UA'"),
        ("zebra", "'zebra'"),
        ("ankle-workup/ankle-check-not-completed", "has to speak"),
    ],
)
def test_a_name_that_is_not_clear_is_refused(
    name: str, words: str, contents: tuple[Content, ...]
) -> None:
    with pytest.raises(UnknownName, match=re.escape(words)):
        names_of(contents).check(["A1", name])


def test_a_switch_of_a_shared_name_from_before_stays_off_everywhere(
    content: Content, tmp_path: Path
) -> None:
    """It was thrown while there was one topic: nothing that is off may speak again."""
    settings = settings_in(tmp_path, content=(ROOT, SECOND))
    store = Store(settings.database_url, KEY)
    store.switch(SwitchRecord(NOW, "REC-SELF", True, "somebody", "too early"))
    store.close()
    clinic = Clinic(content, create_app(settings, lambda: NOW).test_client())
    body = clinic.request(responses=[clinic.response(QUIET), ankle(id="ankle")])

    assert topics(clinic.cards(body)) == []
    assert topics(clinic.cards(body, ANKLE)) == ["ankle-exam"]


def test_reports_are_told_apart(
    both: Clinic, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = visit(both, responses=[both.response(QUIET), ankle(id="ankle")])
    both.cards(body)
    card = card_about(both.cards(body, ANKLE), "self-care")
    outcome = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": NOW.isoformat()}
    taken = both.client.post(f"/cds-services/{ANKLE}/feedback", json={"feedback": [outcome]})
    monkeypatch.setattr(clock, "now", NOW + timedelta(minutes=1))
    wrong = both.client.get("/reports/feedback.json?topic=zebra", headers=OPEN)
    page = both.client.get("/reports?topic=ankle-workup", headers=OPEN)

    def overridden(topic: str) -> dict[str, int]:
        rows = both.client.get(f"/reports/feedback.json{topic}", headers=OPEN).get_json()
        return {r["id"]: r["overridden"] for r in rows if r["by"] == "card" and not r["version"]}

    assert taken.status_code == 200, taken.text
    assert overridden("")["REC-SELF"] == 0
    assert overridden("?topic=dyspareunia-workup") == overridden("")
    assert overridden("?topic=ankle-workup") == {"REC-ANKLE": 0, "REC-SELF": 1}
    assert "Rest" in page.text
    assert wrong.status_code == 400


# -- what the service does not start with -----------------------------------------------------


def a_copy(_folder: Path) -> None:
    """Nothing is changed: the second has the ids of the first."""


def unnamed(folder: Path) -> None:
    edit(folder, SEEN_FILE, lambda form: form["extension"].pop(0))


def one_view(folder: Path) -> None:
    edit(folder, SEEN_FILE, lambda form: form["extension"][0].update(valueCode="answers"))


@pytest.mark.parametrize(
    ("change", "file", "words"),
    [
        (a_copy, "", "the topic 'ankle-workup' is already in"),
        (a_copy, "", "the form 'ankle-seen' is already in"),
        (unnamed, SEEN_FILE, "a view needs a name"),
        (one_view, SEEN_FILE, "the view 'answers' is already"),
    ],
)
def test_the_service_does_not_start(change: Any, file: str, words: str, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    shutil.copytree(SECOND, folder)
    change(folder)

    with pytest.raises(ContentError) as caught:
        create_app(settings_in(tmp_path, content=(SECOND, folder)), lambda: NOW)

    found = [finding for finding in caught.value.findings if words in finding.message]
    assert [finding.file for finding in found] == [f"{folder}/{file}" if file else str(folder)]
