"""Prefetch in every shape clients send it: whatever did not come is said, never taken as absent."""

from __future__ import annotations

from itertools import chain, combinations
from typing import Any

import pytest

from cds_service.content import load_content
from cds_service.hooks.prefetch import templates
from tests.support.clinic import (
    ABSENT,
    ENCOUNTER_START,
    ROOT,
    URINARY,
    Clinic,
    active,
    ago,
    bundle,
    card_about,
    chart_entry,
    concept,
    observation,
    sent,
    topics,
)

QUERIES = templates(load_content(ROOT))
REQUIRED = ("patient", "questionnaireResponses")
WANTED = tuple(key for key in sorted(QUERIES) if key not in (*REQUIRED, "encounter"))
SIZES = (0, 1, 2, 3, len(WANTED) - 1, len(WANTED))
SUBSETS = list(chain.from_iterable(combinations(WANTED, n) for n in SIZES))
NOT_READ = "Chart not read: {parts}; tests may already be done."
PARTS = {
    "conditions": "problem list",
    "diagnosticReports": "reports",
    "encounters": "visits",
    "medicationAdministrations": "medicines",
    "medicationDispenses": "medicines",
    "medicationRequests": "medicines",
    "medicationStatements": "medicines",
    "observations": "results",
    "procedures": "procedures",
    "serviceRequests": "orders",
}
FAILED = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "timeout", "diagnostics": "Quetzal-Canary"}],
}


def without(body: dict[str, Any], *keys: str) -> dict[str, Any]:
    kept = {k: v for k, v in body["prefetch"].items() if k not in keys}
    return {**body, "prefetch": kept}


def test_the_wanted_keys_are_those_of_discovery(clinic: Clinic) -> None:
    assert sorted(clinic.keys) == sorted((*WANTED, *REQUIRED))


@pytest.mark.requirement("1.19")
@pytest.mark.requirement("1.21")
@pytest.mark.requirement("1.26")
def test_a_call_that_lacks_some_of_the_wanted_keys_is_answered_and_says_which(
    clinic: Clinic,
) -> None:
    whole = clinic.request(URINARY)
    for subset in SUBSETS:
        cards = clinic.result(without(whole, *subset)).cards

        words = NOT_READ.format(parts=", ".join(dict.fromkeys(PARTS[k] for k in sorted(subset))))
        assert topics(cards) == ["urine-testing", "self-care"], subset
        assert all((words in c["detail"]) is bool(subset) for c in cards), subset
        assert all(("Chart not read" in c["detail"]) is bool(subset) for c in cards), subset


@pytest.mark.requirement("1.21")
@pytest.mark.requirement("3.4")
@pytest.mark.parametrize("key", REQUIRED)
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (ABSENT, "was not sent"),
        (FAILED, "failed at the client"),
        (bundle([FAILED]), "failed at the client"),
        ("Patient/person", "is not a FHIR resource"),
        ([], "is not a FHIR resource"),
        ({}, "is not a FHIR resource"),
        ({"resourceType": 5}, "is not a FHIR resource"),
        (
            {"resourceType": "Bundle", "link": [{"relation": "next", "url": "https://x"}]},
            "is not complete",
        ),
    ],
    ids=["absent", "failed", "failed-entry", "text", "list", "object", "odd-type", "paged"],
)
def test_what_nothing_can_be_said_without_is_412(
    key: str, value: Any, words: str, clinic: Clinic
) -> None:
    whole = clinic.request(URINARY)

    answer = clinic.post(without(whole, key) if value is ABSENT else sent(whole, **{key: value}))

    assert answer.status_code == 412
    (issue,) = answer.get_json()["issue"]
    assert (issue["severity"], issue["code"]) == ("error", "required")
    assert issue["expression"] == [f"prefetch.{key}"]
    assert f"prefetch.{key} {words}" in issue["diagnostics"]
    assert "GET /cds-services" in issue["diagnostics"]
    assert "Quetzal-Canary" not in answer.text


@pytest.mark.parametrize(
    "value",
    [None, bundle([]), chart_entry("Condition"), {"resourceType": "Bundle", "entry": []}],
    ids=["null", "no-hits", "another-type", "empty-entry"],
)
def test_a_patient_that_is_not_there_is_412(value: Any, clinic: Clinic) -> None:
    answer = clinic.post(sent(clinic.request(URINARY), patient=value))

    assert answer.status_code == 412
    assert "prefetch.patient holds no Patient resource" in answer.text


def test_a_patient_may_come_in_a_bundle(clinic: Clinic) -> None:
    plain = clinic.request(URINARY)

    in_a_bundle = sent(plain, patient=bundle([plain["prefetch"]["patient"]]))

    assert clinic.cards(in_a_bundle) == clinic.cards(plain)


@pytest.mark.requirement("1.22")
@pytest.mark.requirement("1.23")
@pytest.mark.parametrize(
    "empty",
    [
        None,
        {"resourceType": "Bundle", "type": "searchset", "total": 0},
        {"resourceType": "Bundle", "type": "searchset", "entry": []},
        {"resourceType": "Bundle", "entry": None},
    ],
    ids=["null", "no-entry", "entry-empty", "entry-null"],
)
def test_asked_and_nothing_there_is_a_known_absence(empty: Any, clinic: Clinic) -> None:
    plain = clinic.request(URINARY)

    emptied = sent(plain, **dict.fromkeys(WANTED, empty))

    assert clinic.cards(emptied) == clinic.cards(plain)


@pytest.mark.requirement("3.5")
@pytest.mark.parametrize("responses", [None, bundle([])], ids=["null", "no-hits"])
def test_no_response_is_known_and_nothing_to_say_is_an_empty_list(
    responses: Any, clinic: Clinic
) -> None:
    answer = clinic.post(sent(clinic.request(), questionnaireResponses=responses))

    assert (answer.status_code, answer.get_json()) == (200, {"cards": []})


@pytest.mark.requirement("1.24")
@pytest.mark.parametrize("key", WANTED)
@pytest.mark.parametrize("severity", ["error", "fatal"])
@pytest.mark.parametrize("as_entry", [False, True], ids=["itself", "entry"])
def test_a_failed_query_is_missing_data_not_data(
    key: str, severity: str, as_entry: bool, clinic: Clinic
) -> None:
    outcome = {**FAILED, "issue": [{**FAILED["issue"][0], "severity": severity}]}
    value = bundle([outcome]) if as_entry else outcome

    cards = clinic.cards(sent(clinic.request(URINARY), **{key: value}))

    assert all(NOT_READ.format(parts=PARTS[key]) in card["detail"] for card in cards)
    assert cards
    assert "Quetzal-Canary" not in str(cards)


@pytest.mark.requirement("1.24")
@pytest.mark.parametrize("severity", ["warning", "information", None])
def test_a_warning_among_the_hits_leaves_the_hits(severity: str | None, clinic: Clinic) -> None:
    done = {"effectiveDateTime": ago(days=1), "valueString": "clear"}
    test = observation(code=concept(clinic.content, "urinalysis"), **done)
    whole = clinic.request(URINARY, [test])
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": "x"}]}
    whole["prefetch"]["observations"]["entry"].append(
        {"resource": outcome, "search": {"mode": "outcome"}}
    )

    cards = clinic.cards(whole)

    assert topics(cards) == ["self-care"]
    assert "Chart not read" not in str(cards)


@pytest.mark.requirement("1.25")
def test_the_first_page_of_more_is_incomplete_not_absent(clinic: Clinic) -> None:
    whole = clinic.request(URINARY)
    page = {**bundle([]), "link": [{"relation": "next", "url": "https://ehr.example?page=2"}]}

    cards = clinic.cards(sent(whole, observations=page, conditions=page))

    assert topics(cards) == ["urine-testing", "self-care"]
    words = "Chart read in part: problem list, results; tests may already be done."
    assert all(words in card["detail"] for card in cards)


@pytest.mark.requirement("1.25")
def test_the_first_page_of_responses_is_used_when_it_holds_the_newest(clinic: Clinic) -> None:
    whole = clinic.request(URINARY)
    whole["prefetch"]["questionnaireResponses"]["link"] = [{"relation": "next", "url": "x"}]

    cards = clinic.cards(whole)

    assert topics(cards) == ["urine-testing", "self-care"]
    assert "Chart read in part: " in cards[0]["detail"]


@pytest.mark.parametrize(
    "link", [[{"relation": "self", "url": "x"}], "next", [None], [{"relation": 5}], {}], ids=str
)
def test_other_links_of_a_bundle_say_nothing(link: Any, clinic: Clinic) -> None:
    whole = clinic.request(URINARY)
    cards = clinic.cards(whole)

    assert clinic.cards(sent(whole, conditions={**bundle([]), "link": link})) == cards


# -- the encounter -------------------------------------------------------------------------


def start(clinic: Clinic, chart: list[dict[str, Any]], encounter: Any) -> dict[str, Any]:
    body = {**clinic.request(None, chart), "hook": "encounter-start"}
    body["context"]["encounterId"] = "visit"
    return body if encounter is ABSENT else sent(body, encounter=encounter)


def test_the_reason_of_the_started_encounter_counts(clinic: Clinic) -> None:
    reason = [concept(clinic.content, "dyspareunia-reason")]
    visit = chart_entry("Encounter", id="visit", status="in-progress", reasonCode=reason)

    cards = clinic.cards(start(clinic, [], visit), ENCOUNTER_START)

    assert topics(cards) == ["offer-intake"]


def test_the_same_encounter_sent_twice_counts_once(clinic: Clinic) -> None:
    reason = [concept(clinic.content, "dyspareunia-reason")]
    visit = chart_entry("Encounter", id="visit", status="in-progress", reasonCode=reason)

    found = clinic.result(start(clinic, [visit], visit)).evaluation

    assert len(found.facts.entries["dyspareuniaVisit"]) == 1


@pytest.mark.parametrize("encounter", [ABSENT, FAILED], ids=["absent", "failed"])
def test_an_encounter_that_did_not_come_is_said(encounter: Any, clinic: Clinic) -> None:
    known = active(code=concept(clinic.content, "dyspareunia-reason"))

    cards = clinic.cards(start(clinic, [known], encounter), ENCOUNTER_START)

    assert NOT_READ.format(parts="encounter") in card_about(cards, "offer-intake")["detail"]


def test_orders_carry_the_encounter_of_the_call(clinic: Clinic) -> None:
    body = {**clinic.request(URINARY), "hook": "encounter-start"}
    body["context"]["encounterId"] = "Encounter/visit"
    cards = clinic.cards(sent(body, encounter=None), ENCOUNTER_START)

    order = card_about(cards, "urine-testing")["suggestions"][0]["actions"][0]["resource"]

    assert order["encounter"] == {"reference": "Encounter/visit"}
