"""The 23 rules of ``rules.json`` in plain Python: the floor, and the judge of right answers."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
HBA1C, HDL = "4548-4", "2085-9"
RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
FINAL = frozenset({"final", "amended", "corrected"})


def earlier(months: int) -> dt.date:
    """Today some months ago; the last day of a shorter month."""
    today = dt.date.today()
    year, month = divmod(today.year * 12 + today.month - 1 - months, 12)
    following = dt.date(year + month // 11, (month + 1) % 12 + 1, 1)
    return dt.date(year, month + 1, min(today.day, (following - dt.timedelta(days=1)).day))


def of_type(bundle: Any, name: str) -> list[Any]:
    return [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == name]


def nested(items: Any, answers: bool = False) -> Iterator[Any]:
    for item in items or ():
        yield item
        yield from nested(item.get("item"), answers)
        for answer in item.get("answer", ()) if answers else ():
            yield from nested(answer.get("item"), answers)


def value(answer: Any) -> Any:
    return next(v for k, v in answer.items() if k.startswith("value"))


def values(response: Any, *ids: str) -> list[Any]:
    items = (i for i in nested(response["item"], True) if i["linkId"] in ids)
    return [value(answer) for item in items for answer in item["answer"]]


def tests(bundle: Any, code: str = HBA1C) -> list[Any]:
    return [
        o
        for o in of_type(bundle, "Observation")
        if any(c.get("code") == code and c.get("system") == LOINC for c in o["code"]["coding"])
    ]


def day(text: str) -> dt.date:
    return dt.datetime.fromisoformat(text).date()


def newest(bundle: Any) -> Any:
    return max(tests(bundle), key=lambda o: dt.datetime.fromisoformat(o["effectiveDateTime"]))


def race(patient: Any) -> list[str]:
    parts = (x for e in patient["extension"] if e["url"] == RACE for x in e["extension"])
    return [part["valueCoding"]["code"] for part in parts if part["url"] == "ombCategory"]


def coded(bundle: Any, codes: frozenset[str]) -> bool:
    return any(
        c["system"] == SNOMED and c["code"] in codes
        for condition in of_type(bundle, "Condition")
        for c in condition["code"]["coding"]
    )


def is_active(condition: Any) -> bool:
    clinical = condition["clinicalStatus"]["coding"][0]["code"]
    return clinical == "active" and (
        condition["verificationStatus"]["coding"][0]["code"] == "confirmed"
    )


def medicines(bundle: Any) -> int:
    return sum(
        c["system"] == RXNORM
        for m in of_type(bundle, "MedicationRequest")
        if m["status"] == "active"
        for c in m["medicationCodeableConcept"]["coding"]
    )


def given_name(patient: Any) -> str:
    official = (n for n in patient["name"] if n.get("use") == "official")
    return next(given for name in official for given in name["given"])


def chosen(response: Any) -> list[Any]:
    items = (i for g in response["item"] if g["linkId"] == "g2" for i in g["item"])
    return [value(a)["code"] for i in items if i["linkId"] == "g2.q2" for a in i["answer"]]


def below(bundle: Any, code: str, unit: str, limit: float) -> bool:
    found = (o["valueQuantity"] for o in tests(bundle, code))
    return any(q["code"] == unit and q["value"] < limit for q in found)


def above(bundle: Any, code: str, unit: str, limit: float) -> bool:
    found = (o["valueQuantity"] for o in tests(bundle, code))
    return any(q["code"] == unit and q["value"] > limit for q in found)


def rules(listed: list[str]) -> dict[str, Callable[[Any], list[Any]]]:
    """Rule name -> the same rule, from the resource it starts from to its answer."""
    codes = frozenset(listed)
    sums = ("g1.q1", "g2.q1", "g3.q1", "g4.q1", "g5.q1")
    return {
        "age18": lambda p: [day(p["birthDate"]) <= earlier(12 * 18)],
        "age50_65": lambda p: [earlier(12 * 65) < day(p["birthDate"]) <= earlier(12 * 50)],
        "gender": lambda p: [p["gender"] == "female"],
        "name": lambda p: [given_name(p)],
        "race_ext": race,
        "qr_lookup": lambda q: values(q, "g3.q3"),
        "qr_nested": lambda q: values(q, "g5.q8.a"),
        "qr_path": chosen,
        "qr_compare": lambda q: [values(q, "g4.q5")[0] >= 5],
        "qr_sum": lambda q: [sum(values(q, *sums))],
        "cond_lit30": lambda b: [coded(b, codes)],
        "cond_env30": lambda b: [coded(b, codes)],
        "cond_active": lambda b: [sum(map(is_active, of_type(b, "Condition")))],
        "obs_count": lambda b: [sum(o["status"] in FINAL for o in tests(b))],
        "obs_recent": lambda b: [sum(day(o["effectiveDateTime"]) >= earlier(6) for o in tests(b))],
        "obs_sort": lambda b: [newest(b)["valueQuantity"]["value"]],
        "obs_agg_latest": lambda b: [newest(b)["valueQuantity"]["value"]],
        "obs_qty": lambda b: [above(b, HBA1C, "%", 7)],
        "obs_qty_ucum": lambda b: [below(b, HDL, "mg/dL", 50)],
        "rx_codes": lambda b: [medicines(b)],
        "enc_recent": lambda b: [
            sum(day(e["period"]["start"]) >= earlier(12) for e in of_type(b, "Encounter")) >= 2
        ],
        "today6m": lambda p: [earlier(6).isoformat()],
        "iif_text": lambda b: [f"A1c results: {len(tests(b))}" if tests(b) else "none"],
    }
