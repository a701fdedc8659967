"""Medicines behind references that nobody sent are read from the EHR, within the limits."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.access.fhir_client import FhirClient
from cds_service.content import Content
from cds_service.hooks.pipeline import MAX_MEDICINES
from tests.access.fetching import Visits, allowed, asking
from tests.support.clinic import QUIET, Clinic, chart_entry, topics
from tests.support.hostile_fhir import HostileServer, hang, resource, status

NOT_READ = "of the medicines could not be read."


@pytest.fixture
def visits(content: Content, client: FhirClient, server: HostileServer) -> Visits:
    return Visits(content, client, allowed(server.base))


def medication(content: Content, name: str = "m1") -> dict[str, Any]:
    system, code = min(content.requirements["dryingMedicineRequest"].main.codes)
    coding = {"system": system, "code": code}
    return {"resourceType": "Medication", "id": name, "code": {"coding": [coding]}}


def ordered(reference: str, **elements: Any) -> dict[str, Any]:
    named = {"medicationReference": {"reference": reference}}
    return chart_entry("MedicationRequest", **{"status": "active", "intent": "order"}, **named) | (
        elements
    )


def call(clinic: Clinic, server: HostileServer, *orders: dict[str, Any]) -> dict[str, Any]:
    body = clinic.request({**QUIET, "dry": "most"}, orders)
    return asking(body, server.base, *body["prefetch"])


@pytest.mark.parametrize("form", ["Medication/m1", "Medication/m1/_history/3", "{}/Medication/m1"])
def test_a_medicine_that_is_only_referred_to_is_read(
    form: str, clinic: Clinic, visits: Visits, server: HostileServer
) -> None:
    server.on("Medication/m1", resource(medication(clinic.content)))
    body = call(clinic, server, ordered(form.format(server.base)))

    cards = visits.cards(body)

    assert NOT_READ not in str(cards)
    assert server.targets == ["/fhir/Medication/m1"]
    assert "medication-review" in topics(cards)
    without = clinic.result(body).cards
    assert "medication-review" not in topics(without)
    assert f"1 {NOT_READ}" in without[0]["detail"]


@pytest.mark.parametrize(
    "answer",
    [
        status(404, b""),
        resource({"resourceType": "OperationOutcome", "issue": []}),
        resource({"resourceType": "Medication", "id": "another"}),
        hang(),
    ],
    ids=["missing", "failed", "another", "silent"],
)
def test_a_medicine_that_cannot_be_read_is_said(
    answer: Any, clinic: Clinic, visits: Visits, server: HostileServer
) -> None:
    server.on("Medication/m1", answer)

    cards = visits.cards(call(clinic, server, ordered("Medication/m1")))

    assert all(f"1 {NOT_READ}" in card["detail"] for card in cards)
    assert cards


@pytest.mark.parametrize(
    "order",
    [
        ordered("https://other.example/fhir/Medication/m1"),
        ordered("Organization/m1"),
        ordered("urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"),
        ordered("Medication/m1", status="cancelled"),
        ordered("Medication/m1", doNotPerform=True),
    ],
    ids=["elsewhere", "no-medicine", "urn", "cancelled", "not-to-be-given"],
)
def test_what_is_not_there_or_does_not_count_is_not_asked_for(
    order: dict[str, Any], clinic: Clinic, visits: Visits, server: HostileServer
) -> None:
    visits.cards(call(clinic, server, order))

    assert server.targets == []


def test_each_medicine_is_read_once_and_not_more_than_a_limit(
    clinic: Clinic, visits: Visits, server: HostileServer
) -> None:
    names = [f"m{number}" for number in range(MAX_MEDICINES + 5)]
    for name in names:
        server.on(f"Medication/{name}", resource(medication(clinic.content, name)))
    orders = [ordered(f"Medication/{name}") for name in names for _ in range(2)]

    cards = visits.cards(call(clinic, server, *orders))

    assert len(server.targets) == len(set(server.targets)) == MAX_MEDICINES
    assert f"10 {NOT_READ}" in cards[0]["detail"]
