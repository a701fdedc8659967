"""``$apply`` when a rule fails, when a parameter is wrong, and when a part is switched off."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fhir.resources.R4B.careplan import CarePlan

from cds_service.content import Content
from cds_service.decision.visibility import visibility_of
from cds_service.fhir.errors import BadRequest, MissingFacts, UnknownService
from cds_service.fhir_api.apply import apply_plan
from cds_service.fhir_api.parameters import Parameters
from cds_service.fhirpath import compile_expression
from cds_service.hooks.pipeline import Pipeline
from tests.support.care_plans import (
    INSTANCE,
    PLANS,
    STRATEGY,
    URINARY,
    Json,
    applied,
    as_parameters,
    group,
    messages,
    parameter,
    parameters,
)
from tests.support.clinic import NOW, PERSON, Clinic, observation


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
