"""The extensions content uses, read in one way (manual: ``plan_definitions/README.md``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

OURS = "https://dyspareunia-cds.example/fhir/StructureDefinition/"
VARIABLE = "http://hl7.org/fhir/StructureDefinition/variable"
STRENGTH = "http://hl7.org/fhir/StructureDefinition/cqf-strengthOfRecommendation"
QUALITY = "http://hl7.org/fhir/StructureDefinition/cqf-qualityOfEvidence"
SECURITY_LABEL = (
    "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
)
SILENT = OURS + "silent"  # of a plan: evaluated and recorded, not shown
OPTION_EXCLUSIVE = "http://hl7.org/fhir/StructureDefinition/questionnaire-optionExclusive"
MIN_VALUE = "http://hl7.org/fhir/StructureDefinition/minValue"
MAX_VALUE = "http://hl7.org/fhir/StructureDefinition/maxValue"
SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
INITIAL_EXPRESSION = SDC + "initialExpression"
LAUNCH_CONTEXT = SDC + "launchContext"
INFORMATION_ORIGIN = (
    "http://hl7.org/fhir/us/davinci-dtr/StructureDefinition/information-origin"  # Da Vinci DTR
)

ANSWER_CONFIRMED = OURS + "answer-confirmed"  # of a prefilled answer: the person has seen it


def values(element: Mapping[str, Any], url: str) -> Iterator[Any]:
    """The ``value[x]`` of every extension with that url; a name of ours stands for its full url."""
    full = url if "/" in url else OURS + url
    for extension in element.get("extension", ()):
        if extension["url"] == full:
            yield next((v for k, v in extension.items() if k.startswith("value")), extension)


def value(element: Mapping[str, Any], url: str, default: Any = None) -> Any:
    """The first such value."""
    return next(values(element, url), default)


def parts(extension: Mapping[str, Any]) -> dict[str, Any]:
    """The nested values of a complex extension, by url."""
    return {
        nested["url"]: next((v for k, v in nested.items() if k.startswith("value")), None)
        for nested in extension.get("extension", ())
    }


def hours(duration: Mapping[str, Any]) -> float:
    """A FHIR Duration in hours; days and hours only."""
    return float(duration["value"]) * {"d": 24.0, "h": 1.0}[duration["code"]]
