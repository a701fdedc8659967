"""Right charts, one part of which is made unreadable: a card may gain words and cards may come, but
none is lost in silence.

Every entry of a person's call, the response of the form among them, is broken in every way that
fits it. ``PEOPLE`` people make 20,000 charts; ``CDS_EXAMPLES=5000`` draws that many people."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.decision.evaluate import Evaluation
from cds_service.fhir.errors import MissingFacts
from tests.decision.test_invariants import Person, asked, entries, forms, patients
from tests.support.clinic import NOW, Clinic

Body = dict[str, Any]
Break = Callable[[Body, dict[str, Any], dict[str, Any]], None]
PEOPLE = 480  # 22,366 charts
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
    if "valueQuantity" in resource:
        resource["valueQuantity"] = {"value": resource["valueQuantity"]["value"]}


def result(bundle: Body, entry: Body, resource: Body) -> None:
    if resource["resourceType"] != "Observation":
        return
    for name in [n for n in resource if n.startswith(("value", "interpretation"))]:
        del resource[name]
    resource["valueString"] = "see the letter"


def modifier(bundle: Body, entry: Body, resource: Body) -> None:
    resource["modifierExtension"] = [{"url": "urn:negated", "valueBoolean": True}]


def subject(bundle: Body, entry: Body, resource: Body) -> None:
    resource["subject"] = {"reference": "urn:uuid:5a1e3c0e-63b1-4f39-9a7f-0d6b4d8a1c22"}


def other_patient(bundle: Body, entry: Body, resource: Body) -> None:
    resource["subject"] = {"reference": "Patient/another"}


def form_elsewhere(bundle: Body, entry: Body, resource: Body) -> None:
    if "questionnaire" in resource:
        resource["questionnaire"] = "https://forms.example/Questionnaire/dyspareunia-intake"


def medicine(bundle: Body, entry: Body, resource: Body) -> None:
    if resource.pop("medicationCodeableConcept", None):
        resource["medicationReference"] = {"reference": "Medication/nowhere/_history/2"}


def date(bundle: Body, entry: Body, resource: Body) -> None:
    for name in (
        "effectiveDateTime",
        "performedDateTime",
        "recordedDate",
        "authoredOn",
        "authored",
    ):
        if name in resource:
            resource[name] = "soon"
    if "period" in resource:
        resource["period"] = {"start": "soon"}


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
    other_patient,
    form_elsewhere,
    medicine,
    date,
    missing_page,
    next_page,
    no_resource,
    failed_batch,
    shape,
]


def broken(body: Body) -> Iterator[Body]:
    """The call with each entry of each Bundle made unreadable in each way that changes it."""
    whole = orjson.dumps(body)
    places = [(k, i) for k, b in body["prefetch"].items() for i in range(len(b.get("entry", ())))]
    for key, index in places:
        for break_it in BREAKS:
            copied = orjson.loads(whole)
            bundle = copied["prefetch"][key]
            break_it(bundle, bundle["entry"][index], bundle["entry"][index]["resource"])
            if copied != body:
                yield copied


def told(evaluation: Evaluation) -> set[str]:
    """What is shown or deferred and pressing, and what is suggested."""
    wanted = (*evaluation.shown, *evaluation.deferred)
    suggested = (s.id for w in evaluation.shown for s in w.suggestions)
    return {w.card.id for w in wanted if w.priority in PRESSING} | set(suggested)


def lost(before: Evaluation, after: Evaluation) -> set[str]:
    """What is not said any more and not deferred either."""
    deferred = {w.card for w in after.deferred}
    return told(before) - told(after) - {s.id for card in deferred for s in card.suggestions}


def is_said(evaluation: Evaluation, cards: list[Body]) -> bool:
    facts = evaluation.facts
    words = ("could not be", "holds no value", "Chart read in part", "Chart not read", "Date of")
    undated = facts.answers.authored is None
    noted = undated or facts.unread or facts.incomplete or facts.unavailable
    return bool(noted) and all(any(word in card["detail"] for word in words) for card in cards)


@settings(max_examples=int(os.environ.get("CDS_EXAMPLES", PEOPLE)))
@given(person=people)
def test_nothing_is_lost_in_silence(person: Person, clinic: Clinic) -> None:
    body, pipeline = asked(clinic, person), clinic.pipeline
    service = pipeline.service_for(body["hook"])
    _, before = pipeline.evaluation(service, body, NOW)

    for call in broken(body):
        try:
            request, after = pipeline.evaluation(service, call, NOW)
        except MissingFacts:
            continue  # 412 says why
        assert after.shown or not before.shown
        if lost(before, after):
            assert is_said(after, pipeline.cards(request, after))
