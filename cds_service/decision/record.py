"""The record of one call: everything the caller sent, or the service fetched, about one patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cds_service.content.model import Resource
from cds_service.decision.unread import Unread
from cds_service.fhir.references import References

# The prefetch keys that are read by name; all others hold chart entries.
PATIENT, RESPONSES, ENCOUNTER = "patient", "questionnaireResponses", "encounter"


@dataclass(frozen=True, slots=True)
class PatientRecord:
    """The data of one call, as parsed JSON.

    ``user`` is the current user as (resource type, id), ``encounter_id`` the encounter of the hook
    context. ``context`` holds the resources of the hook
    context by field name, such as ``draftOrders``. ``unavailable`` maps a prefetch key that could
    not be read to the reason; ``incomplete`` names keys of which more exists than was sent;
    ``unread`` is what could not be used before the rules saw it. ``references`` are those among
    everything that came.
    """

    patient: Resource
    user: tuple[str, str]
    responses: tuple[Resource, ...] = ()
    encounter: Resource | None = None
    encounter_id: str | None = None
    chart: tuple[Resource, ...] = ()
    context: Mapping[str, tuple[Resource, ...]] = field(default_factory=dict)
    unavailable: Mapping[str, str] = field(default_factory=dict)
    incomplete: frozenset[str] = frozenset()
    unread: tuple[Unread, ...] = ()
    references: References = field(default_factory=References)
