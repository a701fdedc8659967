"""Real requests with something wrong at any place. ``CDS_EXAMPLES=5000`` draws that many of each.

No failure of ours, every refusal is an OperationOutcome, nothing that the contract refuses leads
to cards, and an emergency that was ticked is never lost.
"""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from cds_service.content import Content
from cds_service.hooks.request import HOOKS
from tests.fuzz.contract import BUNDLES, feedback_refusals, refusals, resources
from tests.fuzz.mutations import as_bytes, mutated
from tests.fuzz.test_odd_values import large_request
from tests.support.clinic import FORM, NOW, PERSON, topics
from tests.support.ward import (
    FEEDBACK,
    VALIDATE,
    Ward,
    accepted,
    expressions,
    overridden,
    visit,
)

REFUSED = {400, 412, 413}
QUIET_HOOKS = {"appointment-book", "problem-list-item-create"}  # they only offer the form
fuzzed = settings(suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def ward(content: Content, tmp_path_factory: pytest.TempPathFactory) -> Ward:
    return Ward(content, tmp_path_factory.mktemp("fuzz"))


def hook_call(ward: Ward, hook: str) -> dict[str, Any]:
    """A whole call of a hook about a person with an emergency and a full chart."""
    body = {**large_request(ward), "hook": hook, "fhirServer": "https://ehr.example.org/fhir"}
    body["fhirAuthorization"] = {"access_token": "opaque", "patient": PERSON, "expires_in": 300}
    body["context"]["encounterId"] = "visit"
    if hook in BUNDLES:
        made = {"resourceType": "ServiceRequest", "id": "made", "code": {"text": "A test"}}
        entry = {"resource": made | {"subject": {"reference": f"Patient/{PERSON}"}}}
        body["context"][BUNDLES[hook]] = {"resourceType": "Bundle", "entry": [entry]}
    if hook == "order-select":
        body["context"]["selections"] = ["ServiceRequest/made"]
    return body


def told(answer: TestResponse) -> dict[str, Any]:
    """The body of an answer that is no failure of ours; an error tells what is wrong."""
    assert answer.status_code < 500, answer.text
    body = answer.get_json()
    if answer.status_code >= 400:
        assert body["resourceType"] == "OperationOutcome"
        assert all(i["diagnostics"] and i["code"] and i["severity"] for i in body["issue"])
        assert body["issue"]
    return body


# -- calls ------------------------------------------------------------------------------------


def ticks_an_emergency(body: Any) -> bool:
    """Whether the newest and only finished form plainly has a red flag ticked."""
    responses = resources(body["prefetch"]["questionnaireResponses"])
    if len(responses) != 1:
        return False
    (response,) = responses
    plain = (
        response.get("resourceType") == "QuestionnaireResponse"
        and str(response.get("questionnaire")).partition("|")[0] == FORM
        and response.get("status") == "completed"
        and response.get("authored") == "2026-11-22T11:00:00+00:00"
    )
    items = response.get("item")
    found = [
        i for i in (items if isinstance(items, list) else ())
        if isinstance(i, dict) and i.get("linkId") == "rfgen"
    ]  # fmt: skip
    code = "https://dyspareunia-cds.example/fhir/CodeSystem/intake-rfgen"
    ticked = [{"valueCoding": {"system": code, "code": "severe"}}]
    return plain and len(found) == 1 and found[0].get("answer") == ticked


@fuzzed
@given(data=st.data())
def test_a_broken_call_is_refused_or_answered_with_care(ward: Ward, data: st.DataObject) -> None:
    service = ward.pipeline.service_for(data.draw(st.sampled_from(sorted(HOOKS))))
    whole = hook_call(ward, service.hook)
    body = data.draw(mutated(whole)).body

    answer = ward.post(as_bytes(body), service.id)

    found = told(answer)
    if answer.status_code != 200:
        assert answer.status_code in REFUSED
        return
    wrong = refusals(body, service.hook)
    note(f"the contract refuses: {wrong}")
    assert wrong == []
    shown = topics(found["cards"])
    if service.hook not in QUIET_HOOKS and ticks_an_emergency(body):
        assert "emergency-assessment" in shown
    if not shown:
        _, evaluation = ward.pipeline.evaluation(service, body, NOW)
        assert evaluation.errors == {}


@pytest.mark.parametrize("hook", sorted(HOOKS))
def test_the_calls_that_are_broken_are_good_ones(ward: Ward, hook: str) -> None:
    body = hook_call(ward, hook)

    shown = topics(ward.cards(body, ward.pipeline.service_for(hook).id))
    assert refusals(body, hook) == []
    assert ticks_an_emergency(body)
    assert ("emergency-assessment" in shown) is (hook not in QUIET_HOOKS)


# -- feedback ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def items(ward: Ward) -> list[dict[str, Any]]:
    """Every shape of feedback, on cards that were shown."""
    cards = ward.cards(visit(ward))
    comment = {"reason": {"code": "x", "system": "https://x.example"}, "userComment": "Words."}
    return [
        accepted(cards[0]),
        overridden(cards[1]),
        overridden(cards[0], "deferred"),
        overridden(cards[1], overrideReason=comment),
    ]


@fuzzed
@given(data=st.data())
def test_broken_feedback_is_not_acknowledged(
    ward: Ward, items: list[dict[str, Any]], data: st.DataObject
) -> None:
    body = data.draw(mutated({"feedback": items})).body

    answer = ward.client.post(FEEDBACK, data=as_bytes(body), content_type="application/json")

    found = told(answer)
    sent = body.get("feedback") if isinstance(body, dict) else None
    wrong = [feedback_refusals(i) for i in sent] if isinstance(sent, list) and sent else [["body"]]
    note(f"the contract refuses: {wrong}")
    if answer.status_code == 200:
        assert not any(wrong)
        assert found == {"saved": len(wrong)}
    else:
        assert answer.status_code in REFUSED
        places = re.findall(r"feedback\[(\d+)\]", " ".join(expressions(answer)))
        named = {int(place) for place in places}
        assert not named or named >= {place for place, why in enumerate(wrong) if why}
        last = found["issue"][-1]
        if last["severity"] == "information":  # so many items are saved all the same
            assert f"({len(wrong) - len(named)})" in last["diagnostics"]


# -- $validate --------------------------------------------------------------------------------


@fuzzed
@given(data=st.data())
def test_a_broken_response_is_told_what_is_wrong(ward: Ward, data: st.DataObject) -> None:
    good = resources(large_request(ward)["prefetch"]["questionnaireResponses"])[0]
    whole = in_parameters(good) if data.draw(st.booleans()) else good
    body = data.draw(mutated(whole)).body

    answer = ward.client.post(VALIDATE, data=as_bytes(body), content_type="application/json")

    found = told(answer)
    assert answer.status_code in {200, 400}
    assert found["resourceType"] == "OperationOutcome"
    severities = {issue["severity"] for issue in found["issue"]}
    if severities == {"information"}:  # nothing is wrong with it
        named = [p for p in body.get("parameter", ()) if named_resource(p)]
        sent = named[0]["resource"] if named else body
        assert sent["resourceType"] == "QuestionnaireResponse"
        assert sent["status"] in STATUSES
        assert sent["questionnaire"].partition("|")[0] == FORM


STATUSES = {"in-progress", "completed", "amended", "entered-in-error", "stopped"}


def named_resource(parameter: Any) -> bool:
    return isinstance(parameter, dict) and parameter.get("name") == "resource"


def in_parameters(resource: dict[str, Any]) -> dict[str, Any]:
    parameter = {"name": "resource", "resource": resource}
    return {"resourceType": "Parameters", "parameter": [parameter], "id": str(uuid.UUID(int=1))}
