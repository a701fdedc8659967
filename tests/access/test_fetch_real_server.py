"""A real FHIR server instead of prefetch: whatever was sent, a person gets the same cards."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from math import inf
from pathlib import Path
from typing import Any

import httpx
import pytest

from cds_service.access.fhir_client import FhirClient, Limits
from cds_service.access.fhir_server import MAX_CALLS, MAX_THREADS
from cds_service.authoring.vignettes import Vignettes, request_for
from cds_service.content import Content
from demo.authorization import Context, Token
from demo.ehr import DemoEhr
from tests.access.fetching import CANARY, Visits, allowed, asking
from tests.support.hostile_fhir import until

PEOPLE = [
    "V01",
    "V03",
    "V05",
    "V09",
    "V10",
    "V11",
    "V13",
    "V14",
    "V16",
    "V20",
    "V22",
    "V23",
    "V28",
    "V29",
]
SUBSETS = 64
SIGNED = {"Authorization": f"Bearer {CANARY}"}


class RealEhr(DemoEhr):
    """The demo's server, and what a test does to it."""

    @property
    def base(self) -> str:
        return self.fhir_base

    def admit(self, body: dict[str, Any]) -> None:
        """Holds the resources of one call's prefetch, with their ids, and nothing else; who sends
        the token of the call may read them."""
        self.reset()
        self.authorization.tokens[CANARY] = Token(Context("person"), "patient/*.read", inf)
        for value in body["prefetch"].values():
            is_bundle = value["resourceType"] == "Bundle"
            for entry in value.get("entry", []) if is_bundle else [{"resource": value}]:
                self.put(entry["resource"])


@pytest.fixture(scope="module")
def ehr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealEhr]:
    ehr = RealEhr(tmp_path_factory.mktemp("ehr"), tokens_required=True)
    ehr.start()
    yield ehr
    ehr.stop()


class Hanging:
    """Holds every request to a server until it is released, and counts those held."""

    def __init__(self) -> None:
        self.held = 0
        self.released = threading.Event()

    def wrap(self, app: Any) -> Any:
        async def serve(scope: Any, receive: Any, send: Any) -> None:
            self.held += 1
            await asyncio.to_thread(self.released.wait)
            await app(scope, receive, send)

        return serve


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[tuple[RealEhr, Hanging]]:
    """A second server, with its own copy of everything, that does not answer."""
    hang = Hanging()
    ehr = RealEhr(tmp_path, tokens_required=True, wrap=hang.wrap)
    ehr.start()
    yield ehr, hang
    hang.released.set()
    ehr.stop()


@pytest.fixture(scope="module")
def visits(content: Content, ehr: RealEhr) -> Iterator[Visits]:
    client = FhirClient(Limits(seconds=20), threads=12)
    yield Visits(content, client, allowed(ehr.base))
    client.close()


@pytest.fixture(scope="module")
def whole_calls(vignettes: Vignettes, content: Content) -> dict[str, tuple[dict[str, Any], Any]]:
    """Vignette id -> the call that brings everything, and its moment."""
    from cds_service.hooks.prefetch import templates

    keys = templates(content)
    return {
        v.id: (request_for(v, vignettes.defaults, content, keys), v.now)
        for v in vignettes.people
        if v.file in ("visits", "hooks")
    }


def cards_of(visits: Visits, body: dict[str, Any], now: Any) -> list[dict[str, Any]]:
    """The cards of a full prefetch, without any fetching."""
    service = visits.pipeline.service_for(body["hook"])
    return visits.pipeline.answer(service, body, now).cards


@pytest.mark.requirement("1.19")
@pytest.mark.requirement("1.26")
@pytest.mark.requirement("3.1")
@pytest.mark.requirement("3.2")
@pytest.mark.parametrize("person", PEOPLE)
def test_whatever_was_sent_the_cards_are_the_same(
    person: str, ehr: RealEhr, visits: Visits, whole_calls: dict[str, Any]
) -> None:
    whole, now = whole_calls[person]
    expected = cards_of(visits, whole, now)
    ehr.admit(whole)
    keys = list(whole["prefetch"])
    chance = random.Random(person)  # the same subsets in every run
    subsets = [[], *([key] for key in keys), *([k for k in keys if k != key] for key in keys)]
    while len(subsets) < SUBSETS:
        subsets.append([key for key in keys if chance.random() < 0.5])

    assert expected
    for sent in subsets:
        assert visits.cards(asking(whole, ehr.base, *sent), now) == expected, sent


@pytest.mark.requirement("3.10")
def test_a_server_that_hangs_slows_no_call_to_another(
    ehr: RealEhr,
    hanging: tuple[RealEhr, Hanging],
    content: Content,
    whole_calls: dict[str, Any],
) -> None:
    stuck, hang = hanging
    whole, now = whole_calls["V03"]
    ehr.admit(whole)
    stuck.admit(whole)
    client = FhirClient(Limits(seconds=60))
    visits = Visits(content, client, allowed(ehr.base, stuck.base))
    expected = visits.cards(asking(whole, ehr.base), now)  # as if it were alone
    with ThreadPoolExecutor(MAX_CALLS) as callers:
        waiting = [
            callers.submit(visits.cards, asking(whole, stuck.base), now) for _ in range(MAX_CALLS)
        ]
        until(lambda: hang.held >= MAX_THREADS, seconds=30)

        assert hang.held == MAX_THREADS
        assert visits.cards(asking(whole, ehr.base), now) == expected
        refused = visits.refusal(asking(whole, stuck.base))  # at once: nothing is released yet
        assert "too many calls are reading from the FHIR server" in refused.diagnostics
        assert hang.held == MAX_THREADS

        hang.released.set()
        assert [each.result() for each in waiting] == [expected] * MAX_CALLS
    client.close()


@pytest.mark.requirement("7.1")
def test_people_of_the_other_hooks_too(
    ehr: RealEhr, visits: Visits, whole_calls: dict[str, Any]
) -> None:
    hooks = set()
    for whole, now in whole_calls.values():
        if whole["hook"] == "patient-view":
            continue
        expected = cards_of(visits, whole, now)
        ehr.admit(whole)

        assert visits.cards(asking(whole, ehr.base), now) == expected, whole["hookInstance"]
        hooks.add(whole["hook"])

    assert "encounter-start" in hooks


@pytest.mark.requirement("3.4")
def test_a_patient_the_server_does_not_have(
    ehr: RealEhr, visits: Visits, whole_calls: dict[str, Any]
) -> None:
    whole, _ = whole_calls["V03"]
    ehr.admit(whole)
    httpx.delete(f"{ehr.base}/Patient/person", headers=SIGNED, trust_env=False).raise_for_status()

    issue = visits.refusal(asking(whole, ehr.base))

    assert issue.expression == "prefetch.patient"
    assert "could not be read: the FHIR server answered 4" in issue.diagnostics


@pytest.mark.requirement("1.25")
def test_a_chart_of_many_pages_is_read_to_its_end(
    ehr: RealEhr, visits: Visits, whole_calls: dict[str, Any]
) -> None:
    whole, now = whole_calls["V03"]
    expected = cards_of(visits, whole, now)
    ehr.admit(whole)
    other = {"resourceType": "Condition", "code": {"coding": [{"system": "x", "code": "y"}]}}
    for n in range(150):
        about = {**other, "id": f"other-{n}", "subject": {"reference": "Patient/person"}}
        ehr.put(about)
    found = httpx.get(f"{ehr.base}/Condition?patient=person", headers=SIGNED, trust_env=False)
    links = found.json()["link"]
    (following,) = [link["url"] for link in links if link["relation"] == "next"]

    assert following.startswith(ehr.base)
    cards = visits.cards(asking(whole, ehr.base), now)
    assert [card["summary"] for card in cards] == [card["summary"] for card in expected]
    assert any("150 of the" in card["detail"] for card in cards), cards[0]["detail"]
