"""Wording rules of the clinical specification, section 7 (``docs/lint.md``), over every text a
clinician or patient may read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cds_service.content import extensions as ext
from cds_service.content.model import Finding, Resource

# Phrase -> what to write instead. Matched as whole words, in any case.
BANNED = {
    "patient has": "name the finding and write consider",
    "rule out": "write consider, or check for",
    "rules out": "write does not make likely",
    "non-compliant": "describe what happened",
    "noncompliant": "describe what happened",
    "admits": "write says, or reports",
    "denies": "write does not report",
    "complains": "write reports",
    "hysterical": "leave it out",
    "promiscuous": "leave it out",
    "normal for you": "leave it out",
    "suffers from": "name the finding and write consider",
    "diagnosed with": "name the finding and write consider",
    "is diagnosed": "write consider; a clinician diagnoses",
    "confirms that": "write speaks for",
    "you have an infection": "write consider; a clinician diagnoses",
}
# Types of resources of which a card may say how many could not be read (unread-Condition, ...).
UNREAD_TYPES = frozenset(
    {
        "Appointment",
        "Condition",
        "DiagnosticReport",
        "Encounter",
        "MedicationAdministration",
        "MedicationDispense",
        "MedicationRequest",
        "MedicationStatement",
        "Observation",
        "Patient",
        "Procedure",
        "QuestionnaireResponse",
        "ServiceRequest",
    }
)
# The fixed phrases of a card, which the strategy must word (extension card-wording).
PHRASES = frozenset(
    {
        "why",
        "do-now",
        "think-of",
        "sheet",
        "check-first",
        "still-open",
        "also-consider",
        "own-words",
        "privacy",
        "basis",
        "age",
        "also",
        "and-more",
        "and-more-see",
        "more-findings",
        "summary-more",
        "not-reported",
        "answered",
        "today",
        "yesterday",
        "days-ago",
        "unknown-date",
        "still-so",
        "not-answered",
        "left-open",
        "too-old",
        "answers-unusable",
        "no-vital-signs",
        "chart-unavailable",
        "chart-incomplete",
        "kept-private",
        "exam",
        "in-own-words",
        "months",
        "result-unknown",
        "specification",
        "source",
        "version",
        "answers-undated",
        "answers-undecided",
        "unread-answers",
        "unread-result",
        "unread-value",
        "no-value",
        "no-date",
        "unread-other",
        *(f"unread-{name}" for name in UNREAD_TYPES),
        "version-draft",
        "full-reasoning",
        "print-sheet",
        "topic-relief",
        "topic-seek-care",
        "sheet-for-you",
        "sheet-general",
        "sheet-relief",
        "sheet-visit",
        "sheet-same-day",
        "sheet-call",
    }
)
TEXTS = frozenset({"title", "description", "textEquivalent", "text", "display", "contentString"})
TRANSLATED = "content"  # the part of a ``translation`` extension that is read
READ_BY_PEOPLE = frozenset({"PlanDefinition", "ActivityDefinition", "Questionnaire"})
_BANNED = re.compile(r"\b(" + "|".join(map(re.escape, BANNED)) + r")\b", re.IGNORECASE)
_PATTERN_FITS = re.compile(r"\bpattern fits\b", re.IGNORECASE)
_CONSIDER = re.compile(r"\bconsider", re.IGNORECASE)
_UNFINISHED = re.compile(r"\b(TODO|TBD|FIXME|[Ll]orem)\b")  # "todo" is a Spanish word
_MARKUP = re.compile(r"<[a-zA-Z/!]")


def wording_findings(resource: Resource, file: str) -> Iterator[Finding]:
    """Banned phrases, unfinished texts and HTML."""
    if resource["resourceType"] not in READ_BY_PEOPLE:
        return
    for path, text in _texts(resource, ""):
        for match in _BANNED.finditer(text):
            instead = BANNED[match[1].lower()]
            yield Finding(file, path, f"{match[1]!r} must not be written: {instead}")
        if _UNFINISHED.search(text):
            yield Finding(file, path, "is unfinished")
        if _MARKUP.search(text):
            yield Finding(file, path, "holds HTML; cards are Markdown")
        if _PATTERN_FITS.search(text) and not ext.value(resource, "pattern-may-fit", False):
            yield Finding(file, path, "'pattern fits' claims too much here: write consider")
    yield from _without_consider(resource, file)


def _without_consider(resource: Resource, file: str) -> Iterator[Finding]:
    """Checks that a cause says "consider" to the clinician, and never a diagnosis."""
    if "/causes/" not in f"/{file}":
        return
    for action in resource.get("action", ()):
        text = action.get("description")
        if text and not _CONSIDER.search(text):
            path = f"action {action.get('id')}.description"
            yield Finding(file, path, "must offer something to consider, in that word")


def _texts(node: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            at = f"{path}.{key}" if path else key
            if isinstance(value, str):
                if key in TEXTS or (key == "valueString" and node.get("url") == TRANSLATED):
                    yield at, value
            elif key != "relatedArtifact":
                yield from _texts(value, at)
    elif isinstance(node, list):
        for place, item in enumerate(node):
            name = item.get("id", item.get("linkId", place)) if isinstance(item, dict) else place
            yield from _texts(item, f"{path}[{name}]")
