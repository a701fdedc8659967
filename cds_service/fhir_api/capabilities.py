"""The CapabilityStatement: what ``/fhir`` serves, and nothing else."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from cds_service.content.model import Content
from cds_service.fhir_api.catalogue import MAX_PAGE, PAGE, PARAMETERS, TYPES

OPERATIONS: dict[str, tuple[str, str, str]] = {  # type -> name, definition, what it does
    "PlanDefinition": (
        "apply",
        "http://hl7.org/fhir/OperationDefinition/PlanDefinition-apply",
        "On one plan: the strategy, a cause or a card. The chart is sent with the call, as data "
        "(a Bundle) or prefetchData with the keys of GET /cds-services; nothing is fetched. A "
        "parameter of ours, hook, names the moment (patient-view when it is not sent). "
        "Answers one CarePlan with a contained RequestGroup, and stores nothing.",
    ),
    "Questionnaire": (
        "populate",
        "http://hl7.org/fhir/uv/sdc/OperationDefinition/Questionnaire-populate",
        "Expression-based. The context holds the patient and the chart as resources; nothing is "
        "fetched. Answers the parameters response and, where there are any, issues.",
    ),
    "QuestionnaireResponse": (
        "validate",
        "http://hl7.org/fhir/OperationDefinition/Resource-validate",
        "Checks a response to the form; the mode is ignored, and nothing is stored.",
    ),
}
SEARCHING = (
    f"Pages hold {PAGE} resources unless _count says otherwise ({MAX_PAGE} at most). Values are "
    "compared as a whole, strings without case and accents; there are no modifiers. A parameter "
    "that is not supported is refused with 400."
)
SECURITY = (
    "Reading and searching needs no token: the content is public and holds no patient. Operations "
    "take a patient's data and need the JWT that CDS Hooks calls need, its aud being the address "
    "of the operation."
)


def capability_statement(content: Content, base: str) -> dict[str, Any]:
    """The statement of this service as FHIR R4; ``base`` is the address of ``/fhir``."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "draft" if content.draft else "active",
        "experimental": content.draft,
        "date": content.strategy.plan["date"],
        "publisher": content.strategy.plan["publisher"],
        "kind": "instance",
        "software": {"name": "Dyspareunia CDS", "version": version("dyspareunia-cds")},
        "implementation": {
            "description": "The clinical content of a CDS Hooks service, and operations on it. "
            + ("Draft content, not approved by clinicians." if content.draft else ""),
            "url": base,
        },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "documentation": SEARCHING,
                "security": {"cors": True, "description": SECURITY},
                "resource": [
                    *(_readable(name) for name in TYPES),
                    {"type": "QuestionnaireResponse", "operation": _operations(VALIDATED)},
                ],
            }
        ],
    }


VALIDATED = "QuestionnaireResponse"


def _readable(name: str) -> dict[str, Any]:
    described: dict[str, Any] = {
        "type": name,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "no-version",
        "searchParam": [
            {"name": parameter, "type": kind, "documentation": words}
            for parameter, (kind, words) in PARAMETERS.items()
        ],
    }
    return {**described, "operation": _operations(name)} if name in OPERATIONS else described


def _operations(name: str) -> list[dict[str, str]]:
    operation, definition, words = OPERATIONS[name]
    return [{"name": operation, "definition": definition, "documentation": words}]
