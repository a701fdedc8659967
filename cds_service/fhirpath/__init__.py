"""A strict FHIRPath 2.0 for FHIR R4: compiled once, refusing whatever it cannot answer rightly."""

from .compiler import ValueSets
from .dates import FhirDate, FhirDateTime, FhirTime
from .elements import to_json
from .errors import FhirPathError
from .expression import Expression, compile_expression
from .named import Bindings, NamedExpressions
from .quantities import Quantity
from .render import render

__all__ = [
    "Bindings",
    "Expression",
    "FhirDate",
    "FhirDateTime",
    "FhirPathError",
    "FhirTime",
    "NamedExpressions",
    "Quantity",
    "ValueSets",
    "compile_expression",
    "render",
    "to_json",
]
