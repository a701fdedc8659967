"""``$apply`` and ``$populate`` with something wrong at any place: never a failure of ours, never an
answer from another patient's data, and a ticked emergency is in every plan that is given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.content import Content
from tests.fhir_api.test_apply_route import APPLY
from tests.fhir_api.test_populate_route import POPULATE, context, parameters
from tests.fuzz.contract import READ, is_about_another, resources
from tests.fuzz.mutations import as_bytes, mutated
from tests.fuzz.test_mutated_requests import fuzzed, hook_call, ticks_an_emergency, told
from tests.support.clinic import PERSON
from tests.support.ward import Ward

FHIR_JSON = "application/fhir+json"
SUBJECT = {"name": "subject", "valueString": f"Patient/{PERSON}"}
REFUSED = {400, 412}


@pytest.fixture(scope="module")
def ward(content: Content, tmp_path_factory: pytest.TempPathFactory) -> Ward:
    return Ward(content, tmp_path_factory.mktemp("operations"))


def asked_to_apply(ward: Ward) -> dict[str, Any]:
    """What the hook would be sent, as parameters."""
    prefetch = hook_call(ward, "patient-view")["prefetch"]
    given = [
        {
            "name": "prefetchData",
            "part": [{"name": "key", "valueString": key}, {"name": "data", "resource": value}],
        }
        for key, value in prefetch.items()
    ]
    practitioner = {"name": "practitioner", "valueString": "Practitioner/example"}
    return parameters(SUBJECT, practitioner, *given)


def listed(node: Any, name: str) -> Iterator[dict[str, Any]]:
    """The parts of that name in a list of parts."""
    for part in node if isinstance(node, list) else ():
        if isinstance(part, dict) and part.get("name") == name:
            yield part


def prefetched(body: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """(key, value) of everything sent as data of a prefetch key."""
    for sent in listed(body.get("parameter"), "prefetchData"):
        keys = [p.get("valueString") for p in listed(sent.get("part"), "key")]
        for data in listed(sent.get("part"), "data"):
            if len(keys) == 1 and isinstance(keys[0], str):
                yield keys[0], data.get("resource")


def subject_of(body: Any) -> str | None:
    """Whose plan is asked for, where that is plain."""
    named = [p.get("valueString") for p in listed(body.get("parameter"), "subject")]
    plain = len(named) == 1 and isinstance(named[0], str)
    return (named[0].strip().rpartition("/")[2] or None) if plain else None


@fuzzed
@given(data=st.data())
def test_a_plan_comes_from_one_persons_data_and_keeps_the_emergency(
    ward: Ward, data: st.DataObject
) -> None:
    body = data.draw(mutated(asked_to_apply(ward))).body

    answer = ward.client.post(APPLY, data=as_bytes(body), content_type=FHIR_JSON)

    found = told(answer)
    if answer.status_code != 200:
        assert answer.status_code in REFUSED
        return
    assert found["resourceType"] == "CarePlan"
    subject, sent = subject_of(body), list(prefetched(body))
    if subject is None:
        return
    assert found["subject"] == {"reference": f"Patient/{subject}"}
    about = [r for key, value in sent if key in READ for r in resources(value)]
    assert not [r for r in about if is_about_another(r, subject)]
    plain = len(dict(sent)) == len(sent) and "questionnaireResponses" in dict(sent)
    if plain and ticks_an_emergency({"prefetch": dict(sent)}):
        assert "mergency" in found["contained"][0]["action"][0]["title"]


@fuzzed
@given(data=st.data())
def test_a_form_is_filled_in_from_one_persons_data(ward: Ward, data: st.DataObject) -> None:
    prefetch = hook_call(ward, "patient-view")["prefetch"]
    chart = [context(key, value) for key, value in prefetch.items()]
    body = data.draw(mutated(parameters(SUBJECT, *chart))).body

    answer = ward.client.post(POPULATE, data=as_bytes(body), content_type=FHIR_JSON)

    found = told(answer)
    if answer.status_code != 200:
        assert answer.status_code in REFUSED
        return
    response = next(p["resource"] for p in found["parameter"] if p["name"] == "response")
    subject = subject_of(body)
    if subject is not None:
        assert response["subject"] == {"reference": f"Patient/{subject}"}
        sent = [c["resource"] for g in listed(body["parameter"], "context")
                for c in listed(g.get("part"), "content") if "resource" in c]  # fmt: skip
        about = [r for value in sent for r in resources(value)]
        if "item" in response:
            assert not [r for r in about if is_about_another(r, subject)]


def test_what_is_broken_is_good(ward: Ward) -> None:
    body = asked_to_apply(ward)

    plan = ward.client.post(APPLY, json=body).get_json()

    assert ticks_an_emergency({"prefetch": dict(prefetched(body))})
    assert subject_of(body) == PERSON
    assert "mergency" in plan["contained"][0]["action"][0]["title"]
