"""At which ages a whole response is restricted, as the Questionnaire says
(clinical specification 1.6).

The extension ``response-label-for-ages`` holds ``ages`` (a Range of whole years, both ends
included) and ``label`` (a Coding). No age and no label is named here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cds_service.content import extensions as ext
from cds_service.content.model import Finding, Resource

NAME = "response-label-for-ages"
YEARS = "a"  # UCUM


@dataclass(frozen=True, slots=True)
class AgeLabel:
    """``label`` (a Coding) is for people from ``youngest`` to ``oldest``, in whole years."""

    youngest: int
    oldest: int
    label: Mapping[str, Any]

    def is_for(self, age: int | None) -> bool:
        """Checks whether somebody of that age gets it: one whose age is unknown does, to be
        safe."""
        return age is None or self.youngest <= age <= self.oldest


def age_labels(form: Resource) -> tuple[AgeLabel, ...]:
    """The labels of a Questionnaire; those that say too little are left to ``check``."""
    return tuple(label for label in map(_read, ext.values(form, NAME)) if label)


def age_label_findings(form: Resource, file: str) -> Iterator[Finding]:
    """Extensions that do not say which ages get which label."""
    for extension in ext.values(form, NAME):
        if _read(extension) is None:
            yield Finding(
                file, NAME, "needs ages (whole years 'a', low to high) and a label with a code"
            )


def _read(extension: Any) -> AgeLabel | None:
    parts = ext.parts(extension) if isinstance(extension, dict) else {}
    ages, label = parts.get("ages") or {}, parts.get("label") or {}
    low, high = (_years(ages.get(end)) for end in ("low", "high"))
    if low is None or high is None or low > high or not label.get("code"):
        return None
    return AgeLabel(low, high, label)


def _years(quantity: Any) -> int | None:
    """A whole number of years."""
    quantity = quantity or {}
    value = quantity.get("value")
    whole = not isinstance(value, bool) and value is not None and value == int(value)
    return int(value) if whole and quantity.get("code") == YEARS else None
