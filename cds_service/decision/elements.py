"""Elements of chart entries, read leniently: choice types, dates, codes behind references."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cds_service.content.codes import normalise
from cds_service.content.model import DATES, Resource
from cds_service.decision.belief import is_believed
from cds_service.decision.unread import Why
from cds_service.fhir.dates import Span, parse_span
from cds_service.fhir.references import References

Code = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Codings:
    """The normalised codings of an element. ``why`` says why some of it could not be read."""

    codes: tuple[Code, ...]
    why: Why | None = None


def choice(resource: Resource, name: str) -> Any:
    """An element by name, or the present form of a choice (``onset`` -> onsetDateTime)."""
    if name in resource:
        return resource[name]
    size = len(name)
    for key in resource:
        if key.startswith(name) and key[size : size + 1].isupper():
            return resource[key]
    return None


def codings(resource: Resource, path: str, references: References) -> Codings:
    """The codings of an element; a reference is followed to the Medication it names. Raises
    TypeError and the like for shapes that R4 does not allow."""
    element = choice(resource, path)
    codes: list[Code] = []
    why = None
    for concept in element if isinstance(element, list) else (element,):
        if concept is None:
            continue
        if "reference" in concept or not concept.keys().isdisjoint({"identifier", "type"}):
            medicine = references.resolve(concept, resource)
            if medicine is None or is_believed(medicine) is not True:
                why = Why.MEDICINE
                continue
            codes += concept_codings(medicine.get("code") or {})
        else:
            codes += concept_codings(concept)
    return Codings(tuple(codes), why)


def concept_codings(concept: Mapping[str, Any]) -> Iterator[Code]:
    """The normalised codings of a CodeableConcept."""
    for coding in concept.get("coding") or ():
        if isinstance(coding.get("code"), str):
            yield normalise(coding.get("system"), coding["code"].strip())


def entry_date(resource: Resource, kind: str) -> Span | None:
    """When an entry happened: the first of its date elements that can be read."""
    for name in DATES.get(kind, ()):
        element = choice(resource, name)
        if isinstance(element, dict):
            element = element.get("start") or element.get("end")
        span = parse_span(element)
        if span is not None:
            return span
    return None
