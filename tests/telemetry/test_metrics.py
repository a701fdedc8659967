"""What is counted, and that labels never come from what was sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from cds_service.content import Content
from cds_service.telemetry import metrics
from tests.support.clinic import PATIENT_VIEW, ROOT, chart_entry
from tests.support.hostile_fhir import HostileServer, status
from tests.support.numbers import Counted, samples
from tests.support.ward import (
    BROWSER,
    CALL,
    FEEDBACK,
    MANY,
    Make,
    Trusted,
    Ward,
    accepted,
    again,
    overridden,
    signed,
    visit,
)

Count = Callable[[Ward], Counted]


def test_calls_are_counted_by_service_and_status(make: Make, counted: Count) -> None:
    ward = make()
    numbers = counted(ward)

    ward.post(visit(ward))
    ward.post({})
    ward.post({}, "nobody")

    assert numbers.more("cds_calls_total", service=PATIENT_VIEW, status="200") == 1
    assert numbers.more("cds_calls_total", service=PATIENT_VIEW, status="400") == 1
    assert numbers.more("cds_calls_total", service="none", status="404") == 1
    assert numbers.more("cds_call_seconds_count", service=PATIENT_VIEW) == 1
    assert numbers.more("cds_evaluation_seconds_count") == 1
    route = "/cds-services/<service_id>"
    assert numbers.more("cds_requests_total", route=route, status="200") == 1


def test_cards_are_counted_by_plan_and_what_became_of_them(make: Make, counted: Count) -> None:
    ward = make()
    body = visit(ward)
    numbers = counted(ward)

    first = ward.cards(body)
    ward.feedback(overridden(first[0], "not-indicated"))
    ward.cards(again(body))

    about = {"card": "REC-UA", "indicator": "warning"}
    assert numbers.more("cds_cards_total", **about, state="shown") == 1
    assert numbers.more("cds_cards_total", **about, state="suppressed") == 1
    assert numbers.more("cds_cards_total", card="REC-SELF", indicator="info", state="shown") == 2


def test_feedback_is_counted_by_outcome_and_once(make: Make, counted: Count) -> None:
    ward = make()
    cards = ward.cards(visit(ward, MANY))
    numbers = counted(ward)

    items = [accepted(cards[0]), overridden(cards[1], "x"), overridden(cards[2])]
    ward.feedback(*items)
    ward.feedback(*items[:1], {"card": "x"}, {})

    found = {
        outcome: numbers.more("cds_feedback_total", outcome=outcome)
        for outcome in ("accepted", "overridden", "repeated")
    }
    assert found == {"accepted": 1, "overridden": 2, "repeated": 1}
    assert numbers.more("cds_feedback_total", outcome="refused") >= 2


def test_what_could_not_be_read_is_counted_by_type(make: Make, counted: Count) -> None:
    ward = make()
    odd = chart_entry("Condition", code={"coding": 7}, clinicalStatus={"coding": 7})
    numbers = counted(ward)

    ward.cards(visit(ward, chart=[odd, odd]))

    assert numbers.more("cds_unusable_resources_total", type="Condition") == 2


def test_chart_codings_are_counted_without_their_codes(make: Make, counted: Count) -> None:
    ward = make()
    seen = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "N80.121"}]}
    missed = {"coding": [{"system": "urn:local", "code": "asthma"}]}
    numbers = counted(ward)

    ward.cards(
        visit(ward, chart=[chart_entry("Condition", code=code) for code in (seen, missed, missed)])
    )

    labels = {"type": "Condition", "system": "ICD-10-CM", "recognised": "true"}
    assert numbers.more("cds_chart_codings_total", **labels) == 1
    labels = {"type": "Condition", "system": "other", "recognised": "false"}
    assert numbers.more("cds_chart_codings_total", **labels) == 2


def test_fetches_are_timed_and_their_failures_counted(make: Make, counted: Count) -> None:
    with HostileServer() as server:
        ward = make(fhir_servers=server.base)
        body = {**visit(ward), "fhirServer": server.base}
        del body["prefetch"]["conditions"]
        server.on("Condition", status(403))
        numbers = counted(ward)

        ward.cards(body)
        ward.cards({**again(body), "fhirServer": "https://elsewhere.example.org"})

    assert numbers.more("cds_fetch_seconds_count") == 1
    assert numbers.more("cds_fetch_failures_total", reason="status") == 1
    assert numbers.more("cds_fetch_failures_total", reason="refused") == 1


def test_failures_of_the_store_are_counted_by_operation(
    make: Make, tmp_path: Path, counted: Count
) -> None:
    (tmp_path / "file").touch()
    ward = make(database_url=f"sqlite:///{tmp_path}/file/cds.sqlite3")
    numbers = counted(ward)

    ward.cards(visit(ward))
    ward.feedback(overridden({"uuid": "x"}))

    assert numbers.more("cds_store_failures_total", operation="record_call") == 1
    assert numbers.more("cds_store_failures_total", operation="save_feedback") == 1


def test_tokens_are_counted(content: Content, tmp_path: Path, counted: Count) -> None:
    ward = Trusted(content, tmp_path)
    numbers = counted(ward)

    once = signed("/cds-services")
    for _ in range(2):
        ward.client.get("/cds-services", headers=once)

    assert numbers.more("cds_tokens_total", outcome="accepted") == 1
    assert numbers.more("cds_tokens_total", outcome="refused") == 1


def test_what_is_served_is_named(make: Make, content: Content) -> None:
    page = Counted(make()).page()

    version = ("status", "draft"), ("version", content.version)
    assert samples(page)["cds_content_info", version] == 1
    assert samples(page)["cds_requests_in_progress", ()] == 1  # this one


def test_no_label_comes_from_what_was_sent(make: Make, counted: Count) -> None:
    """Each label a caller could choose would be a time series for as long as the service runs."""
    ward = make(cors_origins=BROWSER)
    numbers = counted(ward)
    before = len(samples(numbers.page()))

    for name in (f"Canary-{i}" for i in range(20)):
        odd = {"resourceType": name, "id": name}
        body = visit(ward, chart=[odd])
        ward.post({**body, "hook": name})
        ward.post(body, name)
        ward.client.open(f"/{name}", method=name.replace("-", "").upper(), headers={"Origin": name})
        ward.feedback({**overridden({"uuid": name}, name), "outcome": name})
        ward.client.post(FEEDBACK.replace(PATIENT_VIEW, name), json={})
        ward.client.post(CALL, data=b"{}", content_type=f"text/{name}")

    page = numbers.page()
    assert "canary" not in page.lower()
    assert len(samples(page)) < before + 40


# -- who may read it ---------------------------------------------------------------------------


def test_numbers_are_in_prometheus_own_format(make: Make) -> None:
    answer = make().client.get("/metrics")

    assert answer.content_type == metrics.CONTENT_TYPE
    assert answer.content_type.startswith("text/plain; version=")


def test_with_a_token_set_numbers_need_it(make: Make) -> None:
    ward = make(metrics_token="open-numbers", report_token="open-reports")
    wrong = ["", "Bearer", "Bearer open-reports", "Basic open-numbers", "Bearer öpen"]

    refused = [ward.client.get("/metrics", headers={"Authorization": w}) for w in wrong]
    read = ward.client.get("/metrics", headers={"Authorization": "Bearer open-numbers"})

    assert [a.status_code for a in refused] == [401] * len(wrong)
    assert read.status_code == 200


# -- the names ---------------------------------------------------------------------------------


def registered() -> set[str]:
    """Names as Prometheus shows them."""
    families = (f for c in metrics.REGISTRY._collector_to_names for f in c.describe())
    return {f"{f.name}_total" if f.type == "counter" else f.name for f in families}


def test_the_operators_page_lists_every_name(make: Make) -> None:
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    section = page.partition("\n## What to watch\n")[2].partition("\n## ")[0]
    page_now = Counted(make()).page()
    at_hand = {f.name for f in text_string_to_metric_families(page_now) if f.type == "gauge"}

    assert set(re.findall(r"^\| `(cds_\w+)", section, re.M)) == registered() | at_hand
