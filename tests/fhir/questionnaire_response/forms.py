"""Small Questionnaires and responses, and what the validator says about them."""

from __future__ import annotations

from typing import Any

from cds_service.fhir.questionnaire_response import Problem, validate

URL = "https://example.org/Questionnaire/q"
CORE = "http://hl7.org/fhir/StructureDefinition/"
SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
SYSTEM = "https://example.org/CodeSystem/colour"


def form(*items: Any, **elements: Any) -> dict[str, Any]:
    """A Questionnaire."""
    return {
        "resourceType": "Questionnaire",
        "url": URL,
        "version": "1",
        "status": "active",
        "item": list(items),
        **elements,
    }


def item(link_id: str, kind: str = "string", *items: Any, **elements: Any) -> dict[str, Any]:
    """An item of a Questionnaire; ``ext`` maps extension urls to value[x] by name."""
    found: dict[str, Any] = {"linkId": link_id, "type": kind, "text": link_id}
    extensions = [
        {"url": url, **value} for url, value in elements.pop("ext", {}).items() if value is not None
    ]
    extensions += elements.pop("extensions", [])
    if extensions:
        found["extension"] = extensions
    if items:
        found["item"] = list(items)
    return {**found, **elements}


def when(question: str, operator: str, **answer: Any) -> dict[str, Any]:
    """An enableWhen."""
    return {"question": question, "operator": operator, **answer}


def coding(code: str, system: str | None = SYSTEM) -> dict[str, Any]:
    return {"system": system, "code": code} if system else {"code": code}


def response(*items: Any, **elements: Any) -> dict[str, Any]:
    """A completed response; without items it has no item element, as FHIR writes it."""
    found: dict[str, Any] = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{URL}|1",
        "status": "completed",
        "authored": "2026-05-04T10:00:00Z",
    }
    if items:
        found["item"] = list(items)
    found.update(elements)
    return {name: value for name, value in found.items() if value is not None}


def said(link_id: str, *values: Any, **elements: Any) -> dict[str, Any]:
    """An item of a response; a value is ``{"valueString": ...}`` or a text."""
    answers = [v if isinstance(v, dict) else {"valueString": v} for v in values]
    return {"linkId": link_id, **({"answer": answers} if answers else {}), **elements}


def group(link_id: str, *items: Any) -> dict[str, Any]:
    return {"linkId": link_id, **({"item": list(items)} if items else {})}


def found(questionnaire: Any, answer: Any, **more: Any) -> list[tuple[str, str, str | None]]:
    """(severity, code, linkId) of each problem."""
    return [(p.severity, p.code, p.link_id) for p in validate(questionnaire, answer, **more)]


def errors(problems: list[Problem]) -> list[Problem]:
    return [p for p in problems if p.severity == "error"]


def resolve(document: Any, expression: str) -> Any:
    """What an expression of this validator points at (value[x] by its short name)."""
    for step in expression.split(".")[1:]:
        name, _, number = step.partition("[")
        if name == "value" and name not in document:
            name = next(key for key in document if key.startswith("value"))
        document = document[name]
        if number:
            document = document[int(number[:-1])]
    return document
