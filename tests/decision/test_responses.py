"""Which response is read, which may be the newest, and what is never passed over in silence."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.clinic import FORM, QUIET, Clinic, active, ago, card_about, concept, topics

DANGER = {**QUIET, "rfgen": ["severe"]}
MORNING, NOON = "2026-11-22T08:00:00Z", "2026-11-22T11:00:00Z"


def shown(clinic: Clinic, *responses: dict[str, Any]) -> list[str]:
    return topics(clinic.cards(clinic.request(responses=responses)))


def is_emergency(clinic: Clinic, *responses: dict[str, Any]) -> bool:
    return "emergency-assessment" in shown(clinic, *responses)


# -- which form -------------------------------------------------------------------------------


def contained(**elements: Any) -> dict[str, Any]:
    form = {"resourceType": "Questionnaire", "id": "q", "status": "active", **elements}
    return {"questionnaire": "#q", "contained": [form]}


@pytest.mark.parametrize(
    "named",
    [
        contained(url=FORM),
        contained(url=f"{FORM}|0.1.0"),
        contained(url="https://x.example/q", derivedFrom=[f"{FORM}|0.1.0"]),
        {"questionnaire": FORM},
    ],
    ids=["url", "version", "derived", "plain"],
)
def test_a_response_may_name_the_form_through_what_it_contains(
    named: dict[str, Any], clinic: Clinic
) -> None:
    assert is_emergency(clinic, clinic.response(DANGER, **named))


MAYBE = [
    {"questionnaire": "Questionnaire/dyspareunia-intake"},
    {"questionnaire": "https://other.example/fhir/Questionnaire/dyspareunia-intake|3"},
    {"questionnaire": None},
    {"questionnaire": "#nowhere"},
    {"questionnaire": ["x"]},
    contained(url="https://other.example/q"),
]


@pytest.mark.parametrize("named", MAYBE, ids=str)
def test_one_that_may_be_ours_is_412_or_said(named: dict[str, Any], clinic: Clinic) -> None:
    foreign = clinic.response(DANGER, **named)

    alone = clinic.post(clinic.request(responses=[foreign]))
    beside = clinic.cards(clinic.request(responses=[clinic.response(QUIET), foreign]))

    assert alone.status_code == 412
    assert "may answer the form dyspareunia-intake" in alone.text
    assert "1 of the forms filled in could not be read." in beside[0]["detail"]


@pytest.mark.parametrize(
    "elements",
    [
        {"questionnaire": "https://x.example/Questionnaire/phq9", "item": [{"linkId": "/44250-9"}]},
        {"questionnaire": None, "item": []},
        {**MAYBE[0], "authored": ago(days=31)},
        {**MAYBE[0], "status": "entered-in-error"},
    ],
    ids=["another", "empty", "old", "in-error"],
)
def test_one_that_is_not_ours_or_no_longer_counts_is_passed_over(
    elements: dict[str, Any], clinic: Clinic
) -> None:
    assert shown(clinic, clinic.response(DANGER, **elements)) == []


@pytest.mark.parametrize(
    "elements",
    [
        {"status": None},
        {"status": "finished"},
        {"modifierExtension": [{"url": "urn:negated", "valueBoolean": True}]},
        {"implicitRules": "urn:rules"},
    ],
    ids=str,
)
def test_one_that_may_not_be_used_as_it_is_is_412(elements: dict[str, Any], clinic: Clinic) -> None:
    answer = clinic.post(clinic.request(responses=[clinic.response(DANGER, **elements)]))

    assert answer.status_code == 412


def test_a_site_may_name_the_form_in_its_own_way(make: Any, clinic: Clinic) -> None:
    site = "https://site.example/Questionnaire/pain"
    response = clinic.response(DANGER, questionnaire=f"{site}|2")

    ward = make(form_canonicals=f"https://x.example/q, {site}")

    assert topics(ward.cards(clinic.request(responses=[response])))[0] == "emergency-assessment"


# -- which is newer ---------------------------------------------------------------------------


def dated(clinic: Clinic, answers: dict[str, Any], authored: str, **meta: Any) -> dict[str, Any]:
    return clinic.response(answers, authored=authored, meta=meta)


@pytest.mark.parametrize(
    ("quiet", "danger", "expected"),
    [
        ({"lastUpdated": MORNING}, {"lastUpdated": NOON}, True),
        ({"lastUpdated": NOON}, {"lastUpdated": MORNING}, False),
        ({"versionId": "1"}, {"versionId": "2"}, True),
        ({"versionId": "10"}, {"versionId": "9"}, False),
        ({}, {}, True),
        ({"lastUpdated": NOON}, {}, True),
        ({"versionId": "a"}, {"versionId": "b"}, True),
    ],
    ids=str,
)
@pytest.mark.parametrize("order", [1, -1])
def test_of_two_of_the_same_moment_the_one_changed_later_is_the_newer(
    quiet: dict[str, str], danger: dict[str, str], expected: bool, order: int, clinic: Clinic
) -> None:
    both = [dated(clinic, QUIET, MORNING, **quiet), dated(clinic, DANGER, MORNING, **danger)]

    assert is_emergency(clinic, *both[::order]) is expected


@pytest.mark.parametrize(
    ("quiet", "danger", "expected"),
    [
        (NOON, "2026-11-22", True),
        ("2026-11-22", NOON, True),
        ("2026-11-22", "2026-11", True),
        ("2026-11-22", "2026-11-21", False),
        (NOON, MORNING, False),
        (MORNING, "2026-11-22T12:00:00+04:00", True),  # the same moment
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_an_emergency_counts_in_any_that_may_be_the_newest(
    quiet: str, danger: str, expected: bool, order: int, clinic: Clinic
) -> None:
    both = [dated(clinic, QUIET, quiet), dated(clinic, DANGER, danger)]

    assert is_emergency(clinic, *both[::order]) is expected


def test_the_card_says_that_another_form_may_be_newer(clinic: Clinic) -> None:
    both = [dated(clinic, QUIET, NOON), dated(clinic, DANGER, "2026-11-22")]

    card = clinic.cards(clinic.request(responses=both))[0]

    assert "Another form may be newer than this one" in card["detail"]


# -- without a date, or not finished --------------------------------------------------------------


@pytest.mark.parametrize("authored", [None, "soon", 5, "2027-01-01", ago(hours=-25)], ids=str)
def test_an_undated_response_is_read_as_stale(authored: Any, clinic: Clinic) -> None:
    danger = clinic.response(DANGER, authored=authored)
    quiet = clinic.response({**QUIET, "urine": ["burn"]}, authored=authored)

    assert is_emergency(clinic, danger)
    assert is_emergency(clinic, clinic.response(QUIET), danger)
    cards = clinic.cards(clinic.request(responses=[quiet]))
    assert {"ask-now", "urine-testing"} <= set(topics(cards)) or len(cards) >= 2
    assert all("Date of the answers unknown: confirm." in card["detail"] for card in cards)
    facts = clinic.found(responses=[quiet]).evaluation.facts
    assert "rfgen" not in facts.answers.view
    assert facts.answers.view["urine"]["burn"] is True


@pytest.mark.parametrize("status", ["in-progress", "stopped"])
@pytest.mark.parametrize("authored", [ago(hours=1), ago(hours=71), None], ids=str)
def test_an_emergency_in_a_form_that_was_begun_is_asked_about(
    status: str, authored: Any, clinic: Clinic
) -> None:
    begun = clinic.response({"rfgen": ["severe"]}, status=status, authored=authored)

    (card,) = clinic.cards(clinic.request(responses=[begun]))

    assert card["summary"] == "Form begun, not finished, an emergency sign ticked: ask now"
    assert card["indicator"] == "warning"
    assert "sudden, very strong pain in the lower belly" in card["detail"]
    assert "The rest of the form was not used." in card["detail"]


def test_an_emergency_in_a_form_begun_since_is_asked_about_beside_the_answers(
    clinic: Clinic,
) -> None:
    finished = clinic.response({**QUIET, "urine": ["burn"]}, authored=ago(hours=6))
    begun = clinic.response(DANGER, status="in-progress", authored=ago(hours=5))

    cards = clinic.cards(clinic.request(responses=[begun, finished]))

    assert card_about(cards, "ask-now")["summary"].startswith("Form begun, not finished")
    assert {"urine-testing", "self-care"} <= set(topics(cards))
    assert "emergency-assessment" not in topics(cards)


@pytest.mark.parametrize(
    ("answers", "authored"), [(QUIET, ago(hours=1)), (DANGER, ago(hours=73))], ids=["quiet", "old"]
)
def test_a_form_that_was_begun_only_asks_to_be_finished(
    answers: dict[str, Any], authored: str, clinic: Clinic
) -> None:
    begun = clinic.response(answers, status="in-progress", authored=authored)

    (card,) = clinic.cards(clinic.request(responses=[begun]))

    assert card["summary"] == (
        "Form begun, not finished: finish it together, or ask the emergency questions"
    )
    assert "its answers were not used" in card["detail"]


def test_a_form_that_was_begun_before_one_finished_is_over(clinic: Clinic) -> None:
    begun = clinic.response(QUIET, status="in-progress", authored=ago(hours=5))

    cards = clinic.cards(clinic.request(responses=[begun, clinic.response(QUIET)]))

    assert "offer-intake" not in topics(cards)


def test_a_form_that_was_finished_since_replaces_the_one_begun(clinic: Clinic) -> None:
    begun = clinic.response(DANGER, status="in-progress", authored=ago(hours=5))

    cards = clinic.cards(
        clinic.request(responses=[begun, clinic.response(QUIET, authored=ago(hours=4))])
    )

    assert "ask-now" not in topics(cards)


def test_an_unusable_response_leaves_the_offer_of_the_form_out_not_silent(clinic: Clinic) -> None:
    reason = active(code=concept(clinic.content, "dyspareunia-reason"))
    foreign = clinic.response(QUIET, questionnaire="Questionnaire/dyspareunia-intake")

    assert clinic.post(clinic.request(None, [reason], responses=[foreign])).status_code == 412
