"""``$apply`` says what the hook says: the same cards, orders and silence, as an R4 CarePlan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from fhir.resources.R4B.careplan import CarePlan

from cds_service.authoring.vignettes import Case, Vignettes, request_for
from cds_service.content import Content
from cds_service.decision.visibility import visibility_of
from cds_service.fhir.errors import BadRequest, MissingFacts, UnknownService
from cds_service.fhir_api.apply import apply_plan
from cds_service.fhir_api.parameters import Parameters, read_parameters
from cds_service.fhirpath import compile_expression
from cds_service.hooks.pipeline import Pipeline
from tests.support.clinic import NOW, PERSON, QUIET, Clinic, active, bundle, concept, observation

Json = dict[str, Any]
PLANS = "https://dyspareunia-cds.example/fhir/PlanDefinition"
STRATEGY = f"{PLANS}/dyspareunia-workup"
URINARY = {**QUIET, "urine": ["burn"]}
INSTANCE = "one-call"


def parameter(name: str, value: Any) -> Json:
    kind = "resource" if isinstance(value, dict) else "valueString"
    return {"name": name, kind: value}


def parameters(*sent: Json) -> Parameters:
    return read_parameters({"resourceType": "Parameters", "parameter": list(sent)})


def as_parameters(body: Json) -> Parameters:
    """What a caller of ``$apply`` sends in place of a hook's request."""
    context = body["context"]
    sent = [
        parameter("subject", f"Patient/{context['patientId']}"),
        parameter("hook", body["hook"]),
    ]
    if context["userId"].startswith("Practitioner"):
        sent.append(parameter("practitioner", context["userId"]))
    if "encounterId" in context:
        sent.append(parameter("encounter", f"Encounter/{context['encounterId']}"))
    for name in ("draftOrders", "conditions", "appointments"):
        if name in context:
            sent.append(parameter(name, context[name]))
    for key, resource in body["prefetch"].items():
        parts = [parameter("key", key), *([parameter("data", resource)] if resource else [])]
        sent.append({"name": "prefetchData", "part": parts})
    return parameters(*sent)


def applied(clinic: Clinic, sent: Parameters, plan: str = STRATEGY) -> Json:
    resource = clinic.content.resources[plan]
    return apply_plan(clinic.pipeline, resource, sent, NOW, INSTANCE).care_plan


def group(care_plan: Json) -> Json:
    """The RequestGroup that the only activity refers to."""
    (activity,) = care_plan["activity"]
    return referred(care_plan, activity["reference"])


def referred(care_plan: Json, reference: Json) -> Json:
    """The contained resource behind a reference."""
    found = {f"#{r['id']}": r for r in care_plan["contained"]}
    assert len(found) == len(care_plan["contained"])
    return found[reference["reference"]]


def messages(care_plan: Json) -> list[Json]:
    found = [e["valueReference"] for e in care_plan.get("extension", ())]
    return [issue for told in found for issue in referred(care_plan, told)["issue"]]


def as_cards(care_plan: Json) -> list[Json]:
    """The cards an answer of ``$apply`` stands for, as far as it can hold them."""
    return [
        {
            "topic": action["code"][0]["coding"][0],
            "summary": action["title"],
            "detail": action["description"],
            "priority": action["priority"],
            "selectionBehavior": action.get("selectionBehavior"),
            "suggestions": [
                {
                    "label": choice["title"],
                    "recommended": choice.get("precheckBehavior"),
                    "description": choice["description"],
                    "resource": referred(care_plan, choice["resource"]),
                }
                for choice in action.get("action", ())
            ],
        }
        for action in group(care_plan).get("action", ())
    ]


INDICATOR = {"routine": "info", "asap": "warning", "urgent": "warning", "stat": "critical"}


def expected(cards: list[Json]) -> list[Json]:
    """Cards of a hook, in the same shape."""
    return [
        {
            "topic": card["source"]["topic"],
            "summary": card["summary"],
            "detail": card["detail"],
            "indicator": card["indicator"],
            "selectionBehavior": card.get("selectionBehavior"),
            "suggestions": [
                {
                    "label": suggestion["label"],
                    "recommended": "yes" if suggestion.get("isRecommended") else None,
                    "description": suggestion["actions"][0]["description"],
                    "resource": suggestion["actions"][0]["resource"],
                }
                for suggestion in card.get("suggestions", ())
            ],
        }
        for card in cards
    ]


def with_indicators(cards: list[Json]) -> list[Json]:
    return [{**c, "indicator": INDICATOR[c["priority"]]} | {"priority": None} for c in cards]


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


# -- failures -------------------------------------------------------------------------------


def test_a_rule_that_fails_is_an_action_and_an_error(content: Content, clinic: Clinic) -> None:
    failing = compile_expression("%patient.birthDate > %patient.birthDate.toString() + 'x'")
    cards = dict(content.contributions)
    first = next(c for c in cards["urine-testing"] if c.source.id == "C18")
    rest = [c for c in cards["urine-testing"] if c is not first]
    broken = replace(first.conditions[0], expression=failing)
    cards["urine-testing"] = (replace(first, conditions=(broken,)), *rest)
    body = clinic.request(URINARY)
    pipeline = Pipeline(replace(content, contributions=cards), "https://x.example")

    made = apply_plan(pipeline, content.resources[STRATEGY], as_parameters(body), NOW, INSTANCE)

    failed = content.strategy.failed
    assert failed in [action["id"] for action in group(made.care_plan)["action"]]
    (error,) = [i for i in messages(made.care_plan) if i["severity"] == "error"]
    assert error["code"] == "exception"
    CarePlan.model_validate(made.care_plan)


SUBJECT = parameter("subject", f"Patient/{PERSON}")
REFUSED: dict[str, tuple[list[Json], type[Exception], str]] = {
    "nobody": ([], BadRequest, "subject"),
    "two-people": ([SUBJECT, SUBJECT], BadRequest, "subject"),
    "a-group": ([parameter("subject", "Group/1")], BadRequest, "subject"),
    "no-data": ([SUBJECT], MissingFacts, "prefetchData patient"),
    "an-endpoint": (
        [SUBJECT, parameter("dataEndpoint", {"resourceType": "Endpoint"})],
        BadRequest,
        "Parameters.parameter",
    ),
    "another-plan": (
        [SUBJECT, parameter("planDefinition", {"resourceType": "PlanDefinition"})],
        BadRequest,
        "Parameters.parameter",
    ),
    "a-location": (
        [SUBJECT, parameter("practitioner", "Location/1")],
        BadRequest,
        "practitioner",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_done_is_said(name: str, clinic: Clinic) -> None:
    sent, error, place = REFUSED[name]

    with pytest.raises(error) as caught:
        applied(clinic, parameters(*sent))

    assert caught.value.issues[0].expression == place  # type: ignore[attr-defined]


def test_everything_that_is_missing_is_named_at_once(clinic: Clinic) -> None:
    with pytest.raises(MissingFacts) as caught:
        applied(clinic, parameters(SUBJECT))

    places = [issue.expression for issue in caught.value.issues]
    assert places == ["prefetchData patient", "prefetchData questionnaireResponses"]


def test_a_hook_nobody_answers_is_said(clinic: Clinic) -> None:
    body = clinic.request(URINARY)

    with pytest.raises(UnknownService, match="hook must be one of"):
        applied(clinic, as_parameters({**body, "hook": "order-dispatch"}))


def test_errors_are_told_in_the_parameters_words(clinic: Clinic) -> None:
    other = observation(subject={"reference": "Patient/other"})
    body = clinic.request(URINARY, [other])

    with pytest.raises(MissingFacts) as caught:
        applied(clinic, as_parameters(body))

    assert "context." not in str(caught.value)
    assert "prefetch." not in str(caught.value)
    assert "subject" in str(caught.value)


def test_what_changes_nothing_is_said_to_be_passed_over(clinic: Clinic) -> None:
    sent = as_parameters(clinic.request(URINARY))
    more = Parameters((*sent.sent, parameter("organization", "Organization/1")))

    assert [i["expression"] for i in messages(applied(clinic, more))] == [["organization"]]


@pytest.mark.parametrize("how", ["off", "silent"])
def test_what_must_not_speak_does_not_speak_here_either(
    how: str, content: Content, clinic: Clinic
) -> None:
    plans = ("urine-testing",)
    silent, off = (plans, ()) if how == "silent" else ((), plans)
    names = clinic.pipeline.names
    pipeline = Pipeline(content, "https://x.example", lambda: visibility_of(names, silent, off))
    sent = as_parameters(clinic.request(URINARY))

    for plan in (STRATEGY, f"{PLANS}/urine-testing"):
        made = apply_plan(pipeline, content.resources[plan], sent, NOW, INSTANCE).care_plan
        assert "urine-testing" not in [a["id"] for a in group(made).get("action", ())]
