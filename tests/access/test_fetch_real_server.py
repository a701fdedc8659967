"""A real FHIR server instead of prefetch: whatever was sent, a person gets the same cards."""

from __future__ import annotations

import random
from collections.abc import Iterator
from math import inf
from typing import Any

import httpx
import pytest

from cds_service.access.fhir_client import FhirClient, Limits
from cds_service.authoring.vignettes import Vignettes, request_for
from cds_service.content import Content
from demo.authorization import Context, Token
from demo.ehr import DemoEhr
from tests.access.fetching import CANARY, Visits, allowed, asking

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


class EhrConnection(DemoEhr):
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
def ehr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EhrConnection]:
    ehr = EhrConnection(tmp_path_factory.mktemp("ehr"), tokens_required=True)
    ehr.start()
    yield ehr
    ehr.stop()


@pytest.fixture(scope="module")
def visits(content: Content, ehr: EhrConnection) -> Iterator[Visits]:
    client = FhirClient(Limits(seconds=20), threads=12)
    yield Visits(content, client, allowed(ehr.base))
    client.close()
    client.pool.shutdown(wait=True)


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
    person: str, ehr: EhrConnection, visits: Visits, whole_calls: dict[str, Any]
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


@pytest.mark.requirement("7.1")
def test_people_of_the_other_hooks_too(
    ehr: EhrConnection, visits: Visits, whole_calls: dict[str, Any]
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
    ehr: EhrConnection, visits: Visits, whole_calls: dict[str, Any]
) -> None:
    whole, _ = whole_calls["V03"]
    ehr.admit(whole)
    httpx.delete(f"{ehr.base}/Patient/person", headers=SIGNED, trust_env=False).raise_for_status()

    issue = visits.refusal(asking(whole, ehr.base))

    assert issue.expression == "prefetch.patient"
    assert "could not be read: the FHIR server answered 4" in issue.diagnostics


@pytest.mark.requirement("1.25")
def test_a_chart_of_many_pages_is_read_to_its_end(
    ehr: EhrConnection, visits: Visits, whole_calls: dict[str, Any]
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
    assert visits.cards(asking(whole, ehr.base), now) == expected
