"""A site's own codes: ConceptMaps that count, and maps that are refused in one sentence."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from cds_service.content import Content, ContentError, load_content
from cds_service.content.codes import normalise
from cds_service.decision.explain import explain
from cds_service.hooks.pipeline import Pipeline
from cds_service.hooks.prefetch import templates
from tests.support.clinic import INTAKE_URL, NOW, PERSON, ROOT, ago, bundle

from .breaking import CANONICAL_BASE

EXAMPLES = ROOT / "examples" / "code-maps"
LAB = "urn:oak-clinic:laboratory"
MAP: dict[str, Any] = {
    "resourceType": "ConceptMap",
    "status": "draft",
    "group": [
        {
            "source": LAB,
            "target": f"{CANONICAL_BASE}/CodeSystem/chart-concepts",
            "element": [
                {
                    "code": "HCG-U",
                    "target": [{"code": "pregnancy-test", "equivalence": "equivalent"}],
                }
            ],
        }
    ],
}


def with_map(tmp_path: Path, document: Any) -> Content:
    (tmp_path / "ours.json").write_text(
        document if isinstance(document, str) else json.dumps(document), encoding="utf-8"
    )
    return load_content(ROOT, code_maps=tmp_path)


def test_a_mapped_code_is_recognised_asked_for_and_explained(
    tmp_path: Path, content: Content
) -> None:
    mapped = with_map(tmp_path, MAP)
    test = {
        "resourceType": "Observation",
        "id": "it",
        "status": "final",
        "subject": {"reference": f"Patient/{PERSON}"},
        "code": {"coding": [{"system": LAB, "code": "HCG-U"}]},
        "effectiveDateTime": ago(hours=5),
        "interpretation": [
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0078", "code": "NEG"}]}
        ],
    }
    pipeline = Pipeline(mapped, INTAKE_URL)
    body = {
        "hook": "patient-view",
        "hookInstance": "it",
        "context": {"userId": "Practitioner/it", "patientId": PERSON},
        "prefetch": {
            **dict.fromkeys(pipeline.queries),
            "patient": {"resourceType": "Patient", "id": PERSON},
            "observations": bundle([test]),
        },
    }

    result = pipeline.answer(pipeline.service_for("patient-view"), body, NOW)

    entries = explain(result.evaluation)["chart"]["entries"]["pregnancyTestResultWithin2Days"]
    assert entries[0]["matchedBy"] == "site map"
    assert f"{LAB}|HCG-U" in templates(mapped)["observations"]
    assert LAB not in templates(content)["observations"]
    assert mapped.version != content.version


@pytest.mark.parametrize(
    ("system", "code", "value_set"),
    [
        ("http://www.ama-assn.org/go/cpt", "58300", "iud-insertion"),
        ("http://www.whocc.no/atc", "B01AF01", "anticoagulants"),
        ("http://fhir.de/CodeSystem/bfarm/ops", "5-683", "hysterectomy"),
    ],
)
def test_the_examples_load_and_add_codes(
    system: str, code: str, value_set: str, content: Content
) -> None:
    url = f"{CANONICAL_BASE}/ValueSet/{value_set}"

    mapped = load_content(ROOT, code_maps=EXAMPLES)

    assert normalise(system, code) in mapped.value_sets[url]
    assert normalise(system, code) not in content.value_sets[url]


def broken(**changes: Any) -> dict[str, Any]:
    document = copy.deepcopy(MAP)
    target = document["group"][0]["element"][0]["target"][0]
    for name, value in changes.items():
        holder = target if name in target else document["group"][0]
        holder[name] = value
    return document


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("{", "not valid JSON"),
        ({"resourceType": "ConceptMap"}, "not valid FHIR R4"),
        (broken(code="pregnancy-tests"), "there is no value set 'pregnancy-tests'"),
        (broken(equivalence="narrower"), "equivalence must be one of"),
        (broken(source=None), "must name the code system"),
        (broken(target="urn:other"), "its codes name value sets"),
    ],
)
def test_a_map_that_cannot_be_read_ends_the_start_with_one_sentence(
    document: Any, words: str, tmp_path: Path
) -> None:
    with pytest.raises(ContentError) as caught:
        with_map(tmp_path, document)

    assert any(words in f.message and f.file == "ours.json" for f in caught.value.findings)


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ContentError) as caught:
        load_content(ROOT, code_maps=tmp_path)

    assert [f.message for f in caught.value.findings] == ["no JSON file found in this folder"]
