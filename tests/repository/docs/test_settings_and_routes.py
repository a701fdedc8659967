"""The tables of settings, routes and statuses are those of the code."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from cds_service.fhir import errors
from cds_service.settings import Settings
from cds_service.web.form.addresses import FORMS

from .pages import INTEGRATING, REFERENCE, code, in_words, markdown_files, read, table


def test_the_reference_lists_every_setting_with_its_default() -> None:
    expected = {
        f"CDS_{name.upper()}": in_words(field.default)
        for name, field in Settings.model_fields.items()
    }

    listed = {code(row[0]): code(row[1]) for row in table(REFERENCE, "variable")}

    assert listed == expected


def test_the_reference_lists_every_route(client: FlaskClient) -> None:
    expected = {
        (method, re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", r"{\1}", rule.rule))
        for rule in client.application.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.rule.startswith(f"{FORMS}/")  # as below /intake, for every form: one row
    }
    expected.add(("any", f"{FORMS}/{{form_id}}"))

    listed = {(row[0], code(row[1])) for row in table(REFERENCE, "method")}

    assert listed == expected


def test_every_status_is_listed() -> None:
    raised = {error.status for error in errors.ServiceError.__subclasses__()}
    expected = {200, 500} | {int(status) for status in raised | set(errors.HTTP_WORDS)}

    listed = {int(row[0]) for row in table(INTEGRATING, "status")}

    assert listed == expected


# Of docker-compose.yml and the proxy alone.
OTHER_NAMES = {
    "CDS_CLIENTS_FOLDER",
    "CDS_CONTENT_FOLDER",
    "CDS_GRAFANA_PASSWORD",
    "CDS_OFFLINE",
    "CDS_METRICS_TOKEN",
    "CDS_POSTGRES_PASSWORD",
    "CDS_PUBLISH_HTTP",
    "CDS_PUBLISH_HTTPS",
    "CDS_REPLICAS",
    "CDS_SITE",
}

DEPLOYED = ["docker-compose.yml", "Dockerfile", "deploy/Caddyfile", "deploy/env.example"]


@pytest.mark.parametrize("name", [*markdown_files(), *DEPLOYED])
def test_every_setting_that_is_named_exists(name: str) -> None:
    named = set(re.findall(r"\bCDS_[A-Z_]*[A-Z]", read(name)))

    assert named - {f"CDS_{field.upper()}" for field in Settings.model_fields} <= OTHER_NAMES


def test_operating_explains_what_ready_says(client: FlaskClient) -> None:
    ready = client.get("/health/ready").get_json()
    line = next(row for row in table(read("docs/operating.md"), "address") if "ready" in row[0])

    assert {*ready, *ready["store"]} - {"status"} <= set(re.findall(r"`(\w+)`", line[1]))
