"""Prefetch: what discovery asks for, and what a call brought.

``templates`` derives the prefetch of discovery from the facts library; ``read_prefetch`` reads
what a request sent. A value of null means "asked, and nothing there"; an absent key means "not
known"; an OperationOutcome means "failed" (``docs/conformance.md`` 1.19-1.27). Codes and dates
are always filtered again in ``chart``, so a superset changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cds_service.content.model import Content, Resource
from cds_service.decision.record import ENCOUNTER, PATIENT, RESPONSES, PatientRecord
from cds_service.fhir.bundles import next_links
from cds_service.fhir.errors import Issue, MissingFacts
from cds_service.hooks.request import HOOKS, HookRequest

ORDERS = "serviceRequests"
MAX_QUERY = 4000  # characters of one search, above which the code filter is dropped
FAILED = frozenset({"error", "fatal"})


def templates(content: Content) -> dict[str, str]:
    """Prefetch key -> FHIR query, within the restrictions of ``docs/conformance.md`` 1.14-1.18."""
    found = {
        PATIENT: "Patient/{{context.patientId}}",
        RESPONSES: "QuestionnaireResponse?patient={{context.patientId}}&_sort=-authored&_count=50",
    }
    by_type: dict[str, set[tuple[str, str]]] = {}
    for requirement in content.requirements.values():
        codes = by_type.setdefault(requirement.type, set())
        if requirement.type == "Observation":
            codes |= _as_written(content, requirement.main.value_set)
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
    return {(i["system"], c["code"]) for i in compose["include"] for c in i.get("concept", ())}


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
    reader = _PrefetchReader(request, fetched or {})
    for name, resources in request.resources.items():
        for resource in resources:
            reader.same_patient(f"context.{name}", resource)
    responses = reader.required(RESPONSES)
    patients = [r for r in reader.required(PATIENT) if r.get("resourceType") == "Patient"]
    if not patients:
        raise MissingFacts(_missing(PATIENT, "holds no Patient resource"))
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
        context=request.resources,
        responses=tuple(r for r in responses if r.get("resourceType") == "QuestionnaireResponse"),
        encounter=encounter,
        chart=tuple(chart),
        unavailable=reader.unavailable,
        incomplete=frozenset(reader.incomplete),
        unusable=reader.unusable,
    )


class _PrefetchReader:
    """The prefetch of one request, key by key."""

    def __init__(self, request: HookRequest, fetched: Mapping[str, Any]) -> None:
        self.request = request
        self.values = {**fetched, **request.prefetch}
        self.unavailable: dict[str, str] = {}
        self.incomplete: set[str] = set()
        self.unusable = 0

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
            raise MissingFacts(_missing(key, "is paged, and its first page holds nothing usable"))
        return found

    def optional(self, key: str) -> list[dict[str, Any]]:
        """The resources of a key; what is missing or failed is noted and counts as no entry."""
        if key not in self.values:
            self.unavailable[key] = "was not sent"
            return []
        value = self.values[key]
        if isinstance(value, Exception):
            self.unavailable[key] = str(value)
            return []
        if value is None:  # asked, and nothing there: known empty
            return []
        if not isinstance(value, dict) or not isinstance(value.get("resourceType"), str):
            self.unavailable[key] = "is not a FHIR resource"
            return []
        if value["resourceType"] == "OperationOutcome":
            self.unavailable[key] = "failed at the client (OperationOutcome)"
            return []
        found = list(self._entries(key, value)) if value["resourceType"] == "Bundle" else [value]
        if key in self.unavailable:
            return []
        for resource in found:
            self.same_patient(f"prefetch.{key}", resource)
        return found

    def _entries(self, key: str, bundle: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Resources of a Bundle. A next link means there is more than was sent."""
        if any(True for _ in next_links(bundle)):
            self.incomplete.add(key)
        entries = bundle.get("entry")
        for entry in entries if isinstance(entries, list) else ():
            resource = entry.get("resource") if isinstance(entry, dict) else None
            if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
                self.unusable += 1
            elif resource["resourceType"] == "OperationOutcome":
                self._note_outcome(key, resource)
            else:
                yield resource

    def _note_outcome(self, key: str, outcome: dict[str, Any]) -> None:
        """An error among the hits is a failed search; a warning only means it was read loosely."""
        issues = outcome.get("issue")
        severities = {
            i.get("severity")
            for i in (issues if isinstance(issues, list) else ())
            if isinstance(i, dict)
        }
        if severities & FAILED:
            self.unavailable[key] = "failed at the client (OperationOutcome among its entries)"

    def same_patient(self, where: str, resource: dict[str, Any]) -> None:
        """Another patient's data is never looked at (``docs/conformance.md`` 1.27)."""
        if all(about == self.request.patient_id for about in subjects(resource)):
            return
        raise MissingFacts(
            Issue(
                "conflict",
                f"{where} holds data about a patient other than context.patientId. "
                "Send the data of that patient only.",
                where,
            )
        )


def subjects(resource: Mapping[str, Any]) -> Iterator[str | None]:
    """Ids of the patients a resource says it is about; None for somebody who is no patient."""
    if resource.get("resourceType") == "Patient":
        yield str(resource["id"]) if "id" in resource else None
        return
    for name in ("subject", "patient"):
        subject = resource.get(name)
        reference = subject.get("reference") if isinstance(subject, dict) else None
        if isinstance(reference, str):
            yield _patient_id(reference)


def _patient_id(reference: str) -> str | None:
    """The id of a relative, absolute or urn:uuid reference; a version is passed over."""
    steps = reference.removeprefix("urn:uuid:").partition("/_history/")[0].split("/")
    return steps[-1] if len(steps) == 1 or steps[-2] == "Patient" else None


def _missing(key: str, why: str) -> Issue:
    return Issue(
        "required",
        f"prefetch.{key} {why}, and the service needs it. Send the result of the query "
        "that GET /cds-services lists for this key, or null when there is nothing.",
        f"prefetch.{key}",
    )
