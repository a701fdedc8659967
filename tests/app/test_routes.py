"""The HTTP surface: addresses, methods, media types, sizes, health, request ids and the log."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from cds_service import create_app
from cds_service.content import Content, ContentError
from tests.support.clinic import PATIENT_VIEW, QUIET, Clinic, log_lines, settings_in, topics

CALL = f"/cds-services/{PATIENT_VIEW}"


@pytest.mark.requirement("2.1")
@pytest.mark.requirement("3.6")
@pytest.mark.requirement("4.1")
@pytest.mark.requirement("4.2")
def test_a_call_is_answered_200_with_a_list_of_cards(clinic: Clinic) -> None:
    answer = clinic.post(clinic.request({**QUIET, "urine": ["burn"]}))

    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert list(answer.get_json()) == ["cards"]
    assert topics(answer.get_json()["cards"]) == ["urine-testing", "self-care"]


@pytest.mark.requirement("2.1")
@pytest.mark.requirement("3.9")
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_a_call_is_a_post(method: str, clinic: Clinic) -> None:
    answer = clinic.client.open(CALL, method=method)

    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    (issue,) = answer.get_json()["issue"]
    assert (issue["severity"], issue["code"]) == ("error", "not-supported")
    assert "Allow header" in issue["diagnostics"]


@pytest.mark.requirement("3.9")
def test_discovery_is_a_get(clinic: Clinic) -> None:
    answer = clinic.client.post("/cds-services")

    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


@pytest.mark.requirement("2.4")
@pytest.mark.parametrize("service", ["dyspareunia-workup", "nobody", "x" * 300, "🩺"])
def test_an_unknown_service_is_404(service: str, clinic: Clinic) -> None:
    answer = clinic.post(clinic.request(QUIET), service)

    assert answer.status_code == 404
    (issue,) = answer.get_json()["issue"]
    assert (issue["severity"], issue["code"]) == ("error", "not-found")
    assert "GET /cds-services lists the services" in issue["diagnostics"]
    assert service not in answer.text


@pytest.mark.requirement("3.7")
@pytest.mark.parametrize("address", ["/zebra", "/cds-services/", "/cds-services/a/b/c", "/x?y=z"])
def test_an_unknown_address_is_404(address: str, clinic: Clinic) -> None:
    answer = clinic.client.get(address)

    assert answer.status_code == 404
    assert answer.get_json()["resourceType"] == "OperationOutcome"


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("address", ["/zebra", "/intake/zebra", "/cds-services/"])
def test_a_browser_gets_a_page_where_nothing_is(address: str, clinic: Clinic) -> None:
    answers = {
        accept: clinic.client.get(address, headers={"Accept": accept})
        for accept in (BROWSER, "application/json", "*/*")
    }

    assert {answer.status_code for answer in answers.values()} == {404}
    assert "<h1>This did not work</h1>" in answers[BROWSER].text
    for accept in ("application/json", "*/*"):
        assert answers[accept].get_json()["resourceType"] == "OperationOutcome"


@pytest.mark.requirement("2.18")
@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/xml", "application/x-www-form-urlencoded", "text/json", ""],
)
def test_another_media_type_is_415(media_type: str, clinic: Clinic) -> None:
    answer = clinic.post(clinic.request(QUIET), content_type=media_type)

    assert answer.status_code == 415
    (issue,) = answer.get_json()["issue"]
    assert issue["code"] == "not-supported"
    assert "Content-Type: application/json" in issue["diagnostics"]


@pytest.mark.requirement("2.18")
@pytest.mark.parametrize(("encoding", "status"), [("gzip", 415), ("br", 415), ("identity", 200)])
def test_a_packed_body_is_415(encoding: str, status: int, clinic: Clinic) -> None:
    answer = clinic.post(clinic.request(QUIET), headers={"Content-Encoding": encoding})

    assert answer.status_code == status
    assert status == 200 or "Content-Encoding" in answer.get_json()["issue"][0]["diagnostics"]


def test_what_is_said_about_a_patient_is_kept_by_nobody(clinic: Clinic) -> None:
    cards, refusal = clinic.post(clinic.request(QUIET)), clinic.post({})

    assert (cards.status_code, refusal.status_code) == (200, 400)
    assert {a.headers["Cache-Control"] for a in (cards, refusal)} == {"no-store"}


@pytest.mark.requirement("2.18")
def test_a_body_over_the_limit_is_413(tmp_path: Path) -> None:
    client = create_app(settings_in(tmp_path, max_body_bytes=1_000)).test_client()

    answer = client.post(CALL, data=b" " * 1_001, content_type="application/json")

    assert answer.status_code == 413
    (issue,) = answer.get_json()["issue"]
    assert (issue["code"], "over the size limit" in issue["diagnostics"]) == ("too-long", True)


def test_a_body_at_the_limit_is_read(tmp_path: Path) -> None:
    client = create_app(settings_in(tmp_path, max_body_bytes=1_000)).test_client()

    assert client.post(CALL, data=b" " * 1_000, content_type="application/json").status_code == 400


@pytest.mark.parametrize("service", ["nobody", PATIENT_VIEW])
def test_a_query_string_changes_nothing(service: str, clinic: Clinic) -> None:
    plain = clinic.post(clinic.request(QUIET), service)
    queried = clinic.post(clinic.request(QUIET), service, query_string={"debug": "1"})

    assert (queried.status_code, queried.get_json()) == (plain.status_code, plain.get_json())


# -- health and the printable form ---------------------------------------------------------


def test_a_live_service_says_so(clinic: Clinic) -> None:
    assert clinic.client.get("/health/live").get_json() == {"status": "ok"}


def test_readiness_names_the_content_and_that_it_is_a_draft(
    clinic: Clinic, content: Content
) -> None:
    answer = clinic.client.get("/health/ready")

    assert answer.status_code == 200
    assert answer.get_json()["status"] == "ok"
    assert answer.get_json()["content"] == {
        "version": content.version,
        "status": "draft",
        "approval": "Draft clinical content, not approved by clinicians.",
        "siteWordsMissing": ["site crisis line", "site emergency number", "site help-line"],
    }


def test_the_words_of_a_site_stand_in_the_forms_texts(tmp_path: Path) -> None:
    words = {
        "site help-line": 'The "open" line',
        "site crisis line": "555-0100",
        "site emergency number": "112",
    }

    client = create_app(settings_in(tmp_path, site_words=words)).test_client()

    answer = client.get("/health/ready")
    content = answer.get_json()["content"]
    form = client.get("/fhir/Questionnaire/dyspareunia-intake").get_data(as_text=True)
    assert content["siteWordsMissing"] == []
    # A person in need could not call it.
    assert (answer.status_code, answer.get_json()["status"]) == (503, "unavailable")
    assert answer.get_json()["siteWordsWithoutNumber"] == ["site help-line"]
    assert "[site" not in form
    assert r"If you want help now: The \"open\" line" in form
    assert r"ayuda ahora: The \"open\" line" in form


@pytest.mark.parametrize(
    ("address", "goes_on"),
    [("https://weather.example/", True), ("javascript:alert(1)", False), (None, False)],
)
def test_the_quick_exit_goes_on_to_a_page_of_the_site(
    address: str | None, goes_on: bool, tmp_path: Path
) -> None:
    words = {"site exit page": address} if address else {}
    client = create_app(settings_in(tmp_path, site_words=words)).test_client()

    page = client.get(client.post("/intake/leave").headers["Location"]).text

    assert ('content="0; url=https://weather.example/"' in page) == goes_on
    assert page.count("http-equiv") == goes_on


def test_words_for_no_placeholder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ContentError) as refused:
        create_app(settings_in(tmp_path, site_words={"site helpline": "x"}))

    assert str(refused.value.findings[0]) == (
        "CDS_SITE_WORDS: no text holds the placeholder [site helpline]; "
        "the placeholders are: "
        "site assault care line, site crisis line, site emergency number, site help-line"
    )


def test_draft_content_is_served_only_when_it_may_be(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="CDS_SERVE_DRAFT is off"):
        create_app(settings_in(tmp_path, serve_draft=False))


def test_the_intake_page_shows_every_question(clinic: Clinic) -> None:
    page = clinic.client.get("/intake/print")

    assert (page.status_code, page.mimetype) == (200, "text/html")
    for item in clinic.form.resource["item"]:
        start = re.split(r"[\"'&<>\[]", item["text"])[0]
        assert start in page.text


def test_the_offer_card_links_to_the_intake_page(clinic: Clinic) -> None:
    whole = clinic.request()
    reason = {"coding": [{"system": "http://snomed.info/sct", "code": "71315007"}]}
    status = {"coding": [{"code": "active", "system": _CLINICAL}]}
    known = {"resourceType": "Condition", "code": reason, "clinicalStatus": status}
    whole["prefetch"]["conditions"] = known

    (card,) = clinic.cards(whole)

    link, *_ = card["links"]
    assert (link["url"], link["type"]) == ("https://cds.example.org/intake", "absolute")


_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"

# -- request ids and the log ---------------------------------------------------------------


@pytest.mark.parametrize("sent", ["abc-123", "A.b_C", "x" * 64])
def test_a_request_id_goes_out_again(sent: str, clinic: Clinic) -> None:
    answer = clinic.client.get("/health/live", headers={"X-Request-Id": sent})

    assert answer.headers["X-Request-Id"] == sent


@pytest.mark.parametrize("sent", ["", "x" * 65, "two words", "a/b", "canary\u00e9"])
def test_an_odd_request_id_is_replaced(sent: str, clinic: Clinic) -> None:
    answer = clinic.client.get("/health/live", headers={"X-Request-Id": sent})

    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["X-Request-Id"])


def test_the_log_holds_one_line_of_outcomes_and_nothing_sent(
    clinic: Clinic, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    body = clinic.request(
        {**QUIET, "safe": "no", "other": "Quetzal-Canary"},
        patient={"name": [{"family": "Quetzal-Canary"}]},
    )
    body["context"]["userId"] = "Practitioner/Quetzal-Canary"
    body["hookInstance"] = "Quetzal-Canary"

    clinic.post(body, headers={"X-Request-Id": "r-1"}, query_string={"q": "Quetzal-Canary"})

    (line,) = log_lines(caplog)
    told = {"method": "POST", "service": PATIENT_VIEW, "status": 200, "request_id": "r-1"}
    assert told.items() <= line.items()
    assert line["cards"] > 0
    assert line["duration_ms"] > 0
    assert (line["client"], line["content_version"]) == ("anonymous", clinic.content.version)
    printed = capfd.readouterr()
    assert "Quetzal" not in caplog.text + printed.out + printed.err


@pytest.mark.parametrize("address", ["/Quetzal-Canary", "/cds-services/Quetzal-Canary"])
def test_an_unknown_address_is_not_logged(
    address: str, clinic: Clinic, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    clinic.client.post(address, data=b"{}", content_type="application/json")

    assert len(caplog.messages) == 1
    assert "Quetzal" not in caplog.text
