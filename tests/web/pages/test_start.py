"""The start page says what this is and leads only where something is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from pydantic import ValidationError

from cds_service import create_app
from cds_service.content import Content
from tests.support.clinic import NOW, settings_in


def test_the_start_page_says_what_is_served_and_in_what_state(
    pages: FlaskClient, content: Content
) -> None:
    html = pages.get("/").text
    services = pages.get("/cds-services").get_json()["services"]

    assert content.version in html
    assert "No clinician has approved it" in html
    for service in services:
        assert service["id"] in html


def test_every_link_and_picture_of_the_start_page_is_there(pages: FlaskClient) -> None:
    html = pages.get("/").text
    targets = set(re.findall(r'(?:href|src)="(/[^"#]*)', html))

    assert {"/intake", "/content", "/cds-services", "/health/ready", "/static/cards.svg"} <= targets
    for target in targets:
        assert pages.get(target, buffered=True).status_code == 200, target


def test_the_clinic_is_linked_only_where_there_is_one(tmp_path: Path, pages: FlaskClient) -> None:
    address = "http://127.0.0.1:8082"
    app = create_app(settings_in(tmp_path, clinic_url=f"{address}/"), lambda: NOW)

    assert f'href="{address}"' in app.test_client().get("/").text
    assert "clinic" not in re.sub(r"clinician|clinical", "", pages.get("/").text.lower())


@pytest.mark.parametrize("url", ["javascript:alert(1)", "clinic.example", "//clinic.example"])
def test_a_clinic_address_is_a_web_address(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValidationError):
        settings_in(tmp_path, clinic_url=url)
