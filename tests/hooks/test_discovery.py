"""What ``GET /cds-services`` says of the service is complete, callable and within the rules."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

import pytest

from cds_service.hooks.prefetch import MAX_QUERY
from tests.support.clinic import QUIET, Clinic, active, bundle, chart_entry, walk

TOKEN = re.compile(r"\{\{(.*?)\}\}")
# docs/conformance.md section 7: context fields that every hook served here has, and that may be
# tokens
TOKENS = {"userId", "patientId", "encounterId"}
HOOKS = {
    "patient-view",
    "encounter-start",
    "order-select",
    "order-sign",
    "appointment-book",
    "problem-list-item-create",
}


@pytest.fixture(scope="module")
def services(clinic: Clinic) -> list[dict[str, Any]]:
    return clinic.client.get("/cds-services").get_json()["services"]


@pytest.mark.requirement("1.1")
@pytest.mark.requirement("1.11")
def test_discovery_is_one_json_object(clinic: Clinic) -> None:
    answer = clinic.client.get("/cds-services")

    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert list(answer.get_json()) == ["services"]


@pytest.mark.requirement("1.2")
@pytest.mark.requirement("1.10")
def test_each_hook_has_a_service_of_its_own(services: list[dict[str, Any]]) -> None:
    hooks = [service["hook"] for service in services]

    assert hooks[0] == "patient-view"
    assert len(hooks) == len(set(hooks))
    assert {"patient-view", "encounter-start"} <= set(hooks) <= HOOKS
    assert [s["id"] for s in services] == [f"dyspareunia-workup-{hook}" for hook in hooks]


@pytest.mark.requirement("1.3")
@pytest.mark.requirement("1.4")
@pytest.mark.requirement("1.5")
@pytest.mark.requirement("1.6")
@pytest.mark.requirement("1.7")
def test_an_entry_holds_texts_and_nothing_a_2_0_client_does_not_know(
    services: list[dict[str, Any]],
) -> None:
    for service in services:
        texts = {k: v for k, v in service.items() if k != "prefetch"}

        assert texts.keys() == {"hook", "title", "description", "id", "usageRequirements"}
        assert all(isinstance(text, str) and text.strip() for text in texts.values())


@pytest.mark.requirement("1.13")
@pytest.mark.requirement("4.3")
def test_discovery_holds_no_nulls_and_no_empties(services: list[dict[str, Any]]) -> None:
    empties = [path for path, value in walk(services) if value in (None, "", [], {})]

    assert empties == []


@pytest.mark.requirement("1.8")
def test_prefetch_keys_and_queries_are_plain_strings(services: list[dict[str, Any]]) -> None:
    for service in services:
        assert service["prefetch"]
        for key, query in service["prefetch"].items():
            assert re.fullmatch(r"[a-z][A-Za-z]+", key)
            assert query == query.strip() != ""


@pytest.mark.requirement("1.9")
def test_every_service_listed_answers_at_its_address(
    services: list[dict[str, Any]], clinic: Clinic
) -> None:
    for service in services:
        body = {**clinic.request(QUIET), "hook": service["hook"]}
        order = chart_entry("ServiceRequest", status="draft", intent="proposal")
        body["context"] |= {
            "encounterId": "visit",
            "draftOrders": bundle([order]),
            "selections": ["ServiceRequest/a-servicerequest"],
            "appointments": bundle([{"resourceType": "Appointment", "id": "a"}]),
            "conditions": bundle([active(code={"text": "x"})]),
        }

        answer = clinic.post(body, service["id"])

        assert (service["id"], answer.status_code) == (service["id"], 200), answer.text


@pytest.mark.requirement("1.14")
@pytest.mark.requirement("1.15")
@pytest.mark.requirement("1.16")
@pytest.mark.requirement("1.17")
def test_tokens_are_context_fields_of_the_hook(services: list[dict[str, Any]]) -> None:
    for service in services:
        for query in service["prefetch"].values():
            tokens = TOKEN.findall(query)

            assert tokens
            assert {t.removeprefix("context.") for t in tokens} <= TOKENS
            assert all(t.startswith("context.") for t in tokens)


@pytest.mark.requirement("7.3")
def test_a_token_is_always_set_for_its_hook(services: list[dict[str, Any]]) -> None:
    with_encounter = {s["hook"] for s in services if "encounterId" in str(s["prefetch"])}

    assert with_encounter == {"encounter-start"}  # elsewhere encounterId is optional


@pytest.mark.requirement("1.18")
def test_queries_stay_within_the_restricted_set(services: list[dict[str, Any]]) -> None:
    for service in services:
        for key, query in service["prefetch"].items():
            resource_type, _, search = TOKEN.sub("id", query).partition("?")
            if not search:
                assert re.fullmatch(r"(Patient|Encounter)/id", resource_type), key
                continue
            parameters = dict(parse_qsl(search, strict_parsing=True))
            assert parameters["patient"] == "id"
            assert parameters.keys() <= {"patient", "code", "status", "_sort", "_count"}
            assert len(query) <= MAX_QUERY


def test_every_chart_key_of_the_facts_library_is_asked_for(
    services: list[dict[str, Any]], clinic: Clinic
) -> None:
    asked = {q.partition("?")[0].partition("/")[0] for q in services[0]["prefetch"].values()}

    read = {r.type for r in clinic.content.requirements.values() if r.context is None}
    assert read < asked


def test_an_observation_query_asks_for_every_code_or_for_all(
    services: list[dict[str, Any]], clinic: Clinic
) -> None:
    query = services[0]["prefetch"]["observations"]
    asked = set(re.findall(r"[^,=]+\|[^,]+", query.partition("code=")[2]))
    needed = {
        f"{include['system']}|{concept['code']}"
        for r in clinic.content.requirements.values()
        if r.type == "Observation"
        for include in clinic.content.resources[r.main.value_set]["compose"]["include"]
        for concept in include["concept"]
    }
    readings = [r.reading for r in clinic.content.requirements.values() if r.reading]
    needed |= {f"{system}|{code}" for reading in readings for system, code in reading.panels}

    assert "code=" not in query or asked == needed
