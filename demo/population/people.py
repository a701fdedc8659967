"""One made-up person after another, from ``population.yaml`` and a seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import yaml

from cds_service.authoring.vignettes import CODED, DATED, INTERPRETATION, STATUS, UCUM
from cds_service.content import Content
from demo.population.intake import made_response

SYSTEMS = {
    "snomed": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "icd10cm": "http://hl7.org/fhir/sid/icd-10-cm",
    "local": "https://hospital.example.org/codes",
}
LISTS = ("conclusionCode", "reasonCode")  # elements that hold a list of concepts
META = {"versionId": "1", "lastUpdated": "2026-10-30T02:00:00Z"}
BITS_OF_ID = 128
MAX_CONCEPTS = 20  # of a value set that are used


@cache
def profile() -> Mapping[str, Any]:
    """What the population is like."""
    path = Path(__file__).with_name("population.yaml")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


class PeopleMaker:
    """Makes people for one content at one moment (aware); the same seed makes the same people."""

    def __init__(self, content: Content, seed: int, now: datetime) -> None:
        self.content = content
        self.random = Random(seed)
        self.now = now
        sets = {telling["set"] for telling in profile()["telling"]}
        self.concepts = {name: _concepts(content, name) for name in sets}

    def person(self) -> Iterator[dict[str, Any]]:
        """Yields the resources of the next person, the Patient first."""
        random, made = self.random, profile()
        age, gender = self._age(made["ages"]), self._one_of(made["genders"])
        patient = self._patient(age, gender, random.random() < made["deceased"])
        yield patient
        name = patient["id"]
        for kind, of_kind in made["background"].items():
            for _ in range(random.randint(*of_kind["number"])):
                system, code, display = random.choice(of_kind["concepts"])
                coding = {"system": SYSTEMS[system], "code": code, "display": display}
                yield self._entry(kind, name, coding, 3000)
        for telling in made["telling"]:
            if self._applies(telling, age, gender):
                yield self._telling(telling, name)
        for local in made["look_alikes"]:
            if self._applies(local, age, gender):
                coding = {"system": SYSTEMS["local"], "code": local["code"]}
                yield self._entry(local["type"], name, coding | {"display": local["display"]}, 900)
        if "deceasedBoolean" not in patient and random.random() < made["answered"]:
            yield made_response(self.content, random, made, name, gender, self.now)

    def _age(self, ages: list[list[int]]) -> int:
        (youngest, oldest, _), *_ = self.random.choices(ages, [weight for *_, weight in ages])
        return self.random.randint(youngest, oldest)

    def _one_of(self, weights: Mapping[str, int]) -> str:
        return self.random.choices(list(weights), list(weights.values()))[0]

    def _id(self) -> str:
        return str(UUID(int=self.random.getrandbits(BITS_OF_ID), version=4))

    def _patient(self, age: int, gender: str, died: bool) -> dict[str, Any]:
        name = self._id()
        born = self.now - timedelta(days=age * 365.25 + self.random.randrange(365))
        return {
            "resourceType": "Patient",
            "id": name,
            "meta": META,
            "identifier": [{"system": "https://hospital.example.org/mrn", "value": f"M{name[:8]}"}],
            "name": [{"use": "official", "family": f"Made-up-{name[:4]}", "given": ["Example"]}],
            "gender": gender,
            "birthDate": born.date().isoformat(),
            **({"deceasedBoolean": True} if died else {}),
        }

    def _applies(self, one: Mapping[str, Any], age: int, gender: str) -> bool:
        youngest, oldest = one.get("ages", (0, 200))
        fits = gender in one.get("gender", (gender,)) and youngest <= age <= oldest
        return fits and self.random.random() < one["share"]

    def _telling(self, telling: Mapping[str, Any], name: str) -> dict[str, Any]:
        coding = self.random.choice(self.concepts[telling["set"]])
        entry = self._entry(telling["type"], name, coding, telling["days"])
        if "result" in telling:
            code = self.random.choice(telling["result"])
            entry["interpretation"] = [{"coding": [{"system": INTERPRETATION, "code": code}]}]
        if "value" in telling:
            least, most, unit = telling["value"]
            value = round(self.random.uniform(least, most), 1)
            entry["valueQuantity"] = {"value": value, "unit": unit, "system": UCUM, "code": unit}
        return entry

    def _entry(self, kind: str, name: str, coding: Mapping[str, str], days: int) -> dict[str, Any]:
        element = CODED.get(kind, "code")
        concept = {"coding": [coding], "text": coding["display"]}
        when = self.now - timedelta(days=self.random.randint(1, days), hours=self.random.random())
        stamp = when.isoformat(timespec="seconds")
        entry: dict[str, Any] = {
            "resourceType": kind,
            "id": self._id(),
            "meta": META,
            **STATUS.get(kind, {}),
            element: [concept] if element in LISTS else concept,
            "subject": {"reference": f"Patient/{name}"},
            "encounter": {"reference": f"Encounter/{self._id()}"},
        }
        if kind == "Encounter":
            del entry["encounter"]
            entry["period"] = {"start": stamp, "end": stamp}
        else:
            entry[DATED[kind]] = stamp
        if kind == "DiagnosticReport":
            del entry[element]
            entry["code"] = concept
        if self.random.random() < profile()["damaged"]:
            self._damage(entry)
        return entry

    def _damage(self, entry: dict[str, Any]) -> None:
        """Takes out what a careless export leaves out."""
        there = [n for n in ("status", "clinicalStatus", DATED.get(entry["resourceType"])) if n]
        entry.pop(self.random.choice(there), None)


def _concepts(content: Content, value_set: str) -> list[dict[str, str]]:
    url = content.questionnaire.url.partition("/Questionnaire/")[0] + f"/ValueSet/{value_set}"
    return [
        {"system": include["system"], "code": one["code"], "display": one.get("display", "")}
        for include in content.resources[url]["compose"]["include"]
        for one in include.get("concept", ())
    ][:MAX_CONCEPTS]
