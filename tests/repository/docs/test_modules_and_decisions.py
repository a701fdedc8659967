"""The table of modules is the package; decisions are one page each."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.support.clinic import ROOT

from .pages import code, read, table


def test_the_table_of_packages_is_the_package() -> None:
    package = ROOT / "cds_service"
    files = {path.stem for path in package.glob("*.py")}
    folders = {
        f"{path.name}/"
        for path in package.iterdir()
        if path.is_dir() and path.name not in ("__pycache__", "_content")
    }

    listed = {code(row[0]) for row in table(read("docs/architecture.md"), "package")}

    assert listed == files | folders


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
