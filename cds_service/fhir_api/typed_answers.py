"""Values of an expression as answers of a questionnaire item; pure, for any Questionnaire.

SDC wants a value of the item's own type. Two are taken beside it: a date for a dateTime, and a
resource for a reference to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from cds_service.fhir.questionnaire_response import Item
from cds_service.fhir.questionnaire_response.codes import takes
from cds_service.fhirpath import FhirDate, FhirDateTime, FhirTime, Quantity, to_json

Answer = dict[str, Any]
CODING = ("system", "version", "code", "display")


class WrongAnswer(ValueError):
    """A value that is no answer of the item; the words name no value."""


def typed_answers(item: Item, values: Iterable[Any]) -> list[Answer]:
    """FHIR R4 answers (``{"valueCoding": ...}``), each once; raises WrongAnswer."""
    found: list[Answer] = []
    for value in values:
        answer = _typed(item, value)
        if answer not in found:
            found.append(answer)
    if len(found) > 1 and not item.repeats:
        raise WrongAnswer("it takes one answer, and the chart gives several")
    return found


def _typed(item: Item, value: Any) -> Answer:
    for name in takes(item):
        converted = _CONVERTERS[name](value)
        if converted is not None:
            return {name: converted}
    wanted = " or ".join(takes(item)) or "no answer at all"
    raise WrongAnswer(f"its initialExpression gives another type than {wanted}")


def _boolean(value: Any) -> Any:
    return value if isinstance(value, bool) else None


def _integer(value: Any) -> Any:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _decimal(value: Any) -> Any:
    if isinstance(value, Decimal):
        return to_json([value])[0]
    return _integer(value)


def _date(value: Any) -> Any:
    return str(value) if isinstance(value, FhirDate) else None


def _datetime(value: Any) -> Any:
    return str(value) if isinstance(value, FhirDate | FhirDateTime) else None


def _time(value: Any) -> Any:
    return str(value) if isinstance(value, FhirTime) else None


def _text(value: Any) -> Any:
    return value if isinstance(value, str) and value.strip() else None


def _coding(value: Any) -> Any:
    is_coding = isinstance(value, dict) and isinstance(value.get("code"), str)
    if not is_coding or "value" in value or "resourceType" in value:
        return None
    return {name: value[name] for name in CODING if name in value}


def _quantity(value: Any) -> Any:
    if isinstance(value, Quantity):
        return to_json([value])[0]
    return dict(value) if isinstance(value, dict) and _is_number(value.get("value")) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _reference(value: Any) -> Any:
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("resourceType"), str) and isinstance(value.get("id"), str):
        return {"reference": f"{value['resourceType']}/{value['id']}"}
    return dict(value) if isinstance(value.get("reference"), str) else None


def _attachment(value: Any) -> Any:
    has_content = isinstance(value, dict) and not value.keys().isdisjoint(("data", "url"))
    return dict(value) if has_content else None


_CONVERTERS: Mapping[str, Callable[[Any], Any]] = {
    "valueBoolean": _boolean,
    "valueInteger": _integer,
    "valueDecimal": _decimal,
    "valueDate": _date,
    "valueDateTime": _datetime,
    "valueTime": _time,
    "valueString": _text,
    "valueUri": _text,
    "valueCoding": _coding,
    "valueQuantity": _quantity,
    "valueReference": _reference,
    "valueAttachment": _attachment,
}
