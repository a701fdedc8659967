"""One validation on its way: what is checked against what, and what has been found so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cds_service.fhirpath import ValueSets

from .form import Form, as_dict, dicts
from .problems import Report

COMPLETE = ("completed", "amended")
STATUSES = ("in-progress", *COMPLETE, "entered-in-error", "stopped")
MAX_MATCH_STEPS = 5_000_000  # worst-case steps of all regular expressions of one response


@dataclass(slots=True)
class Run:
    """``match_steps`` is what regular expressions may still cost in this response."""

    form: Form
    response: dict[str, Any]
    value_sets: ValueSets
    now: datetime | None
    report: Report = field(default_factory=Report)
    match_steps: int = MAX_MATCH_STEPS

    @property
    def complete(self) -> bool:
        """Checks whether the person is done, so that what is missing is wrong and not just to
        come."""
        return self.response.get("status") in COMPLETE

    def missing(self, code: str, text: str, path: str, link_id: str) -> None:
        """Something that a completed response must have and one in progress may still get."""
        self.report.add("error" if self.complete else "warning", code, text, path, link_id)


def contained_types(resource: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The contained resources by id."""
    return {
        node["id"]: as_dict(node)
        for node in dicts(resource.get("contained"))
        if isinstance(node.get("id"), str)
    }
