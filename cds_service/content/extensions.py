"""The extensions content uses, read in one way (manual: ``plan_definitions/README.md``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

CORE = "http://hl7.org/fhir/StructureDefinition/"
VARIABLE = CORE + "variable"
STRENGTH = CORE + "cqf-strengthOfRecommendation"
QUALITY = CORE + "cqf-qualityOfEvidence"
SILENT = "silent"  # of a plan: evaluated and recorded, not shown
FHIRPATH = "text/fhirpath"
SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
INITIAL_EXPRESSION = SDC + "initialExpression"
LAUNCH_CONTEXT = SDC + "launchContext"
INFORMATION_ORIGIN = (
    "http://hl7.org/fhir/us/davinci-dtr/StructureDefinition/information-origin"  # Da Vinci DTR
)

ANSWER_CONFIRMED = "answer-confirmed"  # of a prefilled answer: the person has seen it
ANSWER_SOURCE = "answer-source"  # of a prefilled answer: the chart entries that prove it
HL7 = "http://hl7.org/"


def base_of(canonical: str) -> str:
    """Returns the canonical base of a resource's url: what comes before type and id."""
    return canonical.rsplit("/", 2)[0]


def full_url(canonical: str, name: str) -> str:
    """Returns the url of an extension of the dialect, for content with that resource's base."""
    return f"{base_of(canonical)}/StructureDefinition/{name}"


def is_called(url: object, name: str) -> bool:
    """True if an extension's url is ``name``: a full url, or the last step of one that is not
    HL7's (``reader`` refuses any other base than the content's own)."""
    if "/" in name or not isinstance(url, str):
        return url == name
    return url.rpartition("/StructureDefinition/")[2] == name and not url.startswith(HL7)


def values(element: Mapping[str, Any], url: str) -> Iterator[Any]:
    """Yields the ``value[x]`` of every extension with that url, or that name of the dialect."""
    for extension in element.get("extension", ()):
        if is_called(extension["url"], url):
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
