"""The rules of the clinical proof, where that document is at hand, and forms made up for them."""

import re
from pathlib import Path
from random import Random
from typing import Any

import pytest

PROOF = Path(__file__).parents[3] / "shared" / "contributions.md"
needs_rules = pytest.mark.skipif(not PROOF.exists(), reason=f"the proved rules are not at {PROOF}")

_ANSWER = re.compile(r"%answers\.(\w+)\.`?(\w+)")
_REQUIREMENT = re.compile(r"%((?:lab|med|proc|cond|img)_\w+)")
_STATUSES, _GENDERS = ("POS", "NEG"), ("female", "male", "other")


def rules() -> dict[str, str]:
    """Every proved rule by name."""
    listed = PROOF.read_text(encoding="utf-8").split("## Every rule as proved FHIRPath")[1]
    lines = listed.split("```")[1].strip().splitlines()
    return {name: rule for name, _, rule in (line.partition(" = ") for line in lines)}


def form(named: dict[str, str], random: Random) -> dict[str, Any]:
    """Made-up inputs for the rules: some questions answered, some results on file."""
    text = " ".join(named.values())
    answers: dict[str, Any] = {"sev": random.choice([None, *range(11)])}
    for question, option in sorted(set(_ANSWER.findall(text))):
        answers.setdefault(question, {})[option] = random.choice([True, False, False, None])
    inputs: dict[str, Any] = {name: [] for name in sorted(set(_REQUIREMENT.findall(text)))}
    for name in inputs:
        if random.random() < 0.2:
            inputs[name] = [observation(random.choice(_STATUSES)) for _ in range(2)]
    return inputs | {
        "answers": answers,
        "age": random.choice([12, 17, 24, 33, 56]),
        "sbp": random.choice([None, 85, 99, 120]),
        "rr": random.choice([None, 18, 24]),
        "temp": random.choice([None, 37.0, 38.6]),
        "chartpreg": random.choice([None, True, False]),
        "sexParameter": None,
        "patient": {
            "resourceType": "Patient",
            "gender": random.choice(_GENDERS),
        },
    }


def observation(code: str) -> dict[str, Any]:
    """A laboratory result with this interpretation."""
    coding = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"}
    return {
        "resourceType": "Observation",
        "status": "final",
        "interpretation": [{"coding": [coding | {"code": code}]}],
    }
