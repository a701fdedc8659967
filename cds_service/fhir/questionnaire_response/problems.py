"""Problems of a response: in words, a bounded list of them, and their outcome.

No text repeats a value that was sent, because values are about a patient;
``link_id`` is therefore set only to a linkId that the Questionnaire itself has.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "information"]

MAX_PROBLEMS = 100  # enough to mend a form by; a hostile body must not grow the answer
_RANK: tuple[Severity, ...] = ("information", "warning", "error")


@dataclass(frozen=True, slots=True)
class Problem:
    """``code`` is an issue-type code, ``expression`` the FHIRPath of the place."""

    severity: Severity
    code: str
    text: str
    expression: str
    link_id: str | None = None

    def as_fhir(self) -> dict[str, Any]:
        """The problem as an OperationOutcome issue of FHIR R4."""
        words = self.text if self.link_id is None else f"Item '{self.link_id}': {self.text}"
        return {
            "severity": self.severity,
            "code": self.code,
            "diagnostics": words,
            "expression": [self.expression],
        }


@dataclass(slots=True)
class Report:
    """The problems of one response, the first ``MAX_PROBLEMS`` of them in full."""

    problems: list[Problem] = field(default_factory=list)
    omitted: int = 0
    worst: Severity = "information"

    @property
    def full(self) -> bool:
        """Checks whether looking further could only raise a count."""
        return len(self.problems) >= MAX_PROBLEMS and self.has_errors

    @property
    def has_errors(self) -> bool:
        """Checks whether the response is already known not to be valid."""
        return self.worst == "error"

    def add(
        self, severity: Severity, code: str, text: str, path: str, link_id: str | None = None
    ) -> None:
        """Keeps a problem, or only counts it once there are many."""
        self.worst = max(self.worst, severity, key=_RANK.index)
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(severity, code, text, path, link_id))
        else:
            self.omitted += 1

    def error(self, code: str, text: str, path: str, link_id: str | None = None) -> None:
        """Something that makes the response invalid."""
        self.add("error", code, text, path, link_id)

    def warn(self, code: str, text: str, path: str, link_id: str | None = None) -> None:
        """Something to look at, or something that could not be checked."""
        self.add("warning", code, text, path, link_id)

    def result(self) -> list[Problem]:
        """All problems kept, and one that counts the others and is as severe as the worst."""
        if not self.omitted:
            return self.problems
        text = f"More was found ({self.omitted} or more). Mend the above and validate again."
        more = Problem(self.worst, "incomplete", text, "QuestionnaireResponse")
        return [*self.problems, more]


def as_outcome(problems: Iterable[Problem]) -> dict[str, Any]:
    """An OperationOutcome; one information issue says that nothing was found."""
    issues = [problem.as_fhir() for problem in problems]
    nothing = {
        "severity": "information",
        "code": "informational",
        "diagnostics": "The response agrees with its Questionnaire.",
    }
    return {"resourceType": "OperationOutcome", "issue": issues or [nothing]}
