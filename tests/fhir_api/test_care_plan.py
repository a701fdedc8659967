"""``$apply`` says what the hook says: the same cards, orders and silence, as an R4 CarePlan."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from fhir.resources.R4B.careplan import CarePlan

from cds_service.authoring.vignettes import Case, Vignettes, request_for
from cds_service.fhir_api.apply import apply_plan
from cds_service.fhir_api.parameters import Parameters
from tests.support.care_plans import (
    INSTANCE,
    PLANS,
    STRATEGY,
    URINARY,
    Json,
    applied,
    as_cards,
    as_parameters,
    expected,
    group,
    messages,
    parameter,
    parameters,
    referred,
    with_indicators,
)
from tests.support.clinic import NOW, PERSON, QUIET, Clinic, active, bundle, concept

# -- the same as the hook -------------------------------------------------------------------


def test_every_vignette_gets_the_same_cards_and_orders(
    clinic: Clinic, vignettes: Vignettes, cases: list[Case]
) -> None:
    pipeline, content = clinic.pipeline, clinic.content
    strategy = content.resources[STRATEGY]
    assert len(cases) > 300
    for case in cases:
        vignette = case.vignette
        keys = pipeline.queries
        body = request_for(vignette, vignettes.defaults, content, keys)
        body["hookInstance"] = INSTANCE
        answer = pipeline.answer(pipeline.service_for(vignette.hook), body, vignette.now)

        plan = apply_plan(pipeline, strategy, as_parameters(body), vignette.now, INSTANCE).care_plan

        shown = [{**card, "priority": None} for card in expected(answer.cards)]
        assert with_indicators(as_cards(plan)) == shown, vignette.id
        assert orders_of(plan) == [r for card in shown for r in resources(card)]


def resources(card: Json) -> list[Json]:
    return [suggestion["resource"] for suggestion in card["suggestions"]]


def orders_of(care_plan: Json) -> list[Json]:
    """What is contained beside the group, the messages and the notes of cards without orders."""
    notes = {
        action["resource"]["reference"].removeprefix("#")
        for action in group(care_plan).get("action", ())
        if "resource" in action
    }
    others = {"cards", "messages"} | notes
    return [r for r in care_plan["contained"] if r["id"] not in others]


def test_every_vignettes_care_plan_is_valid_fhir(
    clinic: Clinic, vignettes: Vignettes, cases: list[Case]
) -> None:
    strategy = clinic.content.resources[STRATEGY]
    for case in cases[::9]:
        vignette = case.vignette
        body = request_for(vignette, vignettes.defaults, clinic.content, clinic.pipeline.queries)

        made = apply_plan(clinic.pipeline, strategy, as_parameters(body), vignette.now, INSTANCE)

        CarePlan.model_validate(orjson.loads(orjson.dumps(made.care_plan)))
        assert_like_r4(made.care_plan)


def assert_like_r4(care_plan: Json) -> None:
    """Invariants that the models do not check: dom-2, dom-3, rqg-1."""
    references = [node.get("reference") for node in walk(care_plan)]
    used = {reference for reference in references if isinstance(reference, str)}
    for resource in care_plan["contained"]:
        assert "contained" not in resource
        assert f"#{resource['id']}" in used
    for action in group(care_plan).get("action", ()):
        for one in (action, *action.get("action", ())):
            assert ("resource" in one) != ("action" in one)


def walk(node: Any) -> list[Json]:
    if isinstance(node, list):
        return [found for child in node for found in walk(child)]
    if isinstance(node, dict):
        return [node, *(found for child in node.values() for found in walk(child))]
    return []


def test_data_in_one_bundle_is_the_same_as_data_by_key(clinic: Clinic) -> None:
    body = clinic.request(URINARY, [active(code=concept(clinic.content, "endometriosis"))])
    everything = [
        e["resource"] for value in body["prefetch"].values() for e in value.get("entry", ())
    ]
    data = bundle([body["prefetch"]["patient"], *everything])
    sent = [
        parameter("subject", f"Patient/{PERSON}"),
        parameter("practitioner", "Practitioner/example"),
        parameter("data", data),
        {"name": "useServerData", "valueBoolean": False},
    ]

    assert as_cards(applied(clinic, parameters(*sent))) == as_cards(
        applied(clinic, as_parameters(body))
    )


def test_what_is_not_in_the_bundle_is_not_taken_for_absent(clinic: Clinic) -> None:
    body = clinic.request(URINARY)
    prefetch = body["prefetch"]
    data = bundle([prefetch["patient"], prefetch["questionnaireResponses"]["entry"][0]["resource"]])

    plan = applied(clinic, parameters(parameter("subject", PERSON), parameter("data", data)))

    missing = {i["expression"][0] for i in messages(plan) if i["code"] == "incomplete"}
    assert missing == set(clinic.pipeline.queries) - {
        "patient",
        "questionnaireResponses",
        "encounter",
    }
    assert "Chart not read: problem list" in group(plan)["action"][0]["description"]


# -- what an action says --------------------------------------------------------------------


def urinary(clinic: Clinic) -> tuple[Json, Json]:
    plan = applied(clinic, as_parameters(clinic.request(URINARY)))
    return plan, next(a for a in group(plan)["action"] if a["id"] == "urine-testing")


def test_an_action_says_why_and_what_held(clinic: Clinic) -> None:
    _, action = urinary(clinic)

    held = [c["expression"]["expression"] for c in action["condition"]]
    assert "%C18" in held
    assert {c["kind"] for c in action["condition"]} == {"applicability"}
    assert all(c["expression"]["description"] for c in action["condition"])
    assert action["textEquivalent"]
    assert action["documentation"]


def test_the_plan_names_what_it_was_made_from(clinic: Clinic) -> None:
    plan, action = urinary(clinic)

    version = clinic.content.resources[STRATEGY]["version"]
    assert plan["instantiatesCanonical"] == [f"{STRATEGY}|{version}"]
    assert (plan["status"], plan["intent"]) == ("draft", "proposal")
    assert plan["subject"] == group(plan)["subject"] == {"reference": f"Patient/{PERSON}"}
    assert plan["created"] == NOW.isoformat()
    order = referred(plan, action["action"][0]["resource"])
    assert f"{PLANS}/urine-testing|{version}" in order["instantiatesCanonical"]
    assert order["requester"] == {"reference": "Practitioner/example"}


def test_nothing_to_say_is_a_plan_without_actions(clinic: Clinic) -> None:
    plan = applied(clinic, as_parameters(clinic.request()))

    assert "action" not in group(plan)
    CarePlan.model_validate(plan)


def test_two_calls_of_one_patient_make_different_requests(clinic: Clinic) -> None:
    sent = as_parameters(clinic.request(URINARY))
    strategy = clinic.content.resources[STRATEGY]
    made = [apply_plan(clinic.pipeline, strategy, sent, NOW, name).care_plan for name in ("a", "b")]

    first, second = ({r["id"] for r in orders_of(plan)} for plan in made)
    assert first
    assert not first & second


# -- privacy --------------------------------------------------------------------------------

SAFE = {**QUIET, "private": "yes", "safe": "no", "trauma": "yes", "stirisk": ["newpartner"]}


def test_without_a_practitioner_the_answer_is_for_the_patient(clinic: Clinic) -> None:
    body = clinic.request(SAFE)
    body["context"]["userId"] = f"Patient/{PERSON}"

    plan = applied(clinic, as_parameters(body))

    shown = {action["id"] for action in group(plan)["action"]}
    assert not shown & {"private-conversation", "trauma-informed-care"}
    assert "stirisk" not in orjson.dumps(plan).decode()
    assert [i["expression"] for i in messages(plan)] == [["practitioner"]]


def test_a_patients_session_is_one_whoever_is_named(clinic: Clinic) -> None:
    sent = as_parameters(clinic.request(SAFE))
    user = {"coding": [{"code": "patient"}]}
    patients = Parameters((*sent.sent, {"name": "userType", "valueCodeableConcept": user}))

    shown = {action["id"] for action in group(applied(clinic, patients))["action"]}

    assert "private-conversation" not in shown


def test_a_condition_that_looks_at_a_private_answer_is_told_on_its_own_card_only(
    clinic: Clinic,
) -> None:
    plan = applied(clinic, as_parameters(clinic.request(SAFE)))

    actions = {action["id"]: action for action in group(plan)["action"]}
    assert actions["private-conversation"]["condition"]
    assert "condition" not in actions["trauma-informed-care"]


# -- one plan alone -------------------------------------------------------------------------


def test_a_card_plan_alone_is_its_card_with_all_reasons(clinic: Clinic) -> None:
    sent = as_parameters(clinic.request(URINARY))
    _, whole = urinary(clinic)

    (alone,) = group(applied(clinic, sent, f"{PLANS}/urine-testing"))["action"]

    assert alone["id"] == "urine-testing"
    assert alone["condition"] == whole["condition"]
    assert alone["textEquivalent"] == whole["textEquivalent"]


def test_a_card_plan_that_nobody_asks_for_is_silent(clinic: Clinic) -> None:
    sent = as_parameters(clinic.request(URINARY))

    assert "action" not in group(applied(clinic, sent, f"{PLANS}/bowel-workup"))


def test_a_cause_alone_is_the_cards_it_asks_for(clinic: Clinic) -> None:
    sent = as_parameters(clinic.request(URINARY))
    cause = f"{PLANS}/urinary-infection-no-penis"

    plan = applied(clinic, sent, cause)

    (action,) = group(plan)["action"]
    assert action["id"] == "urine-testing"
    assert [c["expression"]["expression"] for c in action["condition"]] == [
        "%C18",
        "%answers.urine.burn",
    ]
    assert plan["instantiatesCanonical"][0].startswith(cause)


def test_an_emergency_holds_back_a_card_plan_as_it_does_in_the_whole(clinic: Clinic) -> None:
    sent = as_parameters(clinic.request({**URINARY, "rfgen": ["severe"], "sev": 9}))

    assert "action" not in group(applied(clinic, sent, f"{PLANS}/pelvic-floor-care"))
    flags = group(applied(clinic, sent, f"{PLANS}/red-flags"))["action"]
    assert flags[0]["id"] == "emergency-assessment"


@pytest.mark.parametrize("kind", ["causes", "cards", ""])
def test_every_plan_can_be_applied(kind: str, clinic: Clinic) -> None:
    sent = as_parameters(clinic.request(URINARY))
    files = clinic.content.files.items()
    plans = [u for u, f in files if f.startswith("plan_definitions/") and f"/{kind}" in f]

    for url in plans:
        CarePlan.model_validate(applied(clinic, sent, url))
