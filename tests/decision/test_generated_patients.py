"""Whole-life charts of a public generator, one call each (tests/decision/generated/README.md)."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from cds_service import create_app
from cds_service.authoring.vignettes import Vignette, request_for
from cds_service.settings import Settings

HERE = Path(__file__).parent
TODAY = date(2026, 3, 2)  # the day the generated lives end
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
MAX_SUMMARY = 140
F4 = ["uterus", "cervix", "ovary", "vagina"]
M2 = ["penis", "testis"]
NO_COMPLAINT = {"sev": 0}
ENTRY_PAIN = {
    "when": ["entry"],
    "where": ["opening"],
    "dur": "gt6m",
    "sev": 4,
    "entry": "painful",
}
WEAK_STREAM = {
    "when": ["after"],
    "where": ["bladder"],
    "dur": "gt6m",
    "sev": 3,
    "urine": ["stream"],
}
PEOPLE = {"amalia-rangel": F4, "sancho-figueroa": M2}


@pytest.fixture(scope="module")
def client():
    return create_app(Settings(auth="off"), clock=lambda: NOW).test_client()


@pytest.fixture(scope="module")
def service(client):
    services = client.get("/cds-services").get_json()["services"]
    return next(s for s in services if s["hook"] == "patient-view")


@pytest.fixture
def request_of(content, vignettes, service):
    """A request for a generated person who gave these answers; their whole chart is prefetched."""

    def build(name, answers):
        chart = read_chart(name)
        patient = next(r for r in chart if r["resourceType"] == "Patient")
        given = {"answers": {"organs": PEOPLE[name], **answers}}
        person = Vignette(name, name, "generated", TODAY, given, {})
        body = request_for(person, vignettes.defaults, content, ["questionnaireResponses"])
        response = body["prefetch"]["questionnaireResponses"]["entry"][0]["resource"]
        response["subject"] = {"reference": f"Patient/{patient['id']}"}
        body["context"]["patientId"] = patient["id"]
        body["prefetch"]["patient"] = patient
        for key, query in service["prefetch"].items():
            if key not in ("patient", "questionnaireResponses", "encounter"):
                body["prefetch"][key] = bundle(chart, query.partition("?")[0])
        return body

    return build


@pytest.fixture
def cards_of(client, service):
    def call(body):
        answer = client.post(f"/cds-services/{service['id']}", json=body)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.get_json()["cards"]

    return call


def read_chart(name):
    path = HERE / "generated" / f"{name}.json"
    return [e["resource"] for e in json.loads(path.read_text(encoding="utf-8"))["entry"]]


def bundle(chart, kind):
    entries = [{"resource": r} for r in chart if r["resourceType"] == kind]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}


def ids(cards):
    return [card["source"]["topic"]["code"] for card in cards]


@pytest.mark.parametrize("name", PEOPLE)
def test_a_person_without_a_complaint_gets_only_self_care(request_of, cards_of, name):
    cards = cards_of(request_of(name, NO_COMPLAINT))

    assert ids(cards) == ["self-care"]
    assert cards[0]["indicator"] == "info"


@pytest.mark.parametrize(
    ("name", "answers", "expected", "from_chart"),
    [
        pytest.param(
            "amalia-rangel",
            ENTRY_PAIN,
            ["pelvic-exam", "medication-review", "self-care"],
            "combined contraceptive (medicines)",
            id="entry pain, and the pill only in the chart",
        ),
        pytest.param(
            "sancho-figueroa",
            WEAK_STREAM,
            ["genitourinary-exam", "medication-review", "self-care"],
            "anticholinergic medicine (medicines)",
            id="weak stream, and an antihistamine only in the chart",
        ),
    ],
)
def test_a_complaint_and_the_chart_together_bring_the_cards(
    request_of, cards_of, name, answers, expected, from_chart
):
    cards = cards_of(request_of(name, answers))

    assert ids(cards) == expected
    review = next(c for c in cards if c["source"]["topic"]["code"] == "medication-review")
    assert from_chart in review["detail"].lower()


def test_cards_are_whole(request_of, cards_of):
    cards = cards_of(request_of("amalia-rangel", ENTRY_PAIN))

    assert len({card["uuid"] for card in cards}) == len(cards)
    for card in cards:
        assert 0 < len(card["summary"]) < MAX_SUMMARY
        assert "Could not be understood" not in card["detail"]


UNREADABLE = [
    pytest.param(None, id="nothing"),
    pytest.param({"resource": None}, id="an entry without a resource"),
    pytest.param({"code": 7, "status": 7}, id="a number for a concept"),
    pytest.param({"code": {"coding": [None, "x", {"code": 1}]}}, id="codings that are none"),
    pytest.param({"code": {"coding": "x"}, "verificationStatus": []}, id="a text for a list"),
    pytest.param({"subject": [], "extension": {"url": "x"}}, id="lists and objects swapped"),
    pytest.param({"status": ["final"]}, id="a list for a status"),
]


@pytest.mark.parametrize("broken", UNREADABLE)
def test_an_entry_that_cannot_be_read_changes_nothing_else(request_of, cards_of, broken):
    body = request_of("amalia-rangel", ENTRY_PAIN)
    expected = ids(cards_of(body))

    for key, value in body["prefetch"].items():
        if key not in ("patient", "questionnaireResponses"):
            value["entry"].append(entry_of(broken, key))

    assert ids(cards_of(body)) == expected


def entry_of(broken, key):
    """The broken entry; a resource gets the type that belongs under the prefetch key."""
    if broken is None or "resource" in broken:
        return broken
    return {"resource": {"resourceType": key[0].upper() + key[1:-1], **broken}}
