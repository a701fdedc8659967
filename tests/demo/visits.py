"""A sample person's visit as a CDS Hooks request, everything sent as prefetch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cds_service.hooks.discovery import Service
from demo.people import Person

CONTEXT = {"appointment-book": "appointments", "problem-list-item-create": "conditions"}


def request_of(person: Person, service: Service) -> dict[str, Any]:
    """The call an EHR would make for the service's hook."""
    prefetch: dict[str, Any] = {
        key: bundle(of_type(person, key[0].upper() + key[1:-1])) for key in service.prefetch
    }
    prefetch["patient"] = person.chart[0]
    context: dict[str, Any] = {"userId": "Practitioner/dr-okonjo", "patientId": person.id}
    if service.hook == "encounter-start":
        (visit,) = of_type(person, "Encounter")
        context["encounterId"], prefetch["encounter"] = visit["id"], visit
    elif service.hook in CONTEXT:
        name = CONTEXT[service.hook]
        context[name] = bundle(of_type(person, name[0].upper() + name[1:-1]))
    return {
        "hook": service.hook,
        "hookInstance": "0e7a1c1e-57a8-4a4a-9b0a-6b3a4a1f2c10",
        "context": context,
        "prefetch": prefetch,
    }


def of_type(person: Person, kind: str) -> list[dict[str, Any]]:
    return [r for r in person.resources if r["resourceType"] == kind]


def bundle(resources: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": resource} for resource in resources],
    }
