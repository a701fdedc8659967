"""Complex FHIR R4 data types, and the elements of a response, its items and its answers.

Sources: R4 datatypes.html (invariants att-1, qty-3), references.html (ref-2 of R5: say something),
questionnaireresponse.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .primitives import PRIMITIVES

Found = Iterator[tuple[str, str]]

_ELEMENT = {"id": "string", "extension": "objects"}
_BACKBONE = {**_ELEMENT, "modifierExtension": "modifiers"}
COMPLEX: Mapping[str, Mapping[str, str]] = {
    "Coding": {
        **_ELEMENT,
        "system": "uri",
        "version": "string",
        "code": "code",
        "display": "string",
        "userSelected": "boolean",
    },
    "Quantity": {
        **_ELEMENT,
        "value": "decimal",
        "comparator": "code",
        "unit": "string",
        "system": "uri",
        "code": "code",
    },
    "Reference": {
        **_ELEMENT,
        "reference": "string",
        "type": "uri",
        "identifier": "object",
        "display": "string",
    },
    "Attachment": {
        **_ELEMENT,
        "contentType": "code",
        "language": "code",
        "data": "base64Binary",
        "url": "uri",
        "size": "integer",
        "hash": "base64Binary",
        "title": "string",
        "creation": "dateTime",
    },
    "QuestionnaireResponse": {
        **_BACKBONE,
        "id": "id",
        "resourceType": "code",
        "meta": "object",
        "implicitRules": "uri",
        "language": "code",
        "text": "object",
        "contained": "objects",
        "identifier": "object",
        "basedOn": "objects",
        "partOf": "objects",
        "questionnaire": "uri",
        "status": "code",
        "subject": "Reference",
        "encounter": "Reference",
        "authored": "dateTime",
        "author": "Reference",
        "source": "Reference",
        "item": "list",
    },
    "item": {
        **_BACKBONE,
        "linkId": "string",
        "definition": "uri",
        "text": "string",
        "answer": "list",
        "item": "list",
    },
    "answer": {**_BACKBONE, "item": "list"},  # its value[x] is checked with the item's type
}


def _coding_rule(value: Mapping[str, Any]) -> str | None:
    return None if "code" in value or "display" in value else "The coding has no code. Send one."


def _quantity_rule(value: Mapping[str, Any]) -> str | None:
    if "value" not in value:
        return "The quantity has no number. Send its value."
    if value.get("comparator", "<") not in ("<", "<=", ">=", ">"):
        return "The comparator is not one of <, <=, >=, >."
    unsaid = "code" in value and "system" not in value
    return "A unit code needs its system (qty-3). Send it." if unsaid else None


def _reference_rule(value: Mapping[str, Any]) -> str | None:
    told = not value.keys().isdisjoint(("reference", "identifier", "display"))
    return None if told else "The reference names nothing. Send its reference or identifier."


def _attachment_rule(value: Mapping[str, Any]) -> str | None:
    if value.get("size", 0) < 0:
        return "The size is below zero."
    unsaid = "data" in value and "contentType" not in value
    return "Data needs its contentType (att-1). Send it." if unsaid else None


_RULES: Mapping[str, Callable[[Mapping[str, Any]], str | None]] = {
    "Coding": _coding_rule,
    "Quantity": _quantity_rule,
    "Reference": _reference_rule,
    "Attachment": _attachment_rule,
}


def type_problems(kind: str, value: Any, path: str) -> Found:
    """(path, text) of whatever keeps a value from being of its type."""
    fields = COMPLEX.get(kind)
    if fields is None:
        text = PRIMITIVES[kind](value)
        if text:
            yield path, text
        return
    found = list(element_problems(fields, value, path))
    rule = _RULES.get(kind)
    if not found and rule:
        text = rule(value)
        found = [(path, text)] if text else []
    yield from found


def element_problems(fields: Mapping[str, str], value: Any, path: str) -> Found:
    """The same for the elements of an object."""
    if not isinstance(value, dict) or not value:
        yield path, "Send an object that is not empty."
        return
    for key, inner in value.items():
        kind = fields.get(key)
        if kind is not None:
            yield from type_problems(kind, inner, f"{path}.{key}")
        elif not (key.startswith("_") and key[1:] in fields):
            known = ", ".join(name for name in fields if name not in _BACKBONE)
            yield path, f"It has an element that FHIR does not know here; known are {known}."
