"""How these tests ask: one expression, some variables, a fixed clock."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from cds_service.fhirpath import FhirPathError, compile_expression

NOW = datetime(2026, 6, 1, 12, 30, 15, 123000, tzinfo=timezone(timedelta(hours=2)))
UCUM = "http://unitsofmeasure.org"


def ask(text: str, focus: Any = None, **variables: Any) -> list[Any]:
    return compile_expression(text).evaluate(focus, variables, NOW)


def refusal(text: str, focus: Any = None, **variables: Any) -> FhirPathError:
    """The error that an expression must raise, at compile or when evaluated."""
    with pytest.raises(FhirPathError) as caught:
        ask(text, focus, **variables)
    return caught.value


def quantity(value: float, code: str, **more: Any) -> dict[str, Any]:
    return {"value": value, "unit": code, "code": code, "system": UCUM, **more}
