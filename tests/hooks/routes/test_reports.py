"""The feedback report: who may read it and what it counts."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest

from cds_service.content import Content
from tests.support.clinic import Clinic
from tests.support.ward import DISCOVERY, REPORT, Make, Trusted, Ward, signed, visit


@pytest.mark.parametrize("header", [None, "Bearer ", "Bearer None", "Bearer open"])
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_without_a_token_setting_there_are_no_reports(
    kind: str, header: str | None, clinic: Clinic
) -> None:
    headers = {"Authorization": header} if header else {}

    answer = clinic.client.get(f"{REPORT}.{kind}", headers=headers)

    assert answer.status_code == 404
    assert answer.get_json()["issue"][0]["code"] == "not-found"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "open",
        "Bearer",
        "Bearer ",
        "Bearer ope",
        "Bearer openx",
        "Bearer OPEN",
        "Basic open",
        "Bearer op\xe9n",
    ],
)
@pytest.mark.parametrize("kind", ["csv", "json", "xml"])
def test_a_wrong_report_token_is_401(kind: str, header: str | None, ward: Ward) -> None:
    headers = {} if header is None else {"Authorization": header}

    answer = ward.client.get(f"{REPORT}.{kind}", headers=headers)

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "feedback" not in answer.text


def test_a_clients_token_opens_no_report(content: Content, tmp_path: Path) -> None:
    served = Trusted(content, tmp_path, report_token="open")
    path = f"{REPORT}.json"

    assert served.client.get(path, headers=signed(path)).status_code == 401
    headers = {"Authorization": "bearer open"}  # and its own token is not of a client
    assert served.client.get(path, headers=headers).status_code == 200
    assert served.client.get(DISCOVERY, headers=headers).status_code == 401


def test_the_report_is_the_same_as_csv_and_json(make: Make) -> None:
    ward = make(report_token="open")
    headers = {"Authorization": "Bearer open"}
    ward.cards(visit(ward))
    ward.clock.now += timedelta(minutes=1)

    plain = ward.client.get(f"{REPORT}.json", headers=headers)
    table = ward.client.get(f"{REPORT}.csv", headers=headers)

    assert plain.content_type == "application/json"
    assert table.content_type == "text/csv; charset=utf-8"
    lines = list(csv.DictReader(io.StringIO(table.text)))
    assert [(r["state"], r["by"], r["id"], str(r["fired"])) for r in plain.get_json()] == [
        (r["state"], r["by"], r["id"], r["fired"]) for r in lines
    ]
    assert "REC-UA" in {r["id"] for r in lines}
    assert ward.client.get(f"{REPORT}.xml", headers=headers).status_code == 404


@pytest.mark.parametrize(
    ("days", "seen"),
    [("1", False), ("3", True), ("-5", False), ("x", True), ("9" * 30, True), ("", True)],
)
def test_the_report_goes_as_far_back_as_asked(
    days: str, seen: bool, content: Content, reported: Ward
) -> None:
    headers = {"Authorization": "Bearer open"}

    answer = reported.client.get(f"{REPORT}.json", query_string={"days": days}, headers=headers)

    assert answer.status_code == 200
    assert bool(answer.get_json()) is seen
