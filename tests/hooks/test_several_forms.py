"""What cards say of a second form, where they lead to it, and when a task is due."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cds_service.content import load_content
from cds_service.hooks.pipeline import Pipeline
from tests.content.breaking import edit, findings, variable
from tests.support.clinic import (
    INTAKE_URL,
    NOW,
    QUIET,
    Clinic,
    active,
    ago,
    card_about,
    chart_entry,
    concept,
)
from tests.support.made_up_forms import (
    CODES,
    SEEN,
    add_forms,
    copy_content,
    extension,
    hours,
)

CAUSE = "plan_definitions/causes/urinary-infection-no-penis.json"
CARD = "plan_definitions/cards/urine-testing.json"
TASK = "activity_definitions/send-intake-form.json"
RED = {"linkId": "skin", "answer": [{"valueCoding": {"system": CODES, "code": "red"}}]}


def also_red(plan: dict[str, Any]) -> None:
    rule = variable(plan, "C18")
    rule["expression"] = f"({rule['expression']}) or %seen.skin.red"


def with_link(plan: dict[str, Any]) -> None:
    link = {
        "id": "record-what-is-seen",
        "title": "Record what is seen",
        "definitionCanonical": SEEN,
    }
    plan["action"][0]["action"].append(link)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    folder: Path = copy_content(tmp_path_factory.mktemp("content"))
    add_forms(folder)
    edit(folder, CAUSE, also_red)
    edit(folder, CARD, with_link)
    due = [hours("due-after", 72)]
    window = [hours("", 24, "before"), hours("", 48, "after")]
    due.append(extension("due-window", extension=window))
    edit(folder, TASK, lambda task: task.setdefault("extension", []).extend(due))
    return Pipeline(load_content(folder), INTAKE_URL)


def cards(pipeline: Pipeline, body: dict[str, Any]) -> list[dict[str, Any]]:
    return pipeline.answer(pipeline.service_for("patient-view"), body, NOW).cards


def seen(**elements: Any) -> dict[str, Any]:
    given = {"questionnaire": SEEN, "status": "completed", "authored": ago(hours=30)}
    return chart_entry("QuestionnaireResponse", **{**given, "item": [RED], **elements})


def test_a_card_quotes_the_other_form_behind_its_heading(
    pipeline: Pipeline, clinic: Clinic
) -> None:
    responses = [clinic.response(QUIET), seen()]

    card = card_about(cards(pipeline, clinic.request(responses=responses)), "urine-testing")

    assert "Seen on 21 Nov 2026: the skin: red" in card["detail"]
    assert "urine-testing" not in json.dumps(
        [c["source"]["topic"] for c in cards(pipeline, clinic.request(QUIET))]
    )


def test_a_card_leads_to_the_form_it_names(pipeline: Pipeline, clinic: Clinic) -> None:
    body = clinic.request(responses=[clinic.response(QUIET), seen()])

    links = card_about(cards(pipeline, body), "urine-testing")["links"]

    assert links[0] == {
        "label": "Record what is seen",
        "url": "https://example.org/forms/visit-seen",
        "type": "absolute",
    }


def test_a_task_says_from_when_to_when_it_may_be_done(pipeline: Pipeline, clinic: Clinic) -> None:
    reason = concept(pipeline.content, "dyspareunia-reason")
    body = clinic.request(chart=[active(code=reason, recordedDate=ago(days=1))])
    card = card_about(cards(pipeline, body), "offer-intake")

    drafts = [s["actions"][0]["resource"] for s in card["suggestions"]]

    assert {"start": "2026-11-24T12:00:00+00:00", "end": "2026-11-27T12:00:00+00:00"} in [
        draft.get("restriction", {}).get("period") for draft in drafts
    ]


def test_what_is_no_task_is_never_due(folder: Path) -> None:
    edit(
        folder,
        "activity_definitions/urine-culture.json",
        lambda order: order.setdefault("extension", []).append(hours("due-after", 72)),
    )

    assert {f.message for f in findings(folder)} == {"only a Task has a time when it is due"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copy_content(tmp_path)
