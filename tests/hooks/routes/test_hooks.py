"""The hooks beside patient-view: what their context needs and what comes back."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.support.clinic import (
    ABSENT,
    CLINICAL_STATUS,
    ENCOUNTER_START,
    PATIENT_VIEW,
    Clinic,
    active,
    bundle,
    changed,
    chart_entry,
    walk,
)
from tests.support.ward import (
    BASE,
    CANARY,
    MANY,
    URINARY,
    Ward,
    expressions,
    requirement,
    visit,
)

NEEDED = {
    "order-select": ("userId", "patientId", "selections", "draftOrders"),
    "order-sign": ("userId", "patientId", "draftOrders"),
    "appointment-book": ("userId", "patientId", "appointments"),
    "problem-list-item-create": ("userId", "patientId", "conditions"),
}
EVERY = [(hook, name) for hook, names in NEEDED.items() for name in names]
ODD_ENTRIES = [None, 5, {}, {"resource": 5}]
ENTRY_IDS = ["absent", "null", "empty", "text", "odd"]
BUNDLES = [(hook, name) for hook, name in EVERY if name.endswith("s") and name != "selections"]


def hooked(clinic: Clinic, hook: str) -> tuple[dict[str, Any], str]:
    """A good call of a hook, and its service."""
    order = chart_entry("ServiceRequest", status="draft", intent="proposal")
    fields = {
        "selections": ["ServiceRequest/a-servicerequest"],
        "draftOrders": bundle([order]),
        "appointments": bundle([{"resourceType": "Appointment", "id": "a"}]),
        "conditions": bundle([active(code={"text": "x"})]),
    }
    body = {**clinic.request(URINARY), "hook": hook, "hookInstance": str(uuid.uuid4())}
    body["context"] |= {n: fields[n] for n in NEEDED[hook] if n in fields}
    return body, clinic.pipeline.service_for(hook).id


@requirement("7.1")
@pytest.mark.parametrize("hook", NEEDED)
@pytest.mark.parametrize("encounter", [ABSENT, None, "visit"], ids=["absent", "null", "given"])
def test_a_hook_is_answered_with_what_it_requires(hook: str, encounter: Any, ward: Ward) -> None:
    body, service = hooked(ward, hook)
    if encounter is not ABSENT:
        body["context"]["encounterId"] = encounter

    assert ward.post(body, service).status_code == 200


@requirement("7.1")
@requirement("2.11")
@pytest.mark.parametrize(("hook", "name"), EVERY)
@pytest.mark.parametrize("value", [ABSENT, None], ids=["absent", "null"])
def test_each_required_field_is_missed_by_name(
    hook: str, name: str, value: Any, ward: Ward
) -> None:
    body, service = hooked(ward, hook)

    answer = ward.post(changed(body, ("context", name), value), service)

    assert (answer.status_code, expressions(answer)) == (400, [f"context.{name}"])
    assert answer.get_json()["issue"][0]["code"] == "required"


@requirement("7.1")
@pytest.mark.parametrize(("hook", "name"), BUNDLES)
@pytest.mark.parametrize(
    "value",
    [5, CANARY, [], {}, [{"resourceType": "ServiceRequest"}], {"resourceType": CANARY}],
    ids=["number", "text", "list", "empty", "resources", "another-type"],
)
def test_a_bundle_must_be_one(hook: str, name: str, value: Any, ward: Ward) -> None:
    body, service = hooked(ward, hook)

    answer = ward.post(changed(body, ("context", name), value), service)

    assert (answer.status_code, expressions(answer)) == (400, [f"context.{name}"])
    assert CANARY not in answer.text


@requirement("7.1")
@pytest.mark.parametrize(("hook", "name"), BUNDLES)
@pytest.mark.parametrize("entry", [ABSENT, None, [], "x", ODD_ENTRIES], ids=ENTRY_IDS)
def test_an_odd_bundle_is_an_empty_one(hook: str, name: str, entry: Any, ward: Ward) -> None:
    body, service = hooked(ward, hook)
    body["context"][name] = {"resourceType": "Bundle"} | (
        {} if entry is ABSENT else {"entry": entry}
    )

    assert ward.post(body, service).status_code == 200


@requirement("7.1")
@pytest.mark.parametrize("value", [[], "ServiceRequest/a", {}, [5], ["ServiceRequest"], [None]])
def test_selections_are_references(value: Any, ward: Ward) -> None:
    body, service = hooked(ward, "order-select")

    answer = ward.post(changed(body, ("context", "selections"), value), service)

    assert (answer.status_code, expressions(answer)) == (400, ["context.selections"])


@requirement("7.5")
@pytest.mark.parametrize("hook", [*NEEDED, "patient-view", "encounter-start"])
@pytest.mark.parametrize("kind", ["Practitioner", "PractitionerRole", "Patient", "RelatedPerson"])
def test_each_hook_has_its_users(hook: str, kind: str, ward: Ward) -> None:
    if hook in NEEDED:
        body, service = hooked(ward, hook)
    else:
        body = {**ward.request(URINARY), "hook": hook}
        body["context"]["encounterId"] = "visit"
        service = {"patient-view": PATIENT_VIEW, "encounter-start": ENCOUNTER_START}[hook]
    body["context"]["userId"] = f"{kind}/example"
    staff = kind.startswith("Practitioner")

    answer = ward.post(body, service)

    assert answer.status_code == (200 if staff or hook in OPEN_TO_ALL else 400)
    if answer.status_code == 400:
        assert expressions(answer) == ["context.userId"]


OPEN_TO_ALL = ("patient-view", "appointment-book")


@requirement("2.13")
@pytest.mark.parametrize("name", ["patientId", "encounterId"])
@pytest.mark.parametrize("steps", [".", "..", "Patient/..", "Encounter/."])
def test_steps_of_a_path_are_no_ids(name: str, steps: str, ward: Ward) -> None:
    answer = ward.post(changed(ward.request(URINARY), ("context", name), steps))

    assert (answer.status_code, expressions(answer)) == (400, [f"context.{name}"])


@requirement("6.21")
def test_links_come_from_our_own_settings(ward: Ward) -> None:
    status = {"coding": [{"code": "active", "system": CLINICAL_STATUS}]}
    reason = {"coding": [{"system": "http://snomed.info/sct", "code": "71315007"}]}
    known = {"resourceType": "Condition", "code": reason, "clinicalStatus": status}
    asked = {**ward.request(), "fhirServer": "https://evil.example/fhir"}
    asked["prefetch"]["conditions"] = bundle([known])
    told = visit(ward, {**MANY, "other": "See https://evil.example or [here](//evil.example)"})
    headers = {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "Forwarded": "host=evil.example",
        "Origin": "https://evil.example",
        "Referer": "https://evil.example/",
    }

    offer = ward.post(asked, headers=headers).get_json()["cards"]
    cards = ward.post(told, headers=headers).get_json()["cards"]

    links = [link["url"] for link in offer[0]["links"]]
    assert links[0] == f"{BASE}/intake"
    assert all(link.startswith(f"{BASE}/") for link in links)
    assert cards
    for path, value in walk([*offer, *cards]):
        if path and path[-1] in ("url", "appContext", "icon"):
            assert "evil" not in value
        elif isinstance(value, str):
            assert "://evil" not in value
            assert "](" not in value
