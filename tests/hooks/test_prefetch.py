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
    QUIET,
    ROOT,
    URINARY,
    Clinic,
    active,
    ago,
    bundle,
    card_about,
    chart_entry,
    concept,
    key_of,
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


# -- another patient's data ----------------------------------------------------------------

OTHERS = [
    {"reference": "Patient/Quetzal-Canary"},
    {"reference": "https://ehr.example/fhir/Patient/Quetzal-Canary"},
    {"reference": "Patient/Quetzal-Canary/_history/2"},
    {"reference": "Patient/person2"},
    {"reference": "Group/person"},
]
NUMBERED = {"identifier": [{"system": "urn:mrn", "value": "1"}]}
UNTOLD = [
    {"reference": "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"},
    {"reference": "Quetzal-Canary"},
    {"reference": "#person"},
    {"reference": "https://ehr.example/fhir/people?name=person"},
    {"identifier": {"system": "urn:mrn", "value": "2"}},
]
KINDS = (
    "Condition",
    "DiagnosticReport",
    "Encounter",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "Procedure",
    "QuestionnaireResponse",
)


@pytest.mark.requirement("1.27")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("element", ["subject", "patient"])
@pytest.mark.parametrize("reference", OTHERS, ids=[o["reference"] for o in OTHERS])
def test_data_about_somebody_else_is_never_looked_at(
    kind: str, element: str, reference: dict[str, str], clinic: Clinic
) -> None:
    foreign = {"resourceType": kind, "id": "x", element: reference, "code": {"text": "Quetzal"}}
    key = key_of(kind)
    whole = clinic.request(URINARY)
    mine = [e["resource"] for e in whole["prefetch"][key].get("entry", ())]

    answer = clinic.post(sent(whole, **{key: bundle([*mine, foreign])}))

    assert answer.status_code == 412
    (issue,) = answer.get_json()["issue"]
    assert (issue["code"], issue["expression"]) == ("conflict", [f"prefetch.{key}"])
    assert "a patient other than context.patientId" in issue["diagnostics"]
    assert "Quetzal" not in answer.text


@pytest.mark.requirement("1.27")
@pytest.mark.parametrize("kind", [k for k in KINDS if k != "QuestionnaireResponse"])
@pytest.mark.parametrize("subject", UNTOLD, ids=str)
def test_an_entry_of_which_nobody_can_tell_whose_it_is_is_left_out_and_said(
    kind: str, subject: dict[str, Any], clinic: Clinic
) -> None:
    whole = clinic.request(
        {**URINARY, "rfgen": ["severe"]},
        patient={"identifier": [{"system": "urn:mrn", "value": "1"}]},
    )
    untold = {"resourceType": kind, "id": "x", "subject": subject}

    result = clinic.result(sent(whole, **{key_of(kind): bundle([untold])}))

    assert topics(result.cards)[0] == "emergency-assessment"
    assert "could not be read" in result.cards[0]["detail"]
    assert result.evaluation.facts.unusable == {kind: 1}


@pytest.mark.parametrize("subject", UNTOLD[:3], ids=str)
def test_only_a_response_of_which_nobody_can_tell_whose_it_is_is_412(
    subject: dict[str, Any], clinic: Clinic
) -> None:
    body = clinic.request(responses=[clinic.response(URINARY, subject=subject)])

    assert clinic.post(body).status_code == 412


@pytest.mark.parametrize(
    ("subject", "contained"),
    [
        (
            "#p",
            {"resourceType": "Patient", "id": "p", "identifier": [{"system": "m", "value": "1"}]},
        ),
        ("urn:uuid:8a7c1e52-0b1f-4d51-8a50-2f7f4c6f7d11", None),
    ],
    ids=["contained", "full-url"],
)
def test_a_patient_behind_a_reference_is_known_by_what_it_is(
    subject: str, contained: dict[str, Any] | None, clinic: Clinic
) -> None:
    known = active(code=concept(clinic.content, "endometriosis"), subject={"reference": subject})
    known |= {"contained": [contained]} if contained else {}
    whole = clinic.request(QUIET, [known], patient=NUMBERED)
    entry = {"fullUrl": "urn:uuid:8a7c1e52-0b1f-4d51-8a50-2f7f4c6f7d11"}
    person = {
        "resourceType": "Bundle",
        "entry": [{**entry, "resource": whole["prefetch"]["patient"]}],
    }

    facts = clinic.result(sent(whole, patient=person)).evaluation.facts

    assert [e.resource for e in facts.entries["endometriosis"]] == [known]
    assert facts.unread == ()


@pytest.mark.requirement("1.27")
def test_another_patient_is_412(clinic: Clinic) -> None:
    answer = clinic.post(clinic.request(URINARY, patient={"id": "somebody-else"}))

    assert answer.status_code == 412
    assert answer.get_json()["issue"][0]["expression"] == ["prefetch.patient"]
    assert "somebody-else" not in answer.text


@pytest.mark.requirement("1.27")
def test_a_second_patient_beside_the_right_one_is_412(clinic: Clinic) -> None:
    whole = clinic.request(URINARY)
    right = whole["prefetch"]["patient"]

    answer = clinic.post(sent(whole, patient=bundle([right, {**right, "id": "somebody-else"}])))

    assert answer.status_code == 412


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/person",
        "Patient/person/_history/4",
        "https://ehr.example/fhir/Patient/person",
        "urn:uuid:person",
        "person",
    ],
)
def test_every_way_to_refer_to_the_same_patient_is_understood(
    reference: str, clinic: Clinic
) -> None:
    known = active(code=concept(clinic.content, "endometriosis"), subject={"reference": reference})

    result = clinic.found(QUIET, [known])

    assert [e.resource for e in result.evaluation.facts.entries["endometriosis"]] == [known]


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
