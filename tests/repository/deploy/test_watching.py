"""Alert rules and dashboard ask for numbers the service has, and only for those."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from cds_service import create_app
from tests.support.clinic import ROOT, settings_in

DEPLOY = ROOT / "deploy"
OF_PROMETHEUS = {"job", "instance", "le", "alertstate"}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return json.loads((DEPLOY / "grafana" / "dashboards" / "service.json").read_text("utf-8"))[
        "panels"
    ]


def expressions() -> Iterator[tuple[str, str]]:
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def known() -> dict[str, set[str]]:
    """Name of a series -> its labels, of everything that is registered."""
    from cds_service.telemetry import metrics

    found = {}
    for collector in metrics.REGISTRY._collector_to_names:
        kind = collector._type
        ends = {
            "counter": ["_total"],
            "histogram": ["_bucket", "_count", "_sum"],
        }.get(kind, [""])
        for end in ends:
            found[collector._name + end] = set(collector._labelnames)
    return found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The same of what an application says when it is asked, gauges made on the way included."""
    app: Flask = create_app(settings_in(tmp_path_factory.mktemp("watched")))
    text = app.test_client().get("/metrics").text
    return {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"\bcds_\w+", expression))


def labels_in(expression: str) -> set[str]:
    inside = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", expression)
    by = re.findall(r"\bby \(([^)]*)\)", expression)
    return set(inside) | {label.strip() for group in by for label in group.split(",")}


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_every_expression_asks_for_numbers_there_are(
    where: str, expression: str, served: dict[str, set[str]]
) -> None:
    series = known() | served
    names = names_in(expression)
    labels = set().union(*(series.get(name, set()) for name in names))

    assert names <= set(series), where
    assert labels_in(expression) <= labels | OF_PROMETHEUS, where


def test_the_dashboard_shows_every_number_there_is() -> None:
    shown = set().union(*(names_in(e) for _, e in expressions()))
    families = {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in known()}

    assert families - {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in shown} == set()


def test_operating_says_what_to_do_about_every_alert() -> None:
    page = (ROOT / "docs" / "operating.md").read_text("utf-8")
    rows = page.partition("\n| alert | ")[2].partition("\n\n")[0]
    explained = re.findall(r"^\| `(\w+)` \|", rows, re.M)

    assert explained == [rule["alert"] for rule in rules()]


def test_every_alert_says_how_grave_it_is_and_what_it_means() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert rule["annotations"]["summary"].endswith(".")


def test_prometheus_asks_each_replica_and_grafana_asks_prometheus() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    asked = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8"))
    source = yaml.safe_load(
        (DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml").read_text("utf-8")
    )["datasources"][0]
    mounted = {v.split(":")[1] for v in compose["grafana"]["volumes"]}
    files = yaml.safe_load(
        (DEPLOY / "grafana" / "provisioning" / "dashboards" / "files.yml").read_text("utf-8")
    )["providers"][0]["options"]["path"]

    targets = asked["scrape_configs"][0]["static_configs"][0]["targets"]
    assert targets == ["cds-1:8080", "cds-2:8080"]
    assert asked["scrape_configs"][0]["metrics_path"] == "/metrics"
    assert source["url"] == "http://prometheus:9090"
    assert {panel["datasource"]["uid"] for panel in panels()} == {source["uid"]}
    assert files in mounted


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_prometheus_itself_takes_the_rules() -> None:
    rules_file = str(DEPLOY / "prometheus" / "alerts.yml")
    done = subprocess.run(
        ["promtool", "check", "rules", rules_file], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
