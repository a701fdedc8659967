"""Values of chart entries: results as positive, negative, an amount, stated or none; measurements
in the units that content names.

What a value must be is content (``dataRequirement`` extensions ``result`` and ``unit``). A value in
no unit, or in one that is not named, is never guessed (R4 Quantity: ``unit`` is for people,
``code`` for machines).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cds_service.content.model import Requirement, Resource, ResultState, ValueReading
from cds_service.decision.elements import choice, concept_codings
from cds_service.decision.unread import Why
from cds_service.fhir.references import References

UCUM = "http://unitsofmeasure.org"
REPORTED = ("result", "conclusion", "conclusionCode", "presentedForm")


def read_value(
    resource: Resource, requirement: Requirement, references: References
) -> Resource | Why | None:
    """The entry as rules read it: its value in a named unit, its result as an interpretation. None
    for an entry that holds no value, why for one that cannot be understood. Raises TypeError and
    the like for shapes that R4 does not allow."""
    reading = requirement.reading
    if reading is None:
        return resource
    if reading.units:
        return _measured(resource, requirement, reading)
    if resource.get("resourceType") == "DiagnosticReport":
        return _wanted(resource, _report_state(resource, reading, references), reading)
    return _result(resource, reading)


# -- measurements -----------------------------------------------------------------------------


def _measured(
    resource: Resource, requirement: Requirement, reading: ValueReading
) -> Resource | Why | None:
    codes = requirement.main.codes
    parts = [resource] if _has_code(resource, codes) else list(_components(resource))
    measured = [p for p in parts if _has_code(p, codes) and choice(p, "value") is not None]
    if not measured:
        return None
    value, absent = measured[0].get("valueQuantity"), measured[0].get("dataAbsentReason")
    if len(measured) > 1 or absent or not isinstance(value, dict) or value.get("comparator"):
        return Why.VALUE
    unit, number = _unit(value, reading.units), value.get("value")
    if unit is None or isinstance(number, bool) or not isinstance(number, int | float):
        return Why.VALUE
    quantity = {"value": number, "unit": unit, "system": UCUM, "code": unit}
    return {k: v for k, v in resource.items() if k != "component"} | {"valueQuantity": quantity}


def _unit(quantity: Mapping[str, Any], units: Mapping[str, str]) -> str | None:
    """The named unit of a quantity: by its UCUM code, or by its text where it has no such code."""
    code, system = quantity.get("code"), quantity.get("system")
    if isinstance(code, str) and system in (None, "", UCUM):
        return units.get(code)
    text = quantity.get("unit")
    return units.get(text.strip()) if isinstance(text, str) else None


def _has_code(part: Mapping[str, Any], codes: Any) -> bool:
    return any(coding in codes for coding in concept_codings(part.get("code") or {}))


def _components(resource: Resource) -> Iterator[Mapping[str, Any]]:
    yield from resource.get("component") or ()


# -- results ------------------------------------------------------------------------------------


def _result(resource: Resource, reading: ValueReading) -> Resource | Why | None:
    state = _state(resource, reading)
    if state is not ResultState.NONE:
        return _wanted(resource, state, reading)
    parts = [(_state(part, reading), part) for part in _components(resource)]
    stated = [(state, part) for state, part in parts if state is not ResultState.NONE]
    states = {state for state, _ in stated}
    state = (
        ResultState.POSITIVE
        if ResultState.POSITIVE in states
        else states.pop()
        if len(states) == 1
        else ResultState.STATED
        if states
        else ResultState.NONE
    )
    # A panel has the interpretation of the component that decides, so that rules read it alike.
    deciding = next((part for its, part in stated if its is state), {})
    told = [*_concepts(deciding.get("interpretation")), *_concepts(choice(deciding, "value"))]
    return _wanted({**resource, "interpretation": told} if told else resource, state, reading)


def _report_state(report: Resource, reading: ValueReading, references: References) -> ResultState:
    """Returns what a DiagnosticReport says: where positive or negative is asked for, by its coded
    conclusion; the results it refers to are entries of their own, where they came."""
    is_decided = not reading.results.isdisjoint({ResultState.POSITIVE, ResultState.NEGATIVE})
    if is_decided and report.get("conclusionCode"):
        return _state({"interpretation": report["conclusionCode"]}, reading)
    names = REPORTED[1:] if is_decided else REPORTED
    is_stated = any(report.get(name) for name in names) or any(
        references.resolve(result, report) is None for result in report.get("result") or ()
    )
    return ResultState.STATED if is_stated else ResultState.NONE


def _wanted(resource: Resource, state: ResultState, reading: ValueReading) -> Resource | Why | None:
    if state in reading.results:
        return resource
    return Why.RESULT if state in (ResultState.STATED, ResultState.AMOUNT) else None


def _state(part: Mapping[str, Any], reading: ValueReading) -> ResultState:
    """Returns what an Observation, or a component, says by its interpretation and its coded
    value."""
    value, absent = choice(part, "value"), part.get("dataAbsentReason")
    concepts = [*_concepts(part.get("interpretation")), *_concepts(value)]
    codes = [coding for concept in concepts for coding in concept_codings(concept)]
    positive = any(code in reading.positive for code in codes)
    negative = any(code in reading.negative for code in codes)
    if value is None and not part.get("interpretation"):
        return ResultState.NONE
    if absent or (positive and negative):
        return ResultState.STATED  # it contradicts itself
    if positive or negative:
        return ResultState.POSITIVE if positive else ResultState.NEGATIVE
    return ResultState.AMOUNT if _is_amount(value) else ResultState.STATED


def _is_amount(value: Any) -> bool:
    number = value.get("value") if isinstance(value, dict) else value
    return isinstance(number, int | float) and not isinstance(number, bool)


def _concepts(element: Any) -> Iterator[dict[str, Any]]:
    """The CodeableConcepts of an element; an older FHIR version has one in place of a list."""
    for concept in element if isinstance(element, list) else (element,):
        if isinstance(concept, dict) and ("coding" in concept or "text" in concept):
            yield concept
