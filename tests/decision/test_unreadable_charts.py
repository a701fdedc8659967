"""Right charts, one part of which is made unreadable: a card may gain words and cards may come, but
none is lost in silence. ``CDS_EXAMPLES=20000`` draws that many charts, at random."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from cds_service.fhir.errors import MissingFacts
from cds_service.hooks.pipeline import Result
from tests.decision.test_invariants import Person, asked, entries, forms, patients
from tests.support.clinic import Clinic, key_of

Body = dict[str, Any]
Break = Callable[[Body, dict[str, Any], dict[str, Any]], None]
PRESSING = ("asap", "urgent", "stat")
people = st.tuples(forms, st.lists(entries(), min_size=1, max_size=6), patients)


def status(bundle: Body, entry: Body, resource: Body) -> None:
    name = "clinicalStatus" if resource["resourceType"] == "Condition" else "status"
    resource[name] = {"coding": [{"code": "zebra"}]} if name == "clinicalStatus" else "zebra"


def code_system(bundle: Body, entry: Body, resource: Body) -> None:
    for element in ("code", "medicationCodeableConcept", "type", "reasonCode", "conclusionCode"):
        listed = resource.get(element)
        for concept in listed if isinstance(listed, list) else [listed or {}]:
            for coding in concept.get("coding", ()):
                coding["system"] = "urn:local"


def unit(bundle: Body, entry: Body, resource: Body) -> None:
    assume("valueQuantity" in resource)
    resource["valueQuantity"] = {"value": resource["valueQuantity"]["value"]}


def result(bundle: Body, entry: Body, resource: Body) -> None:
    assume(resource["resourceType"] == "Observation")
    for name in [n for n in resource if n.startswith(("value", "interpretation"))]:
        del resource[name]
    resource["valueString"] = "see the letter"


def modifier(bundle: Body, entry: Body, resource: Body) -> None:
    resource["modifierExtension"] = [{"url": "urn:negated", "valueBoolean": True}]


def subject(bundle: Body, entry: Body, resource: Body) -> None:
    resource["subject"] = {"reference": "urn:uuid:5a1e3c0e-63b1-4f39-9a7f-0d6b4d8a1c22"}


def medicine(bundle: Body, entry: Body, resource: Body) -> None:
    assume("medicationCodeableConcept" in resource)
    del resource["medicationCodeableConcept"]
    resource["medicationReference"] = {"reference": "Medication/nowhere/_history/2"}


def date(bundle: Body, entry: Body, resource: Body) -> None:
    for name in ("effectiveDateTime", "performedDateTime", "recordedDate", "authoredOn", "period"):
        if name in resource:
            resource[name] = {"start": "soon"} if name == "period" else "soon"


def missing_page(bundle: Body, entry: Body, resource: Body) -> None:
    bundle["total"] = len(bundle["entry"])
    bundle["entry"].remove(entry)


def next_page(bundle: Body, entry: Body, resource: Body) -> None:
    bundle["entry"].remove(entry)
    bundle["link"] = [{"relation": "next", "url": "https://ehr.example/fhir?page=2"}]


def no_resource(bundle: Body, entry: Body, resource: Body) -> None:
    del entry["resource"]


def failed_batch(bundle: Body, entry: Body, resource: Body) -> None:
    del entry["resource"]
    entry["response"] = {"status": "503 Service Unavailable"}


def shape(bundle: Body, entry: Body, resource: Body) -> None:
    resource["code"] = resource["type"] = "text"
    resource["medicationCodeableConcept"] = resource["reasonCode"] = "text"
    resource["conclusionCode"] = "text"


BREAKS: list[Break] = [
    status,
    code_system,
    unit,
    result,
    modifier,
    subject,
    medicine,
    date,
    missing_page,
    next_page,
    no_resource,
    failed_batch,
    shape,
]


def broken(body: Body, entry_id: str, break_it: Break) -> Body:
    """The call with one entry of its chart made unreadable."""
    body = copy.deepcopy(body)
    for bundle in body["prefetch"].values():
        for entry in bundle.get("entry", ()):
            if entry["resource"].get("id") == entry_id:
                break_it(bundle, entry, entry["resource"])
                return body
    return body


def told(found: Result) -> set[str]:
    """What is shown or deferred and pressing, and what is suggested."""
    evaluation = found.evaluation
    wanted = (*evaluation.shown, *evaluation.deferred)
    suggested = (s.id for w in evaluation.shown for s in w.suggestions)
    return {w.card.id for w in wanted if w.priority in PRESSING} | set(suggested)


def is_said(found: Result) -> bool:
    facts = found.evaluation.facts
    words = ("could not be", "holds no value", "Chart read in part", "Chart not read", "Date of")
    noted = facts.unread or facts.incomplete or facts.unavailable
    return bool(noted) and all(
        any(word in card["detail"] for word in words) for card in found.cards
    )


@given(person=people, which=st.integers(0, 5), break_it=st.sampled_from(BREAKS))
def test_nothing_is_lost_in_silence(
    person: Person, which: int, break_it: Break, clinic: Clinic
) -> None:
    chart = person[1]
    entry = chart[which % len(chart)]
    assume(key_of(entry["resourceType"]) in clinic.keys)
    body = asked(clinic, person)
    before = clinic.result(body)

    try:
        after = clinic.result(broken(body, entry["id"], break_it))
    except MissingFacts:
        return  # 412 says why

    deferred = {w.card for w in after.evaluation.deferred}
    kept = told(after) | {s.id for card in deferred for s in card.suggestions}
    assert told(before) <= kept or is_said(after)
    assert after.cards or not before.cards
