"""Inputs rebuilt from public reports, and other members of each kind, each with its right answer
(``cases/right-answers.yaml`` says how it is written; made-up people)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from werkzeug.test import TestResponse

from tests.support.clinic import PATIENT_VIEW, Clinic, topics

CASES = Path(__file__).parent / "cases"
ANSWERS: dict[str, Any] = yaml.safe_load((CASES / "right-answers.yaml").read_text())
MEMBERS = [
    pytest.param(name, change, change.get("right", kind["right"]), id=f"{name}-{number}")
    for name, kind in ANSWERS.items()
    for number, change in enumerate(({}, *kind["also"]))
]
ADDRESSES = {  # of the cases that are no call of patient-view
    "accept-fhir-version": "/fhir/QuestionnaireResponse/$validate",
    "apply-encounter-with-version": "/fhir/PlanDefinition/dyspareunia-workup/$apply",
    "populate-subject-with-version": "/fhir/Questionnaire/dyspareunia-intake/$populate",
    "problem-entered-in-error": "/cds-services/dyspareunia-workup-problem-list-item-create",
}


def merged(target: Any, patch: Any) -> Any:
    """The target with a JSON Merge Patch applied (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    kept = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        kept[name] = merged(kept.get(name), value)
        if value is None:
            del kept[name]
    return kept


def changed(body: Any, path: list[str], patch: Any) -> Any:
    """The body with a patch at a path; a number is the resource of that entry of a Bundle."""
    if not path:
        return merged(body, patch)
    step, *rest = path
    if not step.isdigit():
        return {**body, step: changed(body.get(step), rest, patch)}
    entries = list(body["entry"])
    entry = entries[int(step)]
    entries[int(step)] = {**entry, "resource": changed(entry["resource"], rest, patch)}
    return {**body, "entry": entries}


def written(name: str, change: dict[str, Any]) -> bytes:
    """The body of a case with its changes, as it is sent."""
    # Written by the standard library, which keeps half of a pair of surrogates.
    body = json.loads((CASES / f"{name}.json").read_text())
    text = json.dumps(body, separators=(",", ":"))
    if change.keys() & {"set", "add"}:
        for path, patch in change.get("set", {}).items():
            within = [] if path.split(".")[0] in {"context", "parameter"} else ["prefetch"]
            body = changed(body, [*within, *path.split(".")], patch)
        for key, resources in change.get("add", {}).items():
            entries = body["prefetch"][key]["entry"] + [{"resource": r} for r in resources]
            body["prefetch"][key] |= {"entry": entries, "total": len(entries)}
        return orjson.dumps(body)
    for old, new in change.get("text", {}).items():
        assert old in text, old
        text = text.replace(old, new)
    return text.encode()


def answer(clinic: Clinic, name: str, change: dict[str, Any]) -> TestResponse:
    address = ADDRESSES.get(name, f"/cds-services/{PATIENT_VIEW}")
    content_type = "application/fhir+json" if address.startswith("/fhir") else "application/json"
    accept = {"Accept": change["accept"]} if "accept" in change else {}
    body = written(name, change)
    return clinic.client.post(address, data=body, content_type=content_type, headers=accept)


def wrong(right: dict[str, Any], response: TestResponse) -> Iterator[str]:
    """The parts of the right answer that a response does not hold."""
    cards = response.get_json().get("cards", []) if response.status_code == 200 else []
    shown = [
        f"{card['indicator']} {topic}" for card, topic in zip(cards, topics(cards), strict=True)
    ]
    words = "\n".join(card["detail"] for card in cards)
    holds = {
        "status": lambda wanted: response.status_code == wanted,
        "holds": lambda wanted: wanted in response.text,
        "lacks": lambda wanted: wanted not in response.text,
        "cards": lambda wanted: response.status_code == 200 and len(cards) == wanted,
        "first": lambda wanted: shown[:1] == [wanted],
        "shows": lambda wanted: set(wanted) <= set(shown),
        "hides": lambda wanted: not set(wanted) & set(topics(cards)),
        "summary": lambda wanted: bool(cards) and cards[0]["summary"].startswith(wanted),
        "says": lambda wanted: wanted in words,
        "never": lambda wanted: bool(cards) and wanted not in words,
        "suggests": lambda wanted: (
            wanted in [s["label"] for card in cards for s in card.get("suggestions", ())]
        ),
    }
    return (f"{name}: {wanted}" for name, wanted in right.items() if not holds[name](wanted))


@pytest.mark.parametrize(("name", "change", "right"), MEMBERS)
def test_each_member_of_each_kind_is_answered_right(
    name: str, change: dict[str, Any], right: dict[str, Any], clinic: Clinic
) -> None:
    response = answer(clinic, name, change)

    assert list(wrong(right, response)) == [], response.text


def test_every_case_has_three_others_of_its_kind() -> None:
    assert ANSWERS.keys() == {path.stem for path in CASES.glob("*.json")}
    assert min(len(kind["also"]) for kind in ANSWERS.values()) >= 3
