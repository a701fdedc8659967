"""What the chart already says stands in the form when it opens, with where it comes from."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service import utc_now
from cds_service.content import Content
from demo.ehr import DemoEhr
from tests.support.clinic import meeting
from tests.web.smart.conftest import BASE, Browser, Faults

LAUNCH = f"{BASE}/intake/launch"


@pytest.fixture
def medicine(ehr: DemoEhr, content: Content) -> dict[str, Any]:
    """A medicine that Ana takes by her chart, and that an option of the form stands for."""
    entry = meeting(content.requirements["antidepressantRequest"], utc_now().isoformat())
    entry |= {"id": "medicine-1", "subject": {"reference": "Patient/ana"}}
    ehr.put(entry)
    return entry


def test_what_the_chart_proves_is_filled_in(
    browser: Browser, launch_url: str, medicine: dict[str, Any]
) -> None:
    browser.enter(launch_url)

    ((link_id, answers),) = browser.session.answers.items()
    assert [list(answer) for answer in answers] == [["valueCoding"]]
    assert browser.session.origins[link_id]["reference"] == "MedicationRequest/medicine-1"


def test_nobody_elses_chart_is_used(
    browser: Browser, ehr: DemoEhr, medicine: dict[str, Any]
) -> None:
    browser.enter(ehr.launch_url(LAUNCH, "bea"))

    assert browser.session.answers == {}


def test_who_comes_back_is_not_filled_in_again(
    browser: Browser, launch_url: str, ehr: DemoEhr, medicine: dict[str, Any]
) -> None:
    browser.enter(launch_url)
    session = browser.session
    session.answers, session.origins = {}, {}  # cleared by the person
    browser.keep(session)
    browser.enter(ehr.launch_url(LAUNCH, "ana"))

    assert browser.session.answers == {}


@pytest.mark.parametrize("status", [403, 500])
def test_a_chart_that_cannot_be_read_is_no_reason_not_to_ask(
    status: int, browser: Browser, launch_url: str, faults: Faults, medicine: dict[str, Any]
) -> None:
    faults.on("GET", "/fhir/MedicationRequest", status)
    entered = browser.enter(launch_url)

    assert entered.headers["Location"] == "/intake"
    assert browser.session.answers == {}


def test_only_what_the_form_can_use_is_read(
    browser: Browser, launch_url: str, faults: Faults
) -> None:
    browser.enter(launch_url)
    read = {seen.split()[1].split("/")[2] for seen in faults.seen if seen.startswith("GET /fhir/")}

    assert read == {
        ".well-known",
        "Patient",
        "MedicationAdministration",
        "MedicationDispense",
        "MedicationRequest",
        "MedicationStatement",
        "Procedure",
    }
