"""Prefetch: what discovery asks for, and what a call brought.

``templates`` derives the prefetch of discovery from the facts library; ``read_prefetch`` reads
what a request sent. A value of null means "asked, and nothing there"; an absent key means "not
known"; an OperationOutcome means "failed" (``docs/conformance.md`` 1.19-1.27). Codes and dates
are always filtered again in ``chart``, so a superset changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from cds_service.content.model import Content, Resource
from cds_service.decision.record import ENCOUNTER, PATIENT, RESPONSES, PatientRecord
from cds_service.decision.unread import Unread, Why, unread
from cds_service.fhir.bundles import Contents, read_contents
from cds_service.fhir.errors import Issue, MissingFacts
from cds_service.fhir.references import Person, References, is_about
from cds_service.hooks.request import HOOKS, HookRequest

ORDERS = "serviceRequests"
NO_RESOURCE = "not a resource"  # the type of an entry that has none
MAX_QUERY = 4000  # characters of one search, above which the code filter is dropped


def templates(content: Content) -> dict[str, str]:
    """Prefetch key -> FHIR query, within the restrictions of ``docs/conformance.md`` 1.14-1.18."""
    found = {
        PATIENT: "Patient/{{context.patientId}}",
        RESPONSES: "QuestionnaireResponse?patient={{context.patientId}}&_sort=-authored&_count=50",
    }
    by_type: dict[str, set[tuple[str, str]]] = {}
    for requirement in content.requirements.values():
        if requirement.context is not None:
            continue  # it comes with the hook
        codes = by_type.setdefault(requirement.type, set())
        if requirement.type == "Observation":
            codes |= _as_written(content, requirement.main.value_set)
            codes |= requirement.reading.panels if requirement.reading else frozenset()
    for resource_type, codes in sorted(by_type.items()):
        query = f"{resource_type}?patient={{{{context.patientId}}}}"
        tokens = ",".join(f"{system}|{code}" for system, code in sorted(codes))
        filtered = f"{query}&code={tokens}"
        small = codes and len(filtered) <= MAX_QUERY
        found[_key(resource_type)] = filtered if small else query
    found[ORDERS] = "ServiceRequest?patient={{context.patientId}}&status=active"
    found[ENCOUNTER] = "Encounter/{{context.encounterId}}"
    return found


def _as_written(content: Content, value_set: str | None) -> set[tuple[str, str]]:
    compose = content.resources[value_set or ""]["compose"]
    written = {(i["system"], c["code"]) for i in compose["include"] for c in i.get("concept", ())}
    return written | content.site_codes.get(value_set or "", frozenset())


def _key(resource_type: str) -> str:
    return resource_type[0].lower() + resource_type[1:] + "s"


def missing(request: HookRequest, keys: Mapping[str, str]) -> dict[str, str]:
    """The queries of keys that were not sent; null and a failed prefetch count as sent."""
    unexpected = set() if HOOKS[request.hook].encounter_required else {ENCOUNTER}
    sent = request.prefetch.keys() | unexpected
    return {key: query for key, query in keys.items() if key not in sent}


def read_prefetch(
    request: HookRequest, keys: Mapping[str, str], fetched: Mapping[str, Any] | None = None
) -> PatientRecord:
    """Reads the prefetch of a request, and what was fetched in its place (key -> resource, or the
    exception that says why not).

    Raises MissingFacts (412) when the patient or the questionnaire responses cannot be had, and
    when any resource is about another patient.
    """
    reader = _PrefetchReader(request, keys, fetched or {})
    patients = reader.required(PATIENT)
    if not patients:
        raise MissingFacts(_missing(PATIENT, "holds no Patient resource"))
    reader.person = replace(reader.person, resource=patients[0])
    context = {
        name: tuple(reader.about_the_patient(f"context.{name}", resources))
        for name, resources in request.resources.items()
    }
    responses = reader.required(RESPONSES)
    chart: list[Resource] = []
    for key in keys:
        if key not in (PATIENT, RESPONSES, ENCOUNTER):
            chart += reader.optional(key)
    encounter = None
    if request.encounter_id is not None and reader.expects_encounter():
        found = reader.optional(ENCOUNTER)
        encounter = next((r for r in found if r.get("resourceType") == "Encounter"), None)
        known = [r.get("id") for r in chart if r.get("resourceType") == "Encounter"]
        if encounter is not None and encounter.get("id") not in known:
            chart.append(encounter)
    return PatientRecord(
        patient=patients[0],
        user=request.user,
        context=context,
        responses=tuple(r for r in responses if r.get("resourceType") == "QuestionnaireResponse"),
        encounter=encounter,
        encounter_id=request.encounter_id,
        chart=tuple(chart),
        unavailable=reader.unavailable,
        incomplete=frozenset(reader.incomplete),
        unread=tuple(reader.unread),
        references=reader.references,
    )


class _PrefetchReader:
    """The prefetch of one request, key by key; references lead to all of it."""

    def __init__(
        self, request: HookRequest, keys: Mapping[str, str], fetched: Mapping[str, Any]
    ) -> None:
        self.request = request
        self.keys = keys
        self.values = {**fetched, **request.prefetch}
        self.contents = {key: _contents(self.values[key]) for key in keys if key in self.values}
        self.references = References(
            entry for contents in self.contents.values() for entry in contents.entries
        )
        for resource in (r for made in request.resources.values() for r in made):
            self.references.add(None, resource)
        self.person = Person(request.patient_id)
        self.unavailable: dict[str, str] = {}
        self.incomplete: set[str] = set()
        self.unread: list[Unread] = []

    def expects_encounter(self) -> bool:
        """Discovery asks for the encounter only on hooks that always have one; elsewhere it is
        read when it is there, and not missed."""
        return ENCOUNTER in self.values or HOOKS[self.request.hook].encounter_required

    def required(self, key: str) -> list[dict[str, Any]]:
        """The resources of a key without which nothing can be said."""
        found = self.optional(key)
        if key in self.unavailable:
            raise MissingFacts(_missing(key, self.unavailable[key]))
        if not found and key in self.incomplete:
            raise MissingFacts(_missing(key, "is not complete, and its first part holds nothing"))
        return found

    def optional(self, key: str) -> list[dict[str, Any]]:
        """The resources of a key; what is missing, failed or not complete is noted. What came is
        used even when not all of it could be read."""
        reason = self._reason(key)
        if reason is not None:
            self.unavailable[key] = reason
            return []
        contents = self.contents[key]
        self.unread += [Unread(NO_RESOURCE, Why.RESOURCE)] * contents.unusable
        if contents.failed:
            self.unavailable[key] = "failed at the client (OperationOutcome)"
        elif not contents.is_whole:
            self.incomplete.add(key)
        wanted = self.keys[key].partition("?")[0].partition("/")[0]
        kinds = {resource["resourceType"] for resource in contents.resources}
        if kinds and wanted not in kinds:
            self.unavailable.setdefault(key, f"holds no {wanted} resource")
        return list(self.about_the_patient(f"prefetch.{key}", contents.resources))

    def _reason(self, key: str) -> str | None:
        """Returns why a key holds nothing that can be read; None when it can be, null included."""
        if key not in self.values:
            return "was not sent"
        value = self.values[key]
        if isinstance(value, Exception):
            return str(value)
        is_resource = isinstance(value, dict) and isinstance(value.get("resourceType"), str)
        return None if value is None or is_resource else "is not a FHIR resource"

    def about_the_patient(
        self, where: str, resources: Iterable[dict[str, Any]]
    ) -> Iterator[dict[str, Any]]:
        """The resources about the patient; one of which that cannot be told is left out and noted.
        Another patient's data is never looked at (``docs/conformance.md`` 1.27): raises
        MissingFacts."""
        for resource in resources:
            about = is_about(resource, self.person, self.references)
            if about is False:
                raise MissingFacts(_another(where))
            if about is None:
                self.unread.append(unread(resource, Why.PATIENT))
            else:
                yield resource


def _contents(value: Any) -> Contents:
    return Contents() if isinstance(value, Exception) else read_contents(value)


def _another(where: str) -> Issue:
    return Issue(
        "conflict",
        f"{where} holds data about a patient other than context.patientId. "
        "Send the data of that patient only.",
        where,
    )


def _missing(key: str, why: str) -> Issue:
    return Issue(
        "required",
        f"prefetch.{key} {why}, and the service needs it. Send the result of the query "
        "that GET /cds-services lists for this key, or null when there is nothing.",
        f"prefetch.{key}",
    )
