"""The requirements of rules on the chart: entries with their codes, dates and results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from cds_service.content.codes import CodeSet, Key

# The elements that date an entry, most telling first (R4 element names, choice types resolved).
DATES = {
    "Condition": ("onset", "recordedDate"),
    "Observation": ("effective", "issued"),
    "Procedure": ("performed",),
    "DiagnosticReport": ("effective", "issued"),
    "MedicationRequest": ("authoredOn",),
    "MedicationStatement": ("effective", "dateAsserted"),
    "MedicationAdministration": ("effective",),
    "MedicationDispense": ("whenHandedOver", "whenPrepared"),
    "Encounter": ("period",),
    "Appointment": ("created",),
}


@dataclass(frozen=True, slots=True)
class CodeFilter:
    """Codes one element of a resource must hold; ``value_set`` is None for an inline list."""

    path: str
    codes: CodeSet
    value_set: str | None
    allows_absent: bool


class ResultState(StrEnum):
    """The state of a result. ``STATED`` is a value that is neither of the first three."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    AMOUNT = "amount"
    STATED = "stated"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class ValueReading:
    """Conditions on the value of an entry, for it to meet a requirement.

    ``units`` maps the codes and texts of a unit to its UCUM code: the entry is a measurement.
    Without them it is a result in one of the states ``results``, by the codes of ``positive`` and
    ``negative``. ``panels`` are the codes of entries that hold it in a component.
    """

    results: frozenset[ResultState]
    positive: CodeSet
    negative: CodeSet
    units: Mapping[str, str]
    panels: frozenset[Key]
    value_sets: frozenset[str]  # canonicals of all that it names


@dataclass(frozen=True, slots=True)
class Since:
    """The other requirements, and the value set their result must be in, if it must."""

    requirements: tuple[str, ...]
    result: str | None


@dataclass(frozen=True, slots=True)
class Requirement:
    """A ``dataRequirement`` of the facts library: which chart entries ``%id`` stands for.

    ``window`` is the look-back: an amount and ``"d"`` (calendar days) or ``"h"`` (hours).
    """

    id: str
    type: str
    filters: tuple[CodeFilter, ...]
    window: tuple[int, Literal["d", "h"]] | None
    limit: int | None
    tag: str | None
    quotable: bool  # False: used silently, no card quotes it
    reading: ValueReading | None = None  # None: that it is there is enough
    context: str | None = None  # the field of the hook context it reads in place of the chart
    may_quiet: str | None = None  # why one that cannot be read may hold a card back
    since: Since | None = None  # only entries on or after those of another requirement
    short_name: str = ""  # one to four words, as a card names an entry
    is_vital_sign: bool = False

    @property
    def main(self) -> CodeFilter:
        """The filter that picks the entries by value set."""
        return self.filters[0]
