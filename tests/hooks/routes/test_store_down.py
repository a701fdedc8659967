"""A store that is down costs the record, never the cards."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_service.content import Content
from tests.support.clinic import Clinic, topics
from tests.support.ward import (
    BROWSER,
    CORS,
    DISCOVERY,
    REPORT,
    Make,
    Trusted,
    Ward,
    again,
    cors_headers,
    overridden,
    requirement,
    signed,
    visit,
)


@pytest.fixture(params=["sqlite", "postgresql"])
def storeless(
    request: pytest.FixtureRequest, make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Ward:
    """An application whose database cannot be reached."""
    (tmp_path / "file").touch()
    urls = {
        "sqlite": f"sqlite:///{tmp_path}/file/cds.sqlite3",
        "postgresql": "postgresql+psycopg://nobody:secret@127.0.0.1:1/cds",
    }
    ward = make(database_url=urls[request.param], report_token="open", cors_origins=BROWSER)
    assert "the store cannot be reached" in caplog.text
    return ward


def test_without_a_store_cards_are_shown_and_the_loss_is_told(
    storeless: Ward, clinic: Clinic
) -> None:
    body = visit(storeless)
    assert topics(storeless.cards(body)) == topics(clinic.cards(body))
    assert topics(storeless.cards(again(body))) == topics(clinic.cards(body))

    ready = storeless.client.get("/health/ready")

    assert ready.status_code == 503  # it was never read what is switched off
    assert int(ready.headers["Retry-After"]) > 0
    assert ready.get_json()["status"] == "unavailable"
    assert ready.get_json()["store"] == {"status": "unavailable", "callsNotRecorded": 2}
    assert storeless.client.get("/health/live").status_code == 200


@requirement("5.8")
@requirement("3.11")
def test_without_a_store_feedback_is_to_be_sent_again(storeless: Ward) -> None:
    item = overridden({"uuid": "x"})

    answers = [
        storeless.feedback(item, headers={"Origin": BROWSER}),
        storeless.feedback(item, {}, headers={"Origin": BROWSER}),
        storeless.client.get(
            f"{REPORT}.csv", headers={"Authorization": "Bearer open", "Origin": BROWSER}
        ),
    ]

    for answer in answers:
        assert (answer.status_code, cors_headers(answer)) == (503, CORS)
        assert int(answer.headers["Retry-After"]) > 0
        (issue,) = answer.get_json()["issue"]
        assert issue["code"] == "transient"
        assert "secret" not in answer.text


def test_without_a_store_a_token_still_works_once(content: Content, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    served = Trusted(content, tmp_path, database_url=f"sqlite:///{tmp_path}/file/cds.sqlite3")
    once = signed(DISCOVERY)

    codes = [served.client.get(DISCOVERY, headers=once).status_code for _ in range(2)]

    assert codes == [200, 401]


def test_the_store_of_a_ready_service_is_ok(ward: Ward) -> None:
    store = ward.client.get("/health/ready").get_json()["store"]

    assert store == {"status": "ok", "callsNotRecorded": 0}
