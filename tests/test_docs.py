"""What the documents say is true: settings, routes, statuses, clients, commands, links, findings,
modules, and the calls they print."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from support import ROOT, settings_in

from cds_service import cli, create_app, errors, security
from cds_service.clients import Client, read_clients
from cds_service.settings import Settings

JSON = "application/json"
NOW = datetime(2027, 5, 4, 12, 0, tzinfo=UTC)  # not the example's day: the README moves that
LINK = re.compile(r"(?<!`)!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def markdown_files() -> list[str]:
    """Every Markdown file of the project, not of what is installed into it."""
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*.md"))
    return sorted(
        path.as_posix()
        for path in found
        if not any(part.startswith(".") for part in path.parts) and path.parts[0] != "var"
    )


def table(page: str, first_heading: str) -> list[list[str]]:
    """The rows of the table whose first column has this heading."""
    rows = re.search(rf"^\| {re.escape(first_heading)} \|.*\n\|[-| ]+\|\n((?:\|.*\n)+)", page, re.M)
    assert rows, f"no table with the first column {first_heading!r}"
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in rows[1].splitlines()
    ]


def fences(page: str, language: str) -> list[str]:
    return [text for name, text in FENCE.findall(page) if name == language]


def code(cell: str) -> str:
    return cell.strip("`")


README = read("README.md")
INTEGRATING = read("docs/integrating.md")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return create_app(settings_in(tmp_path_factory.mktemp("docs")), lambda: NOW).test_client()


def in_words(default: Any) -> str:
    """A default as the tables write it."""
    if default is None:
        return "not set"
    return str(default).lower() if isinstance(default, bool) else str(default) or "empty"


# -- settings, routes, status codes -----------------------------------------------------------


def test_the_readme_lists_every_setting_with_its_default() -> None:
    expected = {
        f"CDS_{name.upper()}": in_words(field.default)
        for name, field in Settings.model_fields.items()
    }

    listed = {code(row[0]): code(row[1]) for row in table(README, "variable")}

    assert listed == expected


def test_the_readme_lists_every_route(client: FlaskClient) -> None:
    expected = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in client.application.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    listed = {(row[0], code(row[1])) for row in table(README, "method")}

    assert listed == expected


@pytest.mark.parametrize("page", [README, INTEGRATING], ids=["readme", "integrating"])
def test_every_status_is_listed(page: str) -> None:
    raised = {error.status for error in errors.ServiceError.__subclasses__()}
    expected = {200, 500} | {int(status) for status in raised | set(errors.HTTP_WORDS)}

    listed = {int(row[0]) for row in table(page, "status")}

    assert listed == expected


# Of docker-compose.yml and the proxy alone.
OTHER_NAMES = {
    "CDS_GRAFANA_PASSWORD",
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


# -- clients and hooks ------------------------------------------------------------------------


def test_the_example_of_a_clients_file_loads_and_shows_every_field() -> None:
    clients = read_clients(ROOT / "examples" / "clients.json")
    shown = {name for client in clients for name in client.model_fields_set}

    assert shown == set(Client.model_fields)
    assert all(str(c.issuer).endswith((".example", "example.org")) for c in clients)


def test_the_entries_that_integrating_prints_are_accepted(tmp_path: Path) -> None:
    text = re.sub(r"^ {3}", "", INTEGRATING, flags=re.M)  # those inside numbered steps
    entries = [json.loads(one) for one in fences(text, "json") if '"jwksUrl"' in one]
    (tmp_path / "clients.json").write_text(json.dumps({"clients": entries}))

    assert len(entries) == len(read_clients(tmp_path / "clients.json")) == 2


def test_integrating_lists_every_field_of_the_clients_file() -> None:
    expected = {
        field.alias or name: "required" if field.is_required() else field.default
        for name, field in Client.model_fields.items()
    }
    words = {
        name: {None: "none", (): "none"}.get(value)
        or ", ".join(value if isinstance(value, tuple) else [in_words(value)])
        for name, value in expected.items()
    }

    listed = {code(row[0]): row[1].replace("`", "") for row in table(INTEGRATING, "field")}

    assert listed == words


def test_what_a_401_points_to_is_there() -> None:
    words = security.Unauthorized().issues[0].diagnostics
    page, heading = re.search(r"See (\S+), (.+)\.$", words).groups()

    assert f"\n## {heading}\n" in read(page)


def test_integrating_lists_every_service(client: FlaskClient) -> None:
    services = client.get("/cds-services").get_json()["services"]

    listed = [(code(row[0]), code(row[1])) for row in table(INTEGRATING, "hook")]

    assert listed == [(service["hook"], service["id"]) for service in services]


def test_integrating_lists_every_override_reason() -> None:
    system = json.loads(read("code_systems/override-reasons.json"))

    listed = [(code(row[0]), row[1]) for row in table(INTEGRATING, "code")]

    assert listed == [(concept["code"], concept["display"]) for concept in system["concept"]]
    assert system["url"] in INTEGRATING


# -- commands ---------------------------------------------------------------------------------


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", read("Makefile"), re.M))


def subcommands() -> set[str]:
    actions = cli._parser()._actions
    return {name for action in actions for name in (getattr(action, "choices", None) or ())}


@pytest.mark.parametrize("name", markdown_files())
def test_every_command_in_a_document_exists(name: str) -> None:
    lines = [line for text in fences(read(name), "sh") for line in text.splitlines()]
    targets = [t for line in lines if line.startswith("make ") for t in line.split()[1:]]
    commands = [m[1] for line in lines if (m := re.search(r"\bcds-service ([a-z]\S*)", line))]

    assert {t for t in targets if "=" not in t} <= make_targets()
    assert set(commands) <= subcommands()


def test_the_readme_lists_every_command() -> None:
    listed = {code(row[0]).split()[1] for row in table(README, "command")}

    assert listed == subcommands()


# -- links ------------------------------------------------------------------------------------


def anchors(page: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(name: str) -> Iterator[str]:
    """Relative links of a page, outside its code blocks."""
    for target in LINK.findall(FENCE.sub("", read(name))):
        if not re.match(r"[a-z]+:", target):
            yield target


@pytest.mark.parametrize("name", markdown_files())
def test_every_relative_link_leads_somewhere(name: str) -> None:
    broken = []
    for target in links(name):
        path, _, anchor = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        known = anchors(file.read_text(encoding="utf-8")) if anchor and file.is_file() else set()
        if not file.exists() or (anchor and anchor not in known):
            broken.append(target)

    assert broken == []


def test_every_page_below_docs_is_linked_from_another() -> None:
    linked = {
        ((ROOT / name).parent / target.partition("#")[0]).resolve()
        for name in markdown_files()
        for target in links(name)
    }
    pages = [name for name in markdown_files() if name.startswith("docs/")]

    assert [name for name in pages if (ROOT / name).resolve() not in linked] == []


# -- the printed call -------------------------------------------------------------------------

CALL = re.compile(
    r'sed "s/(?P<day>[\d-]+)/\$\(date -u \+%F\)/g" (?P<file>\S+) \| \\\n'
    r"\s+curl -sS -H '(?P<header>[^']+)' --data-binary @- \\\n"
    r"\s+http://127\.0\.0\.1:8080(?P<path>\S+)"
)


def printed_call() -> re.Match[str]:
    found = next(filter(None, map(CALL.search, fences(README, "sh"))), None)
    assert found, "the README prints no call"
    return found


def differences(expected: Any, actual: Any, path: str = "") -> Iterator[str]:
    """Where a shortened value is not part of the whole one; lists are compared from the start."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key, value in expected.items():
            yield from differences(value, actual.get(key), f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(actual, list):
        for place, value in enumerate(expected):
            found = actual[place] if place < len(actual) else None
            yield from differences(value, found, f"{path}[{place}]")
    elif expected != actual:
        yield f"{path}: {expected!r} is printed, {actual!r} comes back"


def test_the_printed_call_brings_what_is_printed(client: FlaskClient) -> None:
    call = printed_call()
    name, _, value = call["header"].partition(": ")
    body = read(call["file"]).replace(call["day"], NOW.date().isoformat())
    printed = json.loads(fences(README, "json")[0])

    answer = client.post(call["path"], data=body, headers={name: value})

    assert answer.status_code == 200
    assert list(differences(printed, answer.get_json())) == []
    assert len(printed["cards"]) == len(answer.get_json()["cards"])


def test_the_printed_feedback_settles_a_card_of_the_printed_call(tmp_path: Path) -> None:
    client = create_app(settings_in(tmp_path), lambda: NOW).test_client()
    call = printed_call()
    request = read(call["file"]).replace(call["day"], NOW.date().isoformat())
    command = next(text for text in fences(INTEGRATING, "sh") if "/feedback <<" in text)
    path, body = re.search(r"8080(\S+) <<'END'\n(.*)^END$", command, re.M | re.S).groups()
    items = json.loads(body)["feedback"]
    accepted = {s["id"] for item in items for s in item.get("acceptedSuggestions", ())}

    before = client.post(call["path"], data=request, content_type=JSON).get_json()["cards"]
    answer = client.post(path, data=body, content_type=JSON)
    after = client.post(call["path"], data=request, content_type=JSON).get_json()["cards"]

    assert answer.status_code == 200
    assert answer.text in INTEGRATING
    assert {item["card"] for item in items} == {card["uuid"] for card in before[:1]}
    assert accepted <= {s["uuid"] for s in before[0]["suggestions"]}
    assert [card["uuid"] for card in after] == [card["uuid"] for card in before[1:]]


def test_the_examples_day_is_the_same_wherever_it_is_printed() -> None:
    call = printed_call()

    assert call["day"] == cli.EXAMPLE_DAY
    assert call["day"] in read(call["file"])


def test_the_picture_shows_cards_that_exist() -> None:
    """Its description, read by screen readers, holds the three summaries."""
    description = re.search(r"<desc[^>]*>(.*?)</desc>", read("docs/images/cards.svg"), re.S)
    actions = [
        action
        for path in (ROOT / "plan_definitions").rglob("*.json")
        for action in json.loads(path.read_text(encoding="utf-8"))["action"]
    ]
    titles = {action.get("title", "").rstrip(".") for action in actions}

    assert description
    summaries = [s.strip() for s in description[1].rstrip(". ").split(". ")]
    assert len(summaries) == 3
    assert set(summaries) <= titles


# -- lint.md ----------------------------------------------------------------------------------

REPORTS = {"Finding": 2, "found": 2}  # call -> which argument is the message


def as_template(node: ast.AST) -> str | None:
    """A string or f-string as docs/lint.md writes it: what differs is an ellipsis."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values)
    return None


YIELDS_WORDS = {"_node_problems", "_doubts", "_refusals"}


def message_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """Messages handed to a report, put into ``message`` first, or yielded as ``words``."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", None))
            if name in REPORTS and len(node.args) > REPORTS[name]:
                yield node.args[REPORTS[name]]
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "message":
            yield node.value
        elif isinstance(node, ast.FunctionDef) and node.name in YIELDS_WORDS:
            yield from (n.value for n in ast.walk(node) if isinstance(n, ast.Yield) and n.value)


def messages() -> set[str]:
    """Every message a check of the content can make, as a template."""
    found = {
        as_template(node)
        for path in (ROOT / "cds_service" / "content").glob("*.py")
        for node in message_nodes(ast.parse(path.read_text(encoding="utf-8")))
    }
    return {text for text in found if text and text != "…"}  # "…" passes on the evaluator's words


def listed_findings() -> set[str]:
    return set(re.findall(r"^\| `([^`]+)` \| .+ \| .+ \|$", read("docs/lint.md"), re.M))


def test_lint_md_lists_every_finding() -> None:
    assert messages() - listed_findings() == set()


def test_lint_md_lists_nothing_else() -> None:
    assert listed_findings() - messages() == set()


# -- architecture -----------------------------------------------------------------------------


def test_the_table_of_modules_is_the_package() -> None:
    package = ROOT / "cds_service"
    files = {path.stem for path in package.glob("*.py")}
    folders = {
        f"{path.name}/"
        for path in package.iterdir()
        if path.is_dir() and path.name not in ("__pycache__", "_content")
    }

    listed = {code(row[0]) for row in table(read("docs/architecture.md"), "module")}

    assert listed == files | folders


# -- decisions --------------------------------------------------------------------------------

DECISIONS = sorted(
    path.name for path in (ROOT / "docs" / "decisions").glob("*.md") if path.name != "README.md"
)


@pytest.mark.parametrize("name", DECISIONS)
def test_a_decision_has_context_decision_status_and_consequences(name: str) -> None:
    page = read(f"docs/decisions/{name}")

    assert re.search(r"^\*\*Status:\*\* ", page, re.M)
    assert re.findall(r"^## (.+)$", page, re.M) == ["Context", "Decision", "Consequences"]
    assert len(page.splitlines()) <= 60, "a decision is one page"


def test_the_table_of_dependencies_is_what_the_project_declares() -> None:
    declared = tomllib.loads(read("pyproject.toml"))["project"]["dependencies"]
    names = {re.split(r"[\[=><]", requirement)[0] for requirement in declared}

    listed = {code(row[0]) for row in table(read("docs/decisions/dependencies.md"), "package")}

    assert listed == names
