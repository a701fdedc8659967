"""SECURITY.md names tests that exist; and defences that no other file proves."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml
from flask.testing import FlaskClient

from cds_service import cli, create_app
from cds_service.web.pages import PAGES
from tests.support.clinic import ROOT, settings_in

PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (.+?) \| (.+?) \| (.*`test_.*) \|$", PAGE, re.M)


def names_of_tests() -> set[str]:
    trees = (
        ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "tests").rglob("test_*.py")
    )
    return {
        node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
    }


def test_every_test_that_is_named_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))

    assert len(named) > 50
    assert named - names_of_tests() == set()


def test_every_threat_has_a_defence_and_a_test() -> None:
    tables = re.findall(r"\| threat \| defence \| proved by \|\n\|[-| ]+\|\n((?:\|.*\n)+)", PAGE)
    lines = [line for table in tables for line in table.splitlines()]

    assert len(tables) == len(re.findall(r"^### ", PAGE, re.M))
    assert len(ROWS) == len(lines) > 30


# -- defences proved nowhere else -------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A service as an operator runs it: callers need tokens."""
    settings = settings_in(
        tmp_path_factory.mktemp("guarded"),
        auth="required",
        clients=ROOT / "examples" / "clients.json",
    )
    return create_app(settings).test_client()


FORM = {
    "intake",
    "intakes",
    "launch",
    "launches",
    "moved",
}  # open to whoever was handed the form; its answers go to their EHR
PUBLIC = {
    "site",
    "content",
    "static_files",
    "openapi",
    *FORM,
}  # about nobody
PUBLIC_RULES = {"/health/live", "/health/ready", "/metrics"}  # the last is kept in by the proxy


def test_only_the_listed_addresses_are_open(guarded: FlaskClient) -> None:
    """Without a token all others are 401; content as FHIR can be read, and nothing done with it."""
    statuses = {}
    for rule in guarded.application.url_map.iter_rules():
        blueprint = rule.endpoint.split(".")[0]
        path = re.sub(r"<[^>]+>", "x", rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            reads = method == "GET" and (blueprint in PUBLIC or path.startswith("/fhir/"))
            if not reads and blueprint not in FORM and rule.rule not in PUBLIC_RULES:
                answer = guarded.open(path, method=method, json={})
                statuses[method, rule.rule] = answer.status_code
    reports = [statuses.pop(("GET", path)) for path in ("/reports", "/reports/feedback.<kind>")]

    assert reports == [404, 404]  # without a token for them there are none
    assert ("POST", "/fhir/QuestionnaireResponse/$validate") in statuses
    assert len(statuses) > 4
    assert set(statuses.values()) == {401}, statuses


def pages(client: FlaskClient) -> list[str]:
    return sorted(
        rule.rule
        for rule in client.application.url_map.iter_rules()
        if rule.endpoint.split(".")[0] in PAGES
        and "GET" in (rule.methods or ())
        and "<" not in rule.rule
    )


def test_every_page_allows_nothing_inline_and_nothing_from_elsewhere(guarded: FlaskClient) -> None:
    """Its errors too."""
    seen = 0
    for path in [*pages(guarded), "/content/causes/none-of-this-name"]:
        answer = guarded.get(path)
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        assert answer.headers["Referrer-Policy"] == "same-origin", path
        if answer.mimetype != "text/html" or answer.status_code in (301, 302, 303, 308):
            continue
        seen += 1
        policy = dict(
            part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; ")
        )
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert {policy["script-src"], policy["style-src"]} == {"'self'"}, path
        assert answer.headers["Cache-Control"] == "no-store", path
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", answer.text), path
    assert seen > 3


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "cds.example.org"])
def test_without_authentication_serve_keeps_to_loopback(
    host: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CDS_AUTH", "off")

    assert cli.main(["serve", "--host", host]) == 2
    assert "loopback" in capsys.readouterr().err


REPLICA = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"][
    "cds-1"
]


def test_content_is_mounted_read_only() -> None:
    mounted = [v for v in REPLICA["volumes"] if re.search(r":/(srv/content|etc/cds)\b", v)]

    assert len(mounted) == 2
    assert all(v.endswith(":ro") for v in mounted)


def test_the_replicas_can_change_nothing_but_their_own_folder() -> None:
    writable = [v.split(":")[1] for v in REPLICA["volumes"] if not v.endswith(":ro")]

    assert REPLICA["read_only"]
    assert REPLICA["cap_drop"] == ["ALL"]
    assert writable == ["/var/lib/cds"]
    assert REPLICA["tmpfs"] == ["/tmp"]
