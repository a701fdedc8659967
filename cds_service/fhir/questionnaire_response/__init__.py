"""Is a QuestionnaireResponse a right answer to its Questionnaire? FHIR R4, any Questionnaire.

The strict companion of ``cds_service.decision.answers``: that reads what can be used and passes
over the rest, this says what is wrong and where (``POST /fhir/QuestionnaireResponse/$validate``).
Any JSON may come in; it never raises, and the time it takes grows with the response alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cds_service.fhirpath import ValueSets

from .constraints import ConstraintChecker
from .form import Form, Item, compile_form
from .header import ROOT, check_header, is_response
from .occurrences import OccurrenceChecker
from .problems import MAX_PROBLEMS, Problem, as_outcome
from .run import Run
from .showing import Showing
from .structure import StructureReader
from .tree import Level
from .usability import usability

__all__ = [
    "MAX_PROBLEMS",
    "Form",
    "Item",
    "Problem",
    "Showing",
    "as_outcome",
    "compile_form",
    "usability",
    "validate",
]


def validate(
    questionnaire: Mapping[str, Any] | Form,
    response: Any,
    *,
    value_sets: ValueSets | None = None,
    now: datetime | None = None,
) -> list[Problem]:
    """Returns what is wrong with a response, in its order; empty when nothing is.

    ``value_sets`` are the sets of (system, code) that items may name, by url. ``now`` is the clock
    of constraints and, for a response without ``authored``, of the Questionnaire's period. Valid
    means that no problem is an error.
    """
    form = questionnaire if isinstance(questionnaire, Form) else compile_form(questionnaire)
    run = Run(form, response, value_sets or {}, now)
    if is_response(response, run):
        check_header(run)
        top = Level(ROOT)
        StructureReader(run).read(response.get("item"), top)
        occurrences = OccurrenceChecker(run)
        occurrences.check(top)
        ConstraintChecker(run, occurrences.enablement).check(top)
    return run.report.result()
