"""Answers reach the EHR once, whatever happens on the way, and say whose they are."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from cds_service.access.clients import read_clients
from cds_service.web.smart.apps import Apps
from cds_service.web.smart.ehr import (
    EhrConnection,
    EhrLogin,
    EhrRefused,
    EhrUnavailable,
    SignInAgain,
)
from demo.ehr import DemoEhr
from tests.web.smart.conftest import BASE, LOST, Browser, Clock, Faults

KIND = "QuestionnaireResponse"
PATH = f"/fhir/{KIND}"
IDENTIFIER = {
    "system": "urn:ietf:rfc:3986",
    "value": "urn:uuid:0d2c8f4e-0000-4000-8000-000000000000",
}


def answered(value: int) -> dict[str, Any]:
    """A response of the form."""
    return {
        "resourceType": KIND,
        "identifier": IDENTIFIER,
        "status": "completed",
        "questionnaire": "https://example.org/Questionnaire/q|1",
        "item": [{"linkId": "sev", "answer": [{"valueInteger": value}]}],
    }


@pytest.fixture
def signed_in(
    browser: Browser, ehr: DemoEhr, service: Flask, folder: Path, clock: Clock
) -> Callable[..., EhrConnection]:
    """The EHR as somebody signed in to it."""
    apps = Apps(read_clients(folder / "clients.json"), development=True)
    app = apps.find(ehr.fhir_base)
    assert app is not None

    def sign_in(patient: str = "ana", **context: str) -> EhrConnection:
        browser.enter(ehr.launch_url(f"{BASE}/intake/launch", patient, **context))
        kept = browser.session.ehr
        assert kept is not None
        fhir = service.extensions["cds_service.hooks.calls"].fhir
        return EhrConnection(EhrLogin.from_json(kept), app, fhir, {}, clock())

    return sign_in


@pytest.fixture
def chart(signed_in: Callable[..., EhrConnection]) -> EhrConnection:
    """The EHR as Ana signed in to it."""
    return signed_in()


def stored(ehr: DemoEhr) -> dict[str, Any]:
    """The one response there is."""
    (only,) = ehr.find(KIND)
    return only


def severity(ehr: DemoEhr) -> int:
    return stored(ehr)["item"][0]["answer"][0]["valueInteger"]


# -- what is written -------------------------------------------------------------------------


def test_a_response_is_the_patients_own(
    signed_in: Callable[..., EhrConnection], ehr: DemoEhr
) -> None:
    id_ = signed_in(encounter="visit-1").save_response(answered(7))
    found, patient = stored(ehr), {"reference": "Patient/ana"}

    assert found["id"] == id_
    assert (found["subject"], found["author"], found["source"]) == (patient, patient, patient)
    assert found["encounter"] == {"reference": "Encounter/visit-1"}
    assert (found["identifier"], found["status"]) == (IDENTIFIER, "completed")


def test_labels_stay_on_it(chart: EhrConnection, ehr: DemoEhr) -> None:
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    chart.save_response(answered(7) | {"meta": {"security": [label]}})

    assert stored(ehr)["meta"]["security"] == [label]


def test_a_correction_amends_it(chart: EhrConnection, ehr: DemoEhr) -> None:
    id_ = chart.save_response(answered(7))

    assert chart.save_response(answered(3)) == id_
    assert (severity(ehr), stored(ehr)["status"]) == (3, "amended")
    assert stored(ehr)["meta"]["versionId"] == "2"


def test_one_that_was_deleted_is_made_again(chart: EhrConnection, ehr: DemoEhr) -> None:
    id_ = chart.save_response(answered(7))
    tokens = dict(ehr.authorization.tokens)
    ehr.reset()
    ehr.authorization.tokens.update(tokens)
    other = chart.save_response(answered(7))

    assert stored(ehr)["id"] == other != id_


# -- once --------------------------------------------------------------------------------------


def test_a_save_whose_answer_was_lost_is_not_made_twice(
    chart: EhrConnection, ehr: DemoEhr, faults: Faults
) -> None:
    faults.on("POST", PATH, LOST)
    with pytest.raises(EhrUnavailable):
        chart.save_response(answered(7))
    first = stored(ehr)

    assert chart.save_response(answered(7)) == first["id"]
    assert stored(ehr) == first


def test_what_was_changed_before_the_second_try_counts(
    chart: EhrConnection, ehr: DemoEhr, faults: Faults
) -> None:
    faults.on("POST", PATH, LOST)
    with pytest.raises(EhrUnavailable):
        chart.save_response(answered(7))
    chart.save_response(answered(3))

    assert severity(ehr) == 3


def test_two_saves_at_once_are_one_response(chart: EhrConnection, ehr: DemoEhr) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: chart.save_response(answered(7)), range(8)))

    assert ids == {stored(ehr)["id"]}


def test_two_corrections_at_once_are_both_written(chart: EhrConnection, ehr: DemoEhr) -> None:
    id_ = chart.save_response(answered(0))
    with ThreadPoolExecutor(2) as pool:
        saved = list(pool.map(lambda n: chart.save_response(answered(n)), (1, 2)))

    assert saved == [id_, id_]
    assert stored(ehr)["meta"]["versionId"] == "3"


def test_other_peoples_responses_are_left_alone(chart: EhrConnection, ehr: DemoEhr) -> None:
    ehr.put({**answered(1), "id": "other", "identifier": {**IDENTIFIER, "value": "urn:uuid:x"}})
    chart.save_response(answered(7))

    assert len(ehr.find(KIND)) == 2


# -- not now, not at all ---------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_busy_ehr_may_be_asked_again(
    status: int, chart: EhrConnection, ehr: DemoEhr, faults: Faults
) -> None:
    faults.on("POST", PATH, status)
    with pytest.raises(EhrUnavailable):
        chart.save_response(answered(7))
    chart.save_response(answered(7))

    assert severity(ehr) == 7


@pytest.mark.parametrize("status", [400, 403, 404, 405, 422])
def test_an_ehr_that_refuses(
    status: int, chart: EhrConnection, ehr: DemoEhr, faults: Faults
) -> None:
    faults.on("POST", PATH, status)
    with pytest.raises(EhrRefused) as refused:
        chart.save_response(answered(7))

    assert not isinstance(refused.value, SignInAgain)
    assert "7" not in str(refused.value)
    assert ehr.find(KIND) == []


def test_a_response_that_keeps_being_changed(chart: EhrConnection, faults: Faults) -> None:
    chart.save_response(answered(7))
    faults.on("PUT", PATH, 412, 409, 412)
    with pytest.raises(EhrUnavailable):
        chart.save_response(answered(3))


def test_a_login_that_the_ehr_ended(chart: EhrConnection, ehr: DemoEhr) -> None:
    ehr.authorization.tokens.clear()
    with pytest.raises(SignInAgain):
        chart.save_response(answered(7))


def test_a_login_that_is_over_is_not_tried(
    signed_in: Callable[..., EhrConnection], clock: Clock, faults: Faults
) -> None:
    chart = signed_in()
    chart.now += timedelta(hours=1)
    faults.seen.clear()
    with pytest.raises(SignInAgain):
        chart.save_response(answered(7))

    assert faults.seen == []
