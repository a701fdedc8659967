"""``$populate`` and ``$validate`` for each form of a content, and answers copied between them."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.content import Content, load_content
from cds_service.fhir_api.populate import Populator
from cds_service.hooks.pipeline import Pipeline
from tests.support.clinic import INTAKE_URL, NOW, QUIET, Clinic, ago
from tests.support.made_up_forms import CODES, SEEN, add_forms, copy_content

PATIENT = {"resourceType": "Patient", "id": "person"}


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Content:
    folder = copy_content(tmp_path_factory.mktemp("content"))
    add_forms(folder)
    return load_content(folder)


def filled(content: Content, *responses: dict[str, Any]) -> dict[str, Any]:
    form = content.form("visit-seen")
    populator = Populator.of(Pipeline(content, INTAKE_URL), form)
    launch = {"patient": PATIENT, "questionnaireResponses": list(responses)}
    return populator.populate(launch, NOW).response


def test_an_item_begins_with_the_answer_of_another_form(clinic: Clinic, several: Content) -> None:
    response = filled(several, clinic.response(QUIET))

    (item,) = response["item"]
    assert response["questionnaire"] == f"{SEEN}|1"
    assert item["linkId"] == "parts"
    (answer,) = item["answer"]  # the parts that are no option here are not copied
    assert answer["valueCoding"] == {"system": CODES, "code": "uterus", "display": "Uterus"}
    assert "Questions about pain or cramps with sex" in str(answer["extension"])
    assert "auto" in str(answer["extension"])


@pytest.mark.parametrize("elements", [{"authored": ago(hours=31 * 24)}, {"status": "in-progress"}])
def test_an_answer_that_cannot_be_used_is_not_copied(
    clinic: Clinic, several: Content, elements: dict[str, Any]
) -> None:
    assert "item" not in filled(several, clinic.response(QUIET, **elements))
    assert "item" not in filled(several)


def test_what_a_launch_should_bring_follows_from_the_form(several: Content) -> None:
    pipeline = Pipeline(several, INTAKE_URL)

    seen = Populator.of(pipeline, several.form("visit-seen"))
    later = Populator.of(pipeline, several.form("visit-later"))

    assert set(seen.queries) == {"patient", "questionnaireResponses"}
    assert set(later.queries) == {"patient"}
    assert later.populate({"patient": PATIENT}, NOW).response.get("item") is None
