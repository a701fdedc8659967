"""An error is never an empty card list: whatever is wrong, the answer says so, and only that."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cds_service import create_app
from cds_service.content import Content
from cds_service.content.model import Applicability
from cds_service.decision.evaluate import evaluate
from cds_service.fhir.errors import HTTP_WORDS, UNEXPECTED, BadRequest, Issue, ServiceError, outcome
from cds_service.fhirpath import compile_expression
from tests.support.clinic import NOW, PATIENT_VIEW, QUIET, Clinic, log_lines, settings_in, topics

BROKEN = compile_expression("'Quetzal-Canary'", set())

# -- the table -----------------------------------------------------------------------------


def test_an_outcome_holds_its_issues() -> None:
    assert outcome(Issue("value", "Say it.", "context.x"), Issue("structure", "Mend it.")) == {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "value",
                "diagnostics": "Say it.",
                "expression": ["context.x"],
            },
            {"severity": "error", "code": "structure", "diagnostics": "Mend it."},
        ],
    }


def test_an_error_carries_its_words() -> None:
    error = BadRequest(Issue("value", "One."), Issue("value", "Two."))

    assert (str(error), error.status) == ("One.; Two.", 400)


def test_every_kind_of_error_has_a_status() -> None:
    kinds = ServiceError.__subclasses__()

    assert {400, 404, 412, 415} <= {kind.status for kind in kinds}
    assert all(400 <= kind.status < 600 for kind in kinds)


# Issue types of http://hl7.org/fhir/issue-type (R4) that this service may use
ISSUE_TYPES = {
    "conflict",
    "exception",
    "invalid",
    "not-found",
    "not-supported",
    "processing",
    "required",
    "structure",
    "timeout",
    "too-long",
    "transient",
    "value",
}


def test_the_words_of_the_table_are_issue_types_and_say_what_to_do() -> None:
    for code, words in HTTP_WORDS.values():
        assert code in ISSUE_TYPES
        assert words.endswith(".")
        assert len(words.split(". ")) > 1 or ";" in words


# -- what breaks inside --------------------------------------------------------------------


def test_a_failure_inside_is_500_with_no_message_and_no_trace(
    content: Content, clinic: Clinic, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def broken_clock() -> Any:
        raise LookupError("Quetzal-Canary")

    app = create_app(settings_in(tmp_path), broken_clock)
    answer = Clinic(content, app.test_client()).post(clinic.request(QUIET))

    assert answer.status_code == 500
    assert answer.get_json() == outcome(UNEXPECTED)
    assert "X-Request-Id" in answer.headers
    assert "Quetzal" not in answer.text + caplog.text
    failed = next(line for line in log_lines(caplog) if line["level"] == "error")
    assert (failed["event"], failed["error"]) == ("unexpected failure", "LookupError")
    assert failed["place"].startswith("test_a_failure_inside_is_500")
    assert "Traceback" not in caplog.text


def failing(conditions: tuple[Any, ...]) -> tuple[Any, ...]:
    """The conditions, and one whose rule answers neither true, false nor nothing."""
    return (*conditions, Applicability("a broken condition", BROKEN))


def break_reason(content: Content) -> Content:
    first, *others = content.contributions["urine-testing"]
    first = dataclasses.replace(first, conditions=failing(()))
    contributions = {**content.contributions, "urine-testing": (first, *others)}
    return dataclasses.replace(content, contributions=contributions)


def break_card(content: Content) -> Content:
    card = content.cards["urine-testing"]
    card = dataclasses.replace(card, conditions=failing(card.conditions))
    return dataclasses.replace(content, cards={**content.cards, "urine-testing": card})


def break_suggestion(content: Content) -> Content:
    card = content.cards["urine-testing"]
    first, *others = card.suggestions
    first = dataclasses.replace(first, conditions=failing(first.conditions))
    card = dataclasses.replace(card, suggestions=(first, *others))
    return dataclasses.replace(content, cards={**content.cards, "urine-testing": card})


def break_placements(content: Content) -> Content:
    return with_groups(
        content, lambda group: {"placements": tuple(map(broken_place, group.placements))}
    )


def broken_place(placement: Any) -> Any:
    if placement.card != "urine-testing":
        return placement
    return dataclasses.replace(placement, conditions=failing(placement.conditions))


def break_group(content: Content) -> Content:
    return with_groups(
        content,
        lambda group: {"conditions": failing(group.conditions)} if group.conditions else {},
    )


def with_groups(content: Content, change: Callable[[Any], dict[str, Any]]) -> Content:
    strategy = content.strategy
    moments = tuple(
        dataclasses.replace(
            moment, groups=tuple(dataclasses.replace(g, **change(g)) for g in moment.groups)
        )
        for moment in strategy.moments
    )
    return dataclasses.replace(content, strategy=dataclasses.replace(strategy, moments=moments))


@pytest.mark.parametrize(
    "broken",
    [break_reason, break_card, break_suggestion, break_placements, break_group],
    ids=["reason", "card", "suggestion", "placement", "group"],
)
def test_a_condition_that_cannot_be_evaluated_is_said_on_a_card(
    broken: Callable[[Content], Content], content: Content, clinic: Clinic
) -> None:
    """Wherever the condition stands: nobody may take what it decides for a no."""
    facts = clinic.found({**QUIET, "urine": ["burn"]}).evaluation.facts

    found = evaluate(broken(content), facts, NOW, "patient-view")

    shown = [w.card.plan["id"] for w in found.shown]
    assert shown.count("check-not-completed") == 1
    assert list(found.errors.values()) == ["a rule must answer true, false or nothing"]
    assert len(found.closed) <= 1


def test_a_failing_clock_of_one_call_leaves_the_next_alone(clinic: Clinic) -> None:
    clinic.post(b"{", PATIENT_VIEW)

    assert topics(clinic.cards(clinic.request(QUIET))) == ["self-care"]
