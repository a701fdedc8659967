"""The parts of all content: findings, conditions, named facts, and the inputs of rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cds_service.fhirpath import Expression

Resource = Mapping[str, Any]
Coding = Mapping[str, str]
Priority = Literal["routine", "urgent", "asap", "stat"]

PRESSING: tuple[Priority, ...] = ("routine", "asap", "urgent", "stat")
# FHIR request priority -> CDS Hooks indicator (asap has no counterpart of its own)
INDICATORS = {"routine": "info", "asap": "warning", "urgent": "warning", "stat": "critical"}
URGENCY = tuple(dict.fromkeys(INDICATORS[priority] for priority in PRESSING))  # least first


def clinical_id(plan: Resource) -> str:
    """The plan's id in the clinical specification."""
    return str(plan["identifier"][0]["value"])


# ("urine", "burn"), ("sev", "") or ("%", "endometriosis"); an item of another form than the needed
# one is named with its view: ("findings.xvulva", "white")
InputRef = tuple[str, str]

# Hook context fields that hold resources; each is an input, empty on the other hooks.
CONTEXT_BUNDLES = ("draftOrders", "conditions", "appointments")
# What facts supply beside the dataRequirements and the views of the forms
# (manual: plan_definitions/README.md). Responses and stale answers are those of the needed form.
INPUTS = (
    "patient",
    "age",
    "encounter",
    "user",
    "staleAnswers",
    "hiddenChecks",
    "hiddenChecksTrue",
    "questionnaireResponse",
    "expiredQuestionnaireResponse",
    "unfinishedQuestionnaireResponse",
    *CONTEXT_BUNDLES,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong with the content, worded so that its author can mend it."""

    file: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.path}: {self.message}" if self.path else self.message_only()

    def message_only(self) -> str:
        """The finding of a whole file."""
        return f"{self.file}: {self.message}"


@dataclass(frozen=True, slots=True, eq=False)
class Applicability:
    """One ``applicability`` condition: true acts, false and unknown do not.

    ``prerequisites``: without one of these inputs in a call it is not true (see the module of that
    name); None: it may be true whatever is there.
    """

    description: str
    expression: Expression
    prerequisites: frozenset[InputRef] | None = None


@dataclass(frozen=True, slots=True)
class NamedFact:
    """A named expression of the facts library or of a plan."""

    name: str
    description: str
    expression: Expression
    owner: str  # id of the resource that declares it
    is_reason: bool = True  # False: no card quotes what it rests on
    asks: str | None = None  # the question that would settle it, if it is unknown
    unit: str = ""  # printed after its number
    counts_hidden: bool = False  # True: it reads the flags a site does not show as well
