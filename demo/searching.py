"""Searches that ``sekmet-fhir`` does not know by itself: without these it passes over ``patient``
of a QuestionnaireResponse with a warning, and answers with everybody's."""

from __future__ import annotations

from sekmet.fhir.search_params import PARAMS, SearchParam

ADDED = (
    ("QuestionnaireResponse", "patient", "reference", "subject", "Patient"),
    ("QuestionnaireResponse", "subject", "reference", "subject", None),
    ("QuestionnaireResponse", "status", "token", "status", None),
    ("QuestionnaireResponse", "authored", "date", "authored", None),
    ("QuestionnaireResponse", "questionnaire", "uri", "questionnaire", None),
    ("QuestionnaireResponse", "identifier", "token", "identifier", None),
    ("Questionnaire", "url", "uri", "url", None),
    ("Questionnaire", "status", "token", "status", None),
)


def add_searches() -> None:
    """Adds the search parameters of FHIR R4 that the clinic needs; safe to call again."""
    for kind, name, sort, path, target in ADDED:
        PARAMS.setdefault(kind, {})[name] = SearchParam(name, sort, (path,), target)
