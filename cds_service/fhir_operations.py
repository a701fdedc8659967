"""``Questionnaire/[id]/$populate`` (SDC): the parameters it takes, and what it answers."""

from __future__ import annotations

from typing import Any

from cds_service.errors import BadRequest, Issue, MissingFacts, outcome
from cds_service.parameters import Parameters
from cds_service.populate import Populated
from cds_service.record import PATIENT

# Stands for a context that holds a reference only: nothing is fetched.
UNFETCHED = {"resourceType": "OperationOutcome"}


def launch_of(sent: Parameters) -> dict[str, Any]:
    """The launch a call describes: ``subject``, and ``context`` parts with a ``name`` and
    ``content`` resources. Raises BadRequest when it names nobody or two people."""
    launch: dict[str, Any] = {}
    for number, context in enumerate(sent.groups("context")):
        content = list(context.resources("content"))
        name = context.text("name") or f"context {number + 1}"
        launch[name] = [*launch.get(name, []), *(content or [UNFETCHED])]
    subject = sent.text("subject")
    person = subject.rpartition("/")[2] if subject else None
    known = [r.get("id") for r in launch.get(PATIENT, ()) if r.get("resourceType") == "Patient"]
    if person and any(one != person for one in known):
        words = "subject and the context 'patient' are two people. Send the data of one."
        raise BadRequest(Issue("conflict", words, "subject"))
    if not known:
        if not person:
            words = "Say whom the form is about: subject (Patient/id), or a context 'patient'."
            raise BadRequest(Issue("required", words, "subject"))
        launch = {**launch, PATIENT: {"resourceType": "Patient", "id": person}}
    return launch


def populated_parameters(populated: Populated) -> dict[str, Any]:
    """The answer: ``response``, and ``issues`` where there are any. Raises MissingFacts when
    nothing could be filled in because of what was sent."""
    errors = [issue for issue in populated.issues if issue.severity == "error"]
    if errors:
        raise MissingFacts(*errors)
    parameters: list[dict[str, Any]] = [{"name": "response", "resource": populated.response}]
    if populated.issues:
        parameters.append({"name": "issues", "resource": outcome(*populated.issues)})
    return {"resourceType": "Parameters", "parameter": parameters}
